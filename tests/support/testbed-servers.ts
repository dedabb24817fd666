import postgres from 'postgres';
import { migrateDatabase } from '../../src/db/migrate.ts';

/** Each has a Redis database of its own, next to the first, which is nobody's. */
export const testbedsMax = 500;

/** Nothing of a testbed outlives its run, so nothing needs to reach the disk. */
export const postgresSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
};

/** Makes the database that every testbed is a copy of, and the sequence that numbers them. */
export async function prepareTestbeds(serverUrl: string): Promise<void> {
  const server = postgres(serverUrl, { max: 1 });
  await server.unsafe(`create sequence testbed_number maxvalue ${testbedsMax}`);
  await server.end();
  await migrateTemplate(serverUrl);
}

/** Makes the database that testbeds are copies of, by the migrations of a folder; this shop's own by default. */
export async function migrateTemplate(serverUrl: string, folder?: string): Promise<void> {
  const server = postgres(serverUrl, { max: 1 });
  await server`create database shop_template`;
  await server.end();
  const template = new URL(serverUrl);
  template.pathname = '/shop_template';
  await migrateDatabase(template.href, folder === undefined ? {} : { folder });
}

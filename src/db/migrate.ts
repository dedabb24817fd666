import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { z } from 'zod';
import type { Reader } from './client.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));
const journalSchema = z.object({ entries: z.array(z.object({ when: z.number() })).min(1) });

/** Names the advisory lock that lets one migrating process through at a time; any constant of this shop's own does. */
const migrationLock = 7_305_518_044;

/**
 * Brings the database to the newest schema. Any number of processes may call it at once: one migrates, the others wait
 * and find nothing left to do.
 */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, {
    max: 1,
    onnotice: () => {},
    connection: { lock_timeout: 10_000, application_name: 'shop migrate' },
  });
  try {
    await client`select set_config('lock_timeout', '60s', false)`;
    await client`select pg_advisory_lock(${migrationLock})`;
    await client`select set_config('lock_timeout', '10s', false)`;
    await migrate(drizzle(client), { migrationsFolder });
  } finally {
    await client.end();
  }
}

/** When the newest migration of this code was made, in Unix milliseconds. */
function newestMigration(): number {
  const journal = journalSchema.parse(JSON.parse(readFileSync(`${migrationsFolder}/meta/_journal.json`, 'utf8')));
  return Math.max(...journal.entries.map((entry) => entry.when));
}

/** Whether the database has every migration that this code was written for. */
export async function schemaIsCurrent(reader: Reader): Promise<boolean> {
  const [found] = await reader.execute<{ present: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`,
  );
  if (!found?.present) return false;
  const [newest] = await reader.execute<{ created_at: string | null }>(
    sql`select max(created_at) as created_at from drizzle.__drizzle_migrations`,
  );
  return Number(newest?.created_at ?? 0) >= newestMigration();
}

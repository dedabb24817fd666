import { writeFileSync } from 'node:fs';
import { sign } from 'hono/jwt';
import type postgres from 'postgres';
import { openDatabase } from '../src/db/client.ts';
import { migrateDatabase } from '../src/db/migrate.ts';
import { seedShop } from '../src/db/seed.ts';
import { hashPassword } from '../src/domain/customers/passwords.ts';

export const productCount = 10_000;
export const customerCount = 1_000;
export const statusIntervalMs = 3_600_000;
export const jwtSecret = 'known to the bench and to nobody else';

const tokenTtlSeconds = 24 * 3_600;
/** Of every product: no order of any run is to be refused. */
export const stockAtFirst = 1_000_000_000;

/**
 * Ids that a load generator can make from a number, still UUIDv7 in form and order, as SQL: `number` is the expression
 * of a whole number from 1. `wrk/load.lua` and `pgbench/*.sql` make the same.
 */
export const productId = (number: string) => `('01900000-0000-7000-8000-' || (100000000000 + ${number}))::uuid`;
export const customerId = (number: string) => `('01900000-0000-7000-9000-' || (100000000000 + ${number}))::uuid`;

/** Migrates an empty database and fills it with the catalogue and the customers of every work. */
export async function makeCatalogue(sql: postgres.Sql, url: string): Promise<void> {
  await migrateDatabase(url);
  const { db, close } = openDatabase(url, { poolSize: 1, applicationName: 'shop bench' });
  try {
    await seedShop(db, {
      products: productCount,
      customers: customerCount,
      orders: 0,
      currency: 'USD',
      now: new Date(),
      passwordHash: await hashPassword(crypto.randomUUID()),
      statusIntervalMs,
      onProgress: () => {},
    });
  } finally {
    await close(1_000);
  }
  // What was booked names the products by the ids that they had.
  await sql`delete from stock_changes`;
  await renumber(sql, 'products', productId('number'));
  await renumber(sql, 'customers', customerId('number'));
  await sql`update products set stock = ${stockAtFirst}`;
  await sql`
    insert into stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
    select uuid_v7(now()), id, stock, 'created', stock, 'system', now() from products`;
  await sql`vacuum (full, analyze) products`;
  await sql`vacuum (full, analyze) customers`;
}

async function renumber(sql: postgres.Sql, table: string, id: string): Promise<void> {
  await sql.unsafe(`
    with numbered as (select id, row_number() over (order by id) as number from ${table})
    update ${table} set id = ${id} from numbered where ${table}.id = numbered.id`);
}

/** Signs every customer in, and writes their tokens to a file, one a line. */
export async function writeTokens(sql: postgres.Sql, file: string): Promise<void> {
  const sessions = await sql<{ sub: string; ver: number; sid: string }[]>`
    with begun as (
      insert into sessions (id, customer_id, address, created_at, expires_at)
      select uuid_v7(now()), id, '127.0.0.1', now(), now() + make_interval(secs => ${tokenTtlSeconds}) from customers
      returning id, customer_id
    )
    select customers.id as sub, token_version as ver, begun.id as sid from begun join customers on customers.id = customer_id`;
  await sql`vacuum (analyze) sessions`;
  const iat = Math.floor(Date.now() / 1_000);
  const tokens = sessions.map((claims) =>
    sign({ ...claims, aud: 'shop', typ: 'access', iat, exp: iat + tokenTtlSeconds }, jwtSecret, 'HS256'),
  );
  writeFileSync(file, (await Promise.all(tokens)).join('\n'));
}

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { root } from '../support/app-process.ts';
import { createProduct, placeOrder, registerCustomer, request, signInAdmin } from '../support/client.ts';
import { bringTo, mailsOf } from '../support/orders.ts';
import { installedProgram } from '../support/programs.ts';
import { type Shop, startShop } from '../support/shop.ts';

const password = 'made for this suite';

/** Runs deploy/app-role.sql as the owner, and answers the URL of the role that it makes. */
async function makeRole(ownerUrl: string): Promise<string> {
  const psql = await installedProgram('psql', 'postgresql-client');
  const child = Bun.spawn([psql, ownerUrl, '--quiet', `--file=${join(root, 'deploy/app-role.sql')}`], {
    env: { PATH: process.env.PATH, POSTGRES_APP_PASSWORD: password },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaint = await child.stderr.text();
  expect({ code: await child.exited, complaint: complaint.replaceAll(/^.*NOTICE.*$\n?/gm, '') }).toEqual({
    code: 0,
    complaint: '',
  });
  const url = new URL(ownerUrl);
  url.username = 'shop_app';
  url.password = encodeURIComponent(password);
  return url.href;
}

describe('a shop whose processes are shop_app', () => {
  let shop: Shop;
  let app: Sql;

  beforeAll(async () => {
    let url = '';
    shop = await startShop({
      through: async (databaseUrl) => {
        // Twice, as one does who is not sure.
        await makeRole(databaseUrl);
        url = await makeRole(databaseUrl);
        return url;
      },
    });
    app = postgres(url, { max: 1, onnotice: () => {} });
  });

  afterAll(async () => {
    await app.end();
    await shop.stop();
  });

  test('does everything that a shop does', async () => {
    const adminToken = await signInAdmin(shop.url);
    const { id: productId } = await createProduct(shop.url, adminToken, { stock: 10 });
    const { id, token } = await registerCustomer(shop.url);
    const order = await placeOrder(shop.url, token, [{ productId, quantity: 1 }], { 'Idempotency-Key': 'once' });
    await bringTo(shop.db, order.id, 'delivered');
    expect(await mailsOf(shop.db, order.id)).toHaveLength(4);
    const calls = [
      ['GET', '/api/orders?limit=5', 200],
      ['GET', '/api/products?q=mug&sort=name', 200],
      ['GET', '/api/customers', 200],
      ['GET', '/api/mails', 200],
      ['DELETE', `/api/products/${productId}`, 204],
      ['PATCH', `/api/products/restore/${productId}`, 200],
      ['DELETE', `/api/customers/${id}`, 204],
      ['GET', '/metrics', 200],
    ] as const;
    for (const [method, path, status] of calls) {
      const answer = await request(shop.url, method, path, { token: adminToken });
      expect([method, path, answer.status]).toEqual([method, path, status]);
    }
  });

  test.each([
    'create table loot (id int)',
    'create temporary table loot (id int)',
    'create schema loot',
    'create role thief superuser',
    'create extension dblink',
    'create function loot() returns int language sql as $$select 1$$',
    'alter table orders add column loot int',
    'drop table mails',
    'truncate orders cascade',
    'alter role shop_app superuser',
    'select * from pg_authid',
    "select pg_read_file('/etc/passwd')",
    "copy customers to program 'cat'",
    'insert into drizzle.__drizzle_migrations (hash, created_at) values (1, 1)',
    'set session_replication_role = replica',
  ])('refuses a thief who has its password: %s', async (statement) => {
    expect(await app.unsafe(statement).catch((error: { code?: string }) => error.code)).toBe('42501');
  });

  test('an empty database › gets the role before its migrations, and their tables work', async () => {
    const owner = new URL(shop.databaseUrl);
    const name = `${owner.pathname.slice(1)}_fresh`;
    await shop.db.unsafe(`create database ${name}`);
    owner.pathname = `/${name}`;
    const fresh = postgres(await makeRole(owner.href), { max: 1 });
    try {
      await migrateDatabase(owner.href);
      expect(await fresh`select count(*)::int as count from drizzle.__drizzle_migrations`).not.toBeEmpty();
      await fresh`insert into products (id, name, price_cents, stock, currency) values
        ('01890000-0000-7000-8000-000000000000', 'Mug', 1, 1, 'USD')`.catch((error: { code: string }) =>
        // Whatever a column asks for: the right to write is what counts.
        expect(error.code).not.toBe('42501'),
      );
    } finally {
      await fresh.end();
      await shop.db.unsafe(`drop database ${name} with (force)`);
    }
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { openDatabase } from '../../src/db/client.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import type { OrderBody } from '../../src/schema/orders.ts';
import {
  type Account,
  createProduct,
  placeOrder,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from '../support/client.ts';
import { readSource } from '../support/declared.ts';
import { bringTo, mailsOf, unitsOf, untilOrderWaits } from '../support/orders.ts';
import { limitRole, type PgBouncer, pooledParameters, poolerSettings, startPgBouncer } from '../support/pgbouncer.ts';
import { expectProblem } from '../support/problem.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { eventually } from '../support/wait.ts';

const withoutPostgresMsMax = 5_000;
const root = join(import.meta.dir, '../..');
const page = readSource('docs/operations.md');

/** A PgBouncer that keeps no prepared statements can only be used without. */
const parameters = await pooledParameters();

test('docs/operations.md › names the settings of PgBouncer that the suites run with', () => {
  const [, block = ''] = /```ini\n(.*?)```/s.exec(page) ?? [];
  const documented = [...block.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]);
  expect(Object.fromEntries(documented)).toEqual(poolerSettings);
});

describe('a shop behind PgBouncer', () => {
  let shop: Shop;
  let bouncer: PgBouncer;
  let adminToken: string;
  let customer: Account;
  let mugId: string;
  const stock = 10_000;

  beforeAll(async () => {
    shop = await startShop({
      apis: 2,
      through: async (databaseUrl) => {
        await limitRole(databaseUrl, 'here');
        bouncer = await startPgBouncer(databaseUrl);
        return bouncer.url + parameters;
      },
    });
    adminToken = await signInAdmin(shop.url);
    customer = await registerCustomer(shop.url);
    mugId = (await createProduct(shop.url, adminToken, { stock })).id;
  });

  afterAll(async () => {
    await shop.stop();
    await bouncer.stop();
  });

  type Request = [method: string, path: string, options?: RequestOptions];
  const call = <Body = Record<string, unknown>>(api: number, ...[method, path, options]: Request) =>
    request<Body>(shop.api(api).url, method, path, { token: customer.token, ...options });
  const orderBody = () => ({ items: [{ productId: mugId, quantity: 1 }] });

  test('serves a crowd on fewer connections than its processes have, and loses nothing', async () => {
    const requests: Request[] = [
      ['POST', '/api/orders', { body: orderBody() }],
      ['GET', `/api/products/${mugId}`],
      ['GET', '/api/orders?limit=2'],
      ['GET', '/api/customers', { token: adminToken }],
      ['PATCH', `/api/customers/phone/${customer.id}`, { body: { phone: null } }],
    ];
    for (let round = 0; round < 8; round += 1) {
      const answers = await Promise.all(
        [0, 1, 0, 1, 0, 1].flatMap((api) => [
          call(api, 'GET', `/api/products?minPriceCents=${round}&limit=${api + 1}`),
          ...requests.map((asked) => call(api, ...asked)),
        ]),
      );
      expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 201)).toEqual([]);
    }
    expect(await unitsOf(shop.db, mugId)).toBe(stock);
    const [used] = await shop.db<{ connections: number }[]>`
      select count(*)::int as connections from pg_stat_activity
      where datname = current_database() and application_name like 'shop %'`;
    expect(used?.connections).toBeWithin(1, 4 + 1);
  });

  test('loses no query of those that wait for a connection', async () => {
    const { db, close } = openDatabase(bouncer.through(shop.databaseUrl) + parameters, {
      poolSize: 2,
      applicationName: 'crowd',
    });
    const answers = await Promise.all(
      Array.from({ length: 16 }, async (_, asker) => {
        for (let round = 0; round < 100; round += 1) {
          await db.execute(sql`select 1`);
          await db.execute(sql`select ${asker}::int`);
        }
        return asker;
      }),
    );
    expect(answers).toHaveLength(16);
    await close(1_000);
  });

  test('brings an order to its end, with a mail for each status', async () => {
    const { id } = await placeOrder(shop.url, customer.token, orderBody().items);
    await bringTo(shop.db, id, 'delivered');
    expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 processing', '1 shipped', '1 delivered']);
    const sent = () => shop.mail.messages.filter(({ headers }) => headers['x-order-id'] === id).length;
    await eventually(() => sent() === 4, { withinMs: 15_000 });
  });

  test('has its timeouts: a lock is waited for no longer than by itself', async () => {
    for (const line of shop.log()) expect(line.msg).not.toContain('no limit');
    await shop.db.begin(async (tx) => {
      await tx`select 1 from products where id = ${mugId} for update`;
      const body = { name: 'Mug', priceCents: 1, stock: 1 };
      const answer = call(0, 'PUT', `/api/products/${mugId}`, { token: adminToken, body });
      await untilOrderWaits(shop.db);
      expectProblem(await answer, 503, 'unavailable');
      // Postgres gave up the lock, not only the caller the answer.
      const waiting = await shop.db`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      expect(waiting).toHaveLength(0);
    });
  });

  describe.each([
    ['gone', () => shop.postgresLink.cut()],
    ['frozen', async () => shop.postgresLink.hang()],
  ] as const)('when Postgres behind it is %s', (_name, takeAway) => {
    const ready = async () => {
      const statuses = await Promise.all([0, 1].map(async (api) => (await call(api, 'GET', '/readyz')).status));
      return statuses.every((status) => status === 200);
    };

    afterEach(async () => {
      await shop.postgresLink.restore();
      await eventually(ready, { withinMs: 15_000 });
    });

    test('answers 503 in time, and serves by itself when it is back', async () => {
      await takeAway();
      const requests: Request[] = [
        ['GET', `/api/products/${mugId}`],
        ['GET', '/api/products?sort=name&q=nobody'],
        ['POST', '/api/orders', { body: orderBody() }],
        ['GET', '/readyz'],
      ];
      await Promise.all(
        // More than each pool has connections.
        [0, 0, 0, 1, 1, 1].flatMap((api) =>
          requests.map(async (asked) => {
            const startedAt = performance.now();
            const { status } = await call(api, ...asked);
            expect({ status, inTime: performance.now() - startedAt < withoutPostgresMsMax }).toEqual({
              status: 503,
              inTime: true,
            });
          }),
        ),
      );
      await shop.postgresLink.restore();
      await eventually(ready, { withinMs: 15_000 });
      const placed = await eventually(async () => {
        const answer = await call<OrderBody>(0, 'POST', '/api/orders', { body: orderBody() });
        return answer.status === 201 && answer.body;
      });
      await bringTo(shop.db, placed.id, 'processing');
      expect(await unitsOf(shop.db, mugId)).toBe(stock);
    });
  });

  describe('its commands', () => {
    let url: string;
    let direct: postgres.Sql;

    beforeAll(async () => {
      const database = `${new URL(shop.databaseUrl).pathname.slice(1)}_empty`;
      await shop.db.unsafe(`create database ${database}`);
      const target = new URL(shop.databaseUrl);
      target.pathname = `/${database}`;
      await limitRole(target.href, 'here');
      direct = postgres(target.href, { max: 1 });
      url = bouncer.through(target.href) + parameters;
    });

    afterAll(async () => {
      const database = new URL(url).pathname.slice(1);
      await direct.end();
      await shop.db.unsafe(`drop database ${database} with (force)`);
    });

    async function run(script: string, ...args: string[]): Promise<string> {
      const child = Bun.spawn([process.execPath, `scripts/${script}.ts`, ...args], {
        cwd: root,
        env: { PATH: process.env.PATH, DATABASE_URL: url, ADMIN_PASSWORD: 'correct horse battery' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [code, output, complaint] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
      expect({ code, complaint }).toEqual({ code: 0, complaint: '' });
      return output;
    }

    test('migrate once however many ask, seed, and make an admin', async () => {
      await Promise.all([migrateDatabase(url), migrateDatabase(url), run('migrate')]);
      const [applied] = await direct<{ all: number; different: number }[]>`
        select count(*)::int as all, count(distinct hash)::int as different from drizzle.__drizzle_migrations`;
      expect(applied?.all).toBeGreaterThan(0);
      expect(applied?.different).toBe(applied?.all);
      const locks = await direct`
        select 1 from pg_locks where locktype = 'advisory'
          and database = (select oid from pg_database where datname = current_database())`;
      expect(locks).toHaveLength(0);
      await run('seed', '--products', '30', '--customers', '5', '--orders', '20');
      expect(await run('create-admin', '--email', 'grace@example.com', '--name', 'Grace')).toContain('is now an admin');
      const [rows] = await direct`select (select count(*)::int from products) as products,
        (select count(*)::int from customers where role = 'admin') as admins`;
      expect(rows).toEqual({ products: 30, admins: 1 });
    });
  });
});

describe('a shop behind PgBouncer › whose role has no limits', () => {
  test('says so in the log of both processes', async () => {
    let bouncer: PgBouncer | undefined;
    const shop = await startShop({
      through: async (databaseUrl) => {
        bouncer = await startPgBouncer(databaseUrl);
        return bouncer.url + parameters;
      },
    });
    const settings = ['idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout'];
    for (const child of [shop.api(0), shop.worker(0)]) {
      const warning = child.log().find(({ msg }) => msg === 'postgres sets no limit on statements or locks');
      expect(warning).toMatchObject({ level: 'warn', settings });
    }
    await shop.stop();
    await bouncer?.stop();
  });
});

describe('a shop behind PgBouncer › whose database has a date style and a time zone of its own', () => {
  test('reads and writes the same moments', async () => {
    let bouncer: PgBouncer | undefined;
    const shop = await startShop({
      workers: 0,
      through: async (databaseUrl) => {
        const database = new URL(databaseUrl).pathname.slice(1);
        const owner = postgres(databaseUrl, { max: 1 });
        await owner.unsafe(`alter database ${database} set datestyle = 'SQL, DMY'`);
        await owner.unsafe(`alter database ${database} set timezone = 'Asia/Kathmandu'`);
        await owner.unsafe(`alter database ${database} set standard_conforming_strings = off`);
        await owner.end();
        await limitRole(databaseUrl, 'here');
        bouncer = await startPgBouncer(databaseUrl);
        return bouncer.url + parameters;
      },
    });
    const startedAt = Date.now();
    const { createdAt } = await registerCustomer(shop.url);
    expect(Date.parse(createdAt)).toBeWithin(startedAt - 1_000, Date.now() + 1_000);
    await shop.stop();
    await bouncer?.stop();
  });

  test('is not ready where a setting gets lost that changes results, and says which', async () => {
    let bouncer: PgBouncer | undefined;
    const shop = await startShop({
      workers: 0,
      through: async (databaseUrl) => {
        await limitRole(databaseUrl, 'here');
        bouncer = await startPgBouncer(databaseUrl);
        return bouncer.url + parameters;
      },
    });
    const database = new URL(shop.databaseUrl).pathname.slice(1);
    await shop.db.unsafe(`alter database ${database} set array_nulls = off`);
    await bouncer?.kill();
    await bouncer?.start();
    const starting = shop.startApi().catch(() => {});
    const errors = () =>
      shop
        .api(1)
        .log()
        .filter(({ level }) => level === 'error');
    await eventually(() => errors().length === 1, { withinMs: 15_000 });
    expect(errors()[0]?.msg).toContain('array_nulls is off');
    await shop.stop();
    await starting;
    await bouncer?.stop();
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { migrateDatabase } from '../src/db/migrate.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import { freePort } from '../standalone/ports.ts';
import { type PostgresServer, startPostgres } from '../standalone/postgres.ts';
import { type Account, createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { placeCluster } from './support/kept-cluster.ts';
import { type Link, openLink } from './support/link.ts';
import { scrape } from './support/metrics.ts';
import { bringTo } from './support/orders.ts';
import { startReplica } from './support/postgres-replica.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

/** Five seconds, four times over, because the suites share the machine. */
const recoveryMsMax = 20_000;
/** Each makes servers of its own. */
const sceneMsMax = 120_000;

const directory = mkdtempSync(join(tmpdir(), 'shop-failover-'));
// As root, Postgres runs under another account, which has to get at its data.
chmodSync(directory, 0o755);

/** What the tests of one server, or of two behind one address, begin with. */
type Scene = { server: PostgresServer; db: Sql; link: Link; shop: Shop; customer: Account; mugId: string };

async function openScene(name: string, options: { queue?: 'postgres' } = {}): Promise<Scene> {
  await placeCluster(join(directory, name));
  const server = await startPostgres({ directory: join(directory, name), choosePort: freePort });
  await migrateDatabase(server.url);
  const link = await openLink(Number(new URL(server.url).port));
  const address = new URL(server.url);
  address.port = String(link.port);
  const shop = await startShop({ ...options, apis: 1, workers: 1, through: async () => address.href });
  const customer = await registerCustomer(shop.url);
  const { id: mugId } = await createProduct(shop.url, await signInAdmin(shop.url), { stock: 100_000 });
  return { server, db: postgres(server.url, { max: 1, onnotice: () => {} }), link, shop, customer, mugId };
}

async function closeScene({ server, db, link, shop }: Scene): Promise<void> {
  await shop.stop();
  await db.end();
  await link.cut();
  await server.stop();
  rmSync(server.cluster, { recursive: true, force: true });
}

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const readiness = async ({ shop }: Scene) => (await request(shop.url, 'GET', '/readyz')).status;

/** Sends so many orders at once, of which each has a key if `keys` gives it one; answers those that were acknowledged. */
async function orderAtOnce({ shop, customer, mugId }: Scene, count: number, keys: string[] = []): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      request<OrderBody>(shop.url, 'POST', '/api/orders', {
        token: customer.token,
        body: { items: [{ productId: mugId, quantity: 1 }] },
        headers: keys.length > 0 ? { 'Idempotency-Key': keys[index % keys.length] ?? '' } : {},
      }),
    ),
  );
  for (const { status } of answers) expect([201, 409, 503]).toContain(status);
  return answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
}

const isServed = async (scene: Scene) => (await orderAtOnce(scene, 1)).length === 1;

async function storedOrders(db: Sql): Promise<number> {
  const [row] = await db<{ count: number }[]>`select count(*)::int as count from orders`;
  return row?.count ?? Number.NaN;
}

/** Lets every session be read-only from now on, the test's own aside. */
async function demote(db: Sql): Promise<void> {
  await db`alter system set default_transaction_read_only = on`;
  await db`select pg_reload_conf()`;
  await eventually(
    async () => (await db`show default_transaction_read_only`)[0]?.default_transaction_read_only === 'on',
  );
  await db`set default_transaction_read_only = off`;
}

/** The same for every session that is open, while new ones write. */
async function demoteSessions(db: Sql): Promise<void> {
  await db`alter role current_user set default_transaction_read_only = off`;
  await demote(db);
}

async function undo(db: Sql): Promise<void> {
  await db`set default_transaction_read_only = off`;
  await db`alter role current_user reset default_transaction_read_only`;
  await db`alter system reset default_transaction_read_only`;
  await db`select pg_reload_conf()`;
  await db`reset default_transaction_read_only`;
  await eventually(
    async () => (await db`show default_transaction_read_only`)[0]?.default_transaction_read_only === 'off',
  );
}

describe('a shop whose open connections become read-only, while new ones write', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene('sessions');
  }, sceneMsMax);

  afterAll(() => closeScene(scene), sceneMsMax);

  afterEach(() => undo(scene.db));

  test('takes every order, once', async () => {
    const { db } = scene;
    // Opens all connections that the API may have.
    await orderAtOnce(scene, 100);
    const before = await storedOrders(db);
    await demoteSessions(db);
    const acknowledged = (await orderAtOnce(scene, 100)).length;
    expect(acknowledged).toBeGreaterThan(0);
    await eventually(() => isServed(scene), { withinMs: recoveryMsMax });
    expect(await readiness(scene)).toBe(200);
    expect(await storedOrders(db)).toBe(before + acknowledged + 1);
  });

  test('makes one order of each key, however often it is sent', async () => {
    const { db } = scene;
    await orderAtOnce(scene, 100);
    const before = await storedOrders(db);
    const keys = Array.from({ length: 10 }, () => randomUUID());
    const switching = demoteSessions(db);
    const ids = new Set<string>();
    await eventually(
      async () => {
        for (const id of await orderAtOnce(scene, 40, keys)) ids.add(id);
        return ids.size === keys.length;
      },
      { withinMs: recoveryMsMax },
    );
    await switching;
    await orderAtOnce(scene, 40, keys);
    expect(await storedOrders(db)).toBe(before + keys.length);
  });

  test('moves orders on, and has its metrics from connections that write', async () => {
    const { db, shop, customer, mugId } = scene;
    const { id } = await placeOrder(shop.url, customer.token, [{ productId: mugId, quantity: 1 }]);
    await scrape(shop.url);
    await demoteSessions(db);
    const startedAt = performance.now();
    await bringTo(db, id, 'processing');
    expect(performance.now() - startedAt).toBeLessThan(givenLoad(recoveryMsMax));
    const [old] = await db<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name = 'shop metrics'`;
    await scrape(shop.url);
    await eventually(async () => {
      const sessions = await db<{ pid: number }[]>`
        select pid from pg_stat_activity where application_name = 'shop metrics'`;
      return sessions.length === 1 && sessions[0]?.pid !== old?.pid;
    });
  });

  test('is not ready while new ones are read-only too, and ready by itself afterwards', async () => {
    const { db, link } = scene;
    // Sessions of the tests before go on to write by the setting that their role had.
    link.drop();
    await db`alter system set default_transaction_read_only = on`;
    await db`select pg_reload_conf()`;
    await eventually(async () => (await readiness(scene)) === 503, { withinMs: recoveryMsMax });
    const { body } = await request(scene.shop.url, 'GET', '/readyz');
    expect(body).toMatchObject({ status: 'unavailable', checks: { postgres: 'down' } });
    expect(await orderAtOnce(scene, 5)).toEqual([]);
    const sessions = async () => (await db`select 1 from pg_stat_activity where application_name = 'shop api'`).length;
    // They are looked for again and again, but do not pile up.
    for (let round = 0; round < 20; round += 1) await orderAtOnce(scene, 20);
    expect(await sessions()).toBeLessThanOrEqual(2 * 8);
    await undo(db);
    await eventually(() => isServed(scene), { withinMs: recoveryMsMax });
    expect(await readiness(scene)).toBe(200);
  });
});

// Each has servers of its own, and they wait at the same time.
describe('a shop without Redis › whose open connections become read-only, while new ones write', () => {
  test.concurrent(
    'moves orders on',
    async () => {
      const scene = await openScene('queue', { queue: 'postgres' });
      const { db, shop, customer, mugId } = scene;
      const { id } = await placeOrder(shop.url, customer.token, [{ productId: mugId, quantity: 1 }]);
      await bringTo(db, id, 'processing');
      await demoteSessions(db);
      await eventually(() => isServed(scene), { withinMs: recoveryMsMax });
      await db`update orders set next_status_at = now() where id = ${id}`;
      await eventually(async () => (await db`select status from orders where id = ${id}`)[0]?.status === 'shipped', {
        withinMs: 2 * recoveryMsMax,
      });
      await closeScene(scene);
    },
    sceneMsMax,
  );
});

describe.each([
  // New sessions of it write nothing either, or a process that has connected meanwhile would rightly stay.
  ['goes on, demoted', async ({ db }: Scene) => demote(db)],
  ['falls silent', async ({ link }: Scene) => link.strand()],
] as const)('a shop whose standby takes over behind one address, while its primary %s', (name, happens) => {
  test.concurrent(
    'goes on with the new primary, and without a restart',
    async () => {
      const scene = await openScene(name.startsWith('goes') ? 'demoted' : 'silent');
      const { server, db, link, shop, customer, mugId } = scene;
      const standby = await startReplica(server, { directory: join(directory, `${name}-standby`) });
      const next = postgres(standby.url, { max: 1, onnotice: () => {} });
      const { id } = await placeOrder(shop.url, customer.token, [{ productId: mugId, quantity: 1 }]);
      await orderAtOnce(scene, 100);
      const before = await storedOrders(db);
      await eventually(async () => (await storedOrders(next)) === before);

      await happens(scene);
      await next`select pg_promote()`;
      link.leadTo(Number(new URL(standby.url).port));
      // What the silent one does not answer takes a request's whole deadline first.
      const withinMs = recoveryMsMax + (name === 'falls silent' ? 4_500 : 0);
      await eventually(() => isServed(scene), { withinMs });
      expect(await readiness(scene)).toBe(200);
      await bringTo(next, id, 'processing');
      expect(await storedOrders(db)).toBe(before);
      expect(await storedOrders(next)).toBeGreaterThan(before);

      await closeScene(scene);
      await next.end();
      await standby.stop();
      rmSync(standby.cluster, { recursive: true, force: true });
    },
    sceneMsMax,
  );
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import postgres, { type Sql } from 'postgres';
import { openDatabase } from '../../src/db/client.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { openReplicas, type ReadServer, type Refusal } from '../../src/db/replicas.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import { freePort } from '../../standalone/ports.ts';
import { type PostgresServer, startPostgres } from '../../standalone/postgres.ts';
import { type Account, createProduct, placeOrder, registerCustomer, request, signInAdmin } from '../support/client.ts';
import { type Link, openLink } from '../support/link.ts';
import { scrape } from '../support/metrics.ts';
import { pgBouncerKeepsStatements, startPgBouncer } from '../support/pgbouncer.ts';
import { startReplica } from '../support/postgres-replica.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { eventually, givenLoad } from '../support/wait.ts';

const directory = mkdtempSync(join(tmpdir(), 'shop-replicas-'));
const servers: PostgresServer[] = [];
const sessions: Sql[] = [];
let primary: PostgresServer;
let replica: PostgresServer;

async function start(name: string, launch: (directory: string) => Promise<PostgresServer>): Promise<PostgresServer> {
  const server = await launch(join(directory, name));
  servers.push(server);
  return server;
}

function session(url: string): Sql {
  const opened = postgres(url, { max: 1, onnotice: () => {} });
  sessions.push(opened);
  return opened;
}

beforeAll(async () => {
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
  primary = await start('primary', (own) => startPostgres({ directory: own, choosePort: freePort }));
  await migrateDatabase(primary.url);
  replica = await start('replica', (own) => startReplica(primary, { directory: own }));
});

afterAll(async () => {
  await Promise.all(sessions.map((opened) => opened.end()));
  for (const server of servers.toReversed()) {
    await server.stop();
    rmSync(server.cluster, { recursive: true, force: true });
  }
  rmSync(directory, { recursive: true, force: true });
});

/** Lets the replica apply what it receives only after a while. */
async function setDelay(ms: number): Promise<void> {
  const own = session(replica.url);
  await own.unsafe(`alter system set recovery_min_apply_delay = '${ms}ms'`);
  await own`select pg_reload_conf()`;
  // The change is there when a new session sees it.
  await eventually(async () => {
    const [row] = await session(replica.url)<{ setting: string }[]>`
      select setting from pg_settings where name = 'recovery_min_apply_delay'`;
    return row?.setting === String(ms);
  });
}

describe('a shop with a replica', () => {
  let shop: Shop;
  let link: Link;
  let adminToken: string;
  let customer: Account;

  beforeAll(async () => {
    link = await openLink(Number(new URL(replica.url).port));
    const replicaUrl = new URL(replica.url);
    replicaUrl.port = String(link.port);
    shop = await startShop({
      apis: 2,
      workers: 0,
      through: async () => primary.url,
      env: { DATABASE_REPLICA_URLS: replicaUrl.href },
    });
    adminToken = await signInAdmin(shop.url);
    customer = await registerCustomer(shop.url);
  });

  afterAll(async () => {
    await shop.stop();
    await link.cut();
  });

  type Search = { name: string; query: string };

  /** A query of the product list that nobody has asked before, and that finds what is named `name`. */
  function newSearch(): Search {
    const name = `mug${randomUUID().replaceAll('-', '')}`;
    return { name, query: `?q=${name}&sort=name` };
  }

  const list = (api: number, query: string) =>
    request<{ data: ProductBody[] }>(shop.api(api).url, 'GET', `/api/products${query}`);
  const stockIn = async (api: number, query: string) => (await list(api, query)).body.data[0]?.stock;

  /** How often lists came from a server, and how often the replica was refused, on these APIs. */
  async function loads(...apis: number[]) {
    const all = await Promise.all((apis.length > 0 ? apis : [0, 1]).map((api) => scrape(shop.api(api).url)));
    const sum = (name: string, labels: Record<string, string>) =>
      all.reduce((total, samples) => total + (samples.value(name, labels) ?? Number.NaN), 0);
    return {
      primary: sum('shop_list_loads_total', { server: 'primary' }),
      replica: sum('shop_list_loads_total', { server: 'replica' }),
      behind: sum('shop_replica_refusals_total', { reason: 'behind' }),
      failed: sum('shop_replica_refusals_total', { reason: 'failed' }),
    };
  }

  /** Asks each API for lists that are not cached until the last one came from the replica. */
  async function untilServedByReplica(): Promise<void> {
    for (const api of [0, 1]) {
      await eventually(
        async () => {
          const before = await loads(api);
          await list(api, newSearch().query);
          return (await loads(api)).replica > before.replica;
        },
        { withinMs: 15_000, everyMs: 50 },
      );
    }
  }

  /** Writes on one API and expects the very next list on both to show it. */
  async function expectWritesVisible(writes: number): Promise<void> {
    const { name, query } = newSearch();
    const { id } = await createProduct(shop.url, adminToken, { name, stock: 0 });
    for (let stock = 1; stock <= writes; stock += 1) {
      const body = { name, priceCents: 1, stock };
      await request(shop.api(stock % 2).url, 'PUT', `/api/products/${id}`, { token: adminToken, body });
      for (const api of [1, 0]) expect(await stockIn(api, query)).toBe(stock);
    }
  }

  test('has its lists from there, and everything else from the primary', async () => {
    await untilServedByReplica();
    const { name } = newSearch();
    const { id } = await createProduct(shop.url, adminToken, { name, stock: 5 });
    await placeOrder(shop.url, customer.token, [{ productId: id, quantity: 1 }]);
    expect((await request(shop.url, 'GET', `/api/products/${id}`)).body.stock).toBe(4);
    const before = await loads();
    const found = await eventually(async () => {
      const { body } = await request<{ data: { id: string }[] }>(shop.url, 'GET', '/api/customers?limit=3', {
        token: adminToken,
      });
      await registerCustomer(shop.url);
      return (await loads()).replica > before.replica && body.data;
    });
    expect(found.length).toBeGreaterThan(0);
  });

  describe.each([
    ['there', async () => {}],
    ['gone', () => shop.redisLink.cut()],
  ] as const)('with Redis %s', (_name, takeAway) => {
    afterEach(async () => {
      await shop.redisLink.restore();
      await setDelay(0);
    });

    test('shows every write in the very next list, though the replica is always a little behind', async () => {
      await setDelay(20);
      await takeAway();
      await untilServedByReplica();
      const before = await loads();
      // Until it has been waited for, and not only passed over.
      do await expectWritesVisible(25);
      while ((await loads()).replica === before.replica);
    });

    test('shows every write in the very next list, though the replica is far behind', async () => {
      await takeAway();
      await untilServedByReplica();
      await setDelay(60_000);
      const before = await loads();
      do await expectWritesVisible(5);
      while ((await loads()).behind === before.behind);
      expect(await loads()).toMatchObject({ replica: before.replica, failed: before.failed });
    });
  });

  test('shows the stock that an order has left within a second, though the replica is far behind', async () => {
    const { name, query } = newSearch();
    const { id } = await createProduct(shop.url, adminToken, { name, stock: 10 });
    await setDelay(60_000);
    for (const api of [0, 1]) expect(await stockIn(api, query)).toBe(10);
    await placeOrder(shop.url, customer.token, [{ productId: id, quantity: 4 }]);
    await eventually(async () => (await stockIn(0, query)) === 6 && (await stockIn(1, query)) === 6, {
      withinMs: 1_000,
    });
    await setDelay(0);
  });

  describe.each([
    ['gone', () => link.cut()],
    ['frozen', async () => link.hang()],
  ] as const)('whose replica is %s', (_name, takeAway) => {
    afterEach(() => link.restore());

    test('has its lists from the primary, and from the replica again when that is back', async () => {
      await untilServedByReplica();
      await takeAway();
      const before = await loads();
      for (const api of [0, 1]) {
        const startedAt = performance.now();
        for (let count = 0; count < 5; count += 1) {
          expect((await list(api, newSearch().query)).status).toBe(200);
        }
        // Only the first of them waited for it.
        expect(performance.now() - startedAt).toBeLessThan(givenLoad(2_000));
      }
      const after = await loads();
      expect(after).toMatchObject({ replica: before.replica, failed: before.failed + 2 });
      const warning = shop.log().find(({ msg }) => msg === 'a replica failed and is left alone');
      expect(warning).toMatchObject({ level: 'warn', replica: `127.0.0.1:${link.port}` });
      expect((await request(shop.url, 'GET', '/readyz')).status).toBe(200);
      await link.restore();
      await untilServedByReplica();
    });
  });
});

describe('openReplicas', () => {
  /** Reads the port of the server that answers, and hears what is told of it. */
  function open(primaryUrl: string, replicaUrls: string[]) {
    const { db, close } = openDatabase(primaryUrl, { poolSize: 2, applicationName: 'test' });
    const told: (ReadServer | Refusal)[] = [];
    const troubles: unknown[] = [];
    const tell = (word: ReadServer | Refusal) => told.push(word);
    const replicas = openReplicas(
      db,
      replicaUrls.map((url) => ({ url, onError: (error) => troubles.push(error) })),
      { onRead: tell, onRefused: tell },
    );
    const port = () =>
      replicas.read(async (reader) => {
        const [row] = await reader.execute<{ port: number }>(sql`select inet_server_port() as port`);
        return row?.port;
      });
    const closeAll = async () => {
      await replicas.close(1_000);
      await close(1_000);
    };
    return { told, troubles, port, read: replicas.read, close: closeAll };
  }

  const portOf = ({ url }: PostgresServer) => Number(new URL(url).port);

  test('without any replica › reads from the primary', async () => {
    const { port, told, close } = open(primary.url, []);
    expect(await port()).toBe(portOf(primary));
    expect(told).toEqual(['primary']);
    await close();
  });

  test('with a replica behind PgBouncer › reads from it', async () => {
    const bouncer = await startPgBouncer(replica.url);
    const parameters = (await pgBouncerKeepsStatements()) ? '' : '?prepare=false';
    const { port, told, close } = open(primary.url, [bouncer.url + parameters]);
    expect(await port()).toBe(portOf(replica));
    expect(told).toEqual(['replica']);
    await close();
    await bouncer.stop();
  });

  test('with a query that fails there › asks the primary', async () => {
    const { read, told, troubles, close } = open(primary.url, [replica.url]);
    const answer = await read(async (reader) => {
      const [row] = await reader.execute<{ answer: number }>(sql`select 1 / (not pg_is_in_recovery())::int as answer`);
      return row?.answer;
    });
    expect({ answer, told }).toEqual({ answer: 1, told: ['failed', 'primary'] });
    expect(String(troubles)).toContain('division by zero');
    await close();
  });

  describe('with two replicas', () => {
    let second: PostgresServer;

    beforeAll(async () => {
      second = await start('second', (own) => startReplica(primary, { directory: own }));
    });

    test('asks them in turn', async () => {
      const { port, close } = open(primary.url, [replica.url, second.url]);
      const ports = [];
      for (let count = 0; count < 4; count += 1) ports.push(await port());
      expect(new Set(ports)).toEqual(new Set([portOf(replica), portOf(second)]));
      await close();
    });

    test('when one takes over › reads from neither it nor the one that still follows the old primary', async () => {
      const [before, after, follower] = [session(primary.url), session(second.url), session(replica.url)];
      await after`select pg_promote()`;
      const old = open(primary.url, [second.url]);
      expect(await old.port()).toBe(portOf(primary));
      expect(old.told).toEqual(['behind', 'primary']);
      await old.close();

      // The old primary goes on, and brings its replica further than the new one has come.
      await eventually(async () => {
        await before`select pg_logical_emit_message(true, 'noise', repeat('x', 1000000))`;
        const [row] = await after<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`;
        const [found] = await follower`select 1 where pg_last_wal_replay_lsn() > ${row?.lsn ?? ''}::pg_lsn`;
        return found;
      });
      const now = open(second.url, [replica.url]);
      expect(await now.port()).toBe(portOf(second));
      expect(now.told).toEqual(['behind', 'primary']);
      await now.close();
    });
  });
});

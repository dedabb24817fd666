// What `npm run scale` runs before the suites: are they really on what they are to be run on?

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { createProduct, placeOrder, registerCustomer, request, signInAdmin } from '../support/client.ts';
import { scrape } from '../support/metrics.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { eventually } from '../support/wait.ts';

const apis = [0, 1, 2];

let shop: Shop;

beforeAll(async () => {
  shop = await startShop();
  const product = await createProduct(shop.url, await signInAdmin(shop.url), { stock: 100 });
  const customer = await registerCustomer(shop.url);
  for (const _api of apis) await placeOrder(shop.url, customer.token, [{ productId: product.id, quantity: 1 }]);
});

afterAll(() => shop.stop());

describe('a shop of the suites', () => {
  test('has its processes at PgBouncer, which has connections for them', async () => {
    const console = new URL(shop.databaseUrl);
    const database = console.pathname.slice(1);
    console.pathname = '/pgbouncer';
    const pooler = postgres(console.href, { max: 1, fetch_types: false });
    const ofDatabase = (rows: Record<string, unknown>[]) => rows.filter((row) => row.database === database);
    const clients = ofDatabase(await pooler`show clients`.simple());
    expect(clients.length).toBeGreaterThanOrEqual(2 * apis.length);
    // One that is only just being made is on one side already, and not yet on the other.
    await eventually(async () => {
      const servers = ofDatabase(await pooler`show servers`.simple());
      const [backends] = await shop.db<{ count: number }[]>`
        select count(*)::int as count from pg_stat_activity
        where datname = current_database() and application_name like 'shop %'`;
      return servers.length > 0 && backends?.count === servers.length;
    });
    await pooler.end();
  });

  test('has lists from the replica, on every API', async () => {
    for (const api of apis) {
      const { url } = shop.api(api);
      await eventually(
        async () => {
          await request(url, 'GET', `/api/products?q=${randomUUID()}`);
          return ((await scrape(url)).value('shop_list_loads_total', { server: 'replica' }) ?? 0) > 0;
        },
        { withinMs: 20_000, everyMs: 50 },
      );
    }
  });

  test('has its cache and its queues in a Redis Cluster', async () => {
    expect(shop.redisUrl).toStartWith('redis+cluster://');
    const keys = await shop.redis.keys('*');
    for (const prefix of ['{shop}:', 'cache:{products}', 'cache:{customers}']) {
      expect(keys.filter((key) => key.startsWith(prefix))).not.toBeEmpty();
    }
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { CustomerBody } from '../src/schema/customers.ts';
import type { ProductBody } from '../src/schema/products.ts';
import {
  type Account,
  type Answer,
  placeOrder,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from './support/client.ts';
import { countWaiting } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually, givenLoad, pause } from './support/wait.ts';

type List<Item> = { data: Item[]; pagination: { totalItems: number } };

const withoutCacheMsMax = 1_000;

let shop: Shop;
let adminToken: string;
let customer: Account;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
});

afterAll(() => shop.stop());

function asAdmin<Body = Record<string, unknown>>(method: string, path: string, options: RequestOptions = {}) {
  return request<Body>(shop.url, method, path, { token: adminToken, ...options });
}

const { product } = createShopClient(
  (method, path, options) => request(shop.url, method, path, options),
  () => ({ url: shop.url, adminToken }),
);

function listProducts(api: number, query = '', headers: Record<string, string> = {}) {
  return request<List<ProductBody>>(shop.api(api).url, 'GET', `/api/products${query}`, { headers });
}

function listCustomers(api: number, query = '') {
  return request<List<CustomerBody>>(shop.api(api).url, 'GET', `/api/customers${query}`, { token: adminToken });
}

const outcome = ({ headers }: Answer<unknown>) => headers.get('X-Cache');

/** A query of the product list that nobody has asked before, and that finds what is named `name`. */
type Search = { name: string; query: string };

function newSearch(): Search {
  const name = `mug${randomUUID().replaceAll('-', '')}`;
  return { name, query: `?q=${name}&sort=name` };
}

/** Asks until the answer comes from the cache, so that it is known to be there. */
function untilCached<Body>(list: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  return eventually(async () => {
    const answer = await list();
    return outcome(answer) === 'HIT' && answer;
  });
}

/** Keeps both processes busy with one list while `work` runs. */
async function whileAsked(list: (api: number) => Promise<unknown>, work: () => Promise<void>): Promise<void> {
  let asking = true;
  const askers = [0, 1, 0, 1].map(async (api) => {
    while (asking) await list(api);
  });
  await work().finally(() => {
    asking = false;
  });
  await Promise.all(askers);
}

/** Writes so many times on the first process, and expects the very next list on both to show it. */
async function expectWritesVisible(writes: number, id: string, { name, query }: Search): Promise<void> {
  for (let stock = 1; stock <= writes; stock += 1) {
    await asAdmin('PUT', `/api/products/${id}`, { body: { name, priceCents: 1, stock } });
    for (const api of [1, 0]) expect((await listProducts(api, query)).body.data[0]?.stock).toBe(stock);
  }
}

async function timed<Body>(call: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  const startedAt = performance.now();
  const answer = await call();
  expect(performance.now() - startedAt).toBeLessThan(givenLoad(withoutCacheMsMax));
  return answer;
}

describe('GET /api/products', () => {
  describe('when it is asked again', () => {
    test('answers the same from the cache, on every process', async () => {
      const { name, query } = newSearch();
      const mug = await product({ name });
      const first = await listProducts(0, query);
      expect(outcome(first)).toBe('MISS');
      expect(first.body.data).toEqual([mug]);
      for (const api of [0, 1]) {
        const again = await untilCached(() => listProducts(api, query));
        expect(again.body).toEqual(first.body);
        expect(again.headers.get('Content-Type')).toBe('application/json');
      }
    });

    test('keeps lists apart that differ in any parameter', async () => {
      const { name, query } = newSearch();
      await Promise.all([product({ name, stock: 0 }), product({ name, stock: 5 })]);
      const total = async (more: string) => (await listProducts(0, query + more)).body.data.length;
      expect(await total('')).toBe(2);
      expect(await total('&inStock=true')).toBe(1);
      expect(await total('&limit=1')).toBe(1);
      expect(await total('&page=2')).toBe(0);
      expect(await total('&minPriceCents=1000000')).toBe(0);
      expect(await total('')).toBe(2);
    });

    test('counts hits and misses in the metrics and the log', async () => {
      const { name, query } = newSearch();
      const counted = async () => {
        const { body } = await request<string>(shop.api(0).url, 'GET', '/metrics');
        const count = (label: string) =>
          Number(
            new RegExp(`^cache_reads_total\\{group="products",outcome="${label}"\\} (\\d+)$`, 'm').exec(body)?.[1] ?? 0,
          );
        return { hits: count('HIT'), misses: count('MISS') };
      };
      const before = await counted();
      const first = await listProducts(0, query, { 'X-Request-Id': `first-${name}` });
      const last = await untilCached(() => listProducts(0, query, { 'X-Request-Id': `last-${name}` }));
      const after = await counted();
      expect(after.hits).toBe(before.hits + 1);
      expect(after.misses).toBe(before.misses + 1);
      const line = (id: string) =>
        shop
          .api(0)
          .log()
          .find(({ requestId }) => requestId === `${id}-${name}`);
      await eventually(() => line('last'));
      expect(line('first')).toMatchObject({ level: 'info', cache: outcome(first), status: 200 });
      expect(line('last')).toMatchObject({ level: 'info', cache: outcome(last), status: 200 });
    });
  });

  describe('when a product has been written on another process', () => {
    test('shows it in the very next list', async () => {
      const { name, query } = newSearch();
      const names = async () => (await listProducts(1, query)).body.data.map((found) => found.stock);
      await untilCached(() => listProducts(1, query));
      const { id } = await product({ name, stock: 1 });
      expect(await names()).toEqual([1]);
      await untilCached(() => listProducts(1, query));
      await asAdmin('PUT', `/api/products/${id}`, { body: { name, priceCents: 1, stock: 2 } });
      expect(await names()).toEqual([2]);
      await untilCached(() => listProducts(1, query));
      await asAdmin('DELETE', `/api/products/${id}`);
      expect(await names()).toEqual([]);
      await untilCached(() => listProducts(1, query));
      await asAdmin('PATCH', `/api/products/restore/${id}`);
      expect(await names()).toEqual([2]);
    });

    test('shows it while others ask without a pause', async () => {
      const { name, query } = newSearch();
      const { id } = await product({ name, stock: 0 });
      await whileAsked(
        (api) => listProducts(api, query),
        () => expectWritesVisible(30, id, { name, query }),
      );
    });
  });

  describe('when orders have changed the stock', () => {
    test('shows it within a second on every process, and at once by id', async () => {
      const { name, query } = newSearch();
      const { id } = await product({ name, stock: 10 });
      for (const api of [0, 1]) await untilCached(() => listProducts(api, query));
      const shows = (stock: number) =>
        eventually(
          async () => {
            const lists = await Promise.all([listProducts(0, query), listProducts(1, query)]);
            return lists.every(({ body }) => body.data[0]?.stock === stock);
          },
          { withinMs: 1_000 },
        );
      const byId = async () => (await request(shop.api(1).url, 'GET', `/api/products/${id}`)).body.stock;
      const order = await placeOrder(shop.url, customer.token, [{ productId: id, quantity: 4 }]);
      expect(await byId()).toBe(6);
      await shows(6);
      await asAdmin('PATCH', `/api/orders/cancel/${order.id}`);
      expect(await byId()).toBe(10);
      await shows(10);
      await asAdmin('PATCH', `/api/orders/restore/${order.id}`);
      expect(await byId()).toBe(6);
      await shows(6);
    });
  });

  describe('when many ask at once for what is not cached', () => {
    /** How many of the shop's queries wait for a lock while nobody else gets at the products; `ask` must not be awaited. */
    async function queriesFor(ask: () => Promise<Answer<List<ProductBody>>>[]) {
      const asked: Promise<Answer<List<ProductBody>>>[] = [];
      let queries = 0;
      await shop.db.begin(async (sql) => {
        await sql`lock table products in access exclusive mode`;
        asked.push(...ask());
        const endsAt = Date.now() + 500;
        while (Date.now() < endsAt || queries === 0) {
          queries = Math.max(queries, await countWaiting(shop.db));
          await pause(20);
        }
      });
      return { queries, answers: await Promise.all(asked) };
    }

    test('runs the queries of one', async () => {
      const one = newSearch();
      const many = newSearch();
      const mug = await product({ name: many.name });
      const alone = await queriesFor(() => [listProducts(0, one.query)]);
      const crowd = await queriesFor(() => Array.from({ length: 40 }, () => listProducts(0, many.query)));
      expect(crowd.queries).toBe(alone.queries);
      for (const { status, body } of crowd.answers)
        expect({ status, data: body.data }).toEqual({ status: 200, data: [mug] });
    });
  });

  describe('when the caller has the list already', () => {
    test('answers 304 without a body to its tag, weak or strong, alone or among others', async () => {
      const { name, query } = newSearch();
      await product({ name });
      const { headers } = await listProducts(0, query, { 'Accept-Encoding': 'identity' });
      const tag = headers.get('ETag') ?? '';
      expect(tag).toMatch(/^"[^"]+"$/);
      const packed = await listProducts(0, query, { 'Accept-Encoding': 'gzip' });
      const sentTags = [tag, `W/${tag}`, packed.headers.get('ETag') ?? '', `"other", W/${tag}`, '*'];
      for (const sent of sentTags) {
        const answer = await listProducts(1, query, { 'If-None-Match': sent });
        expect({ sent, status: answer.status, body: answer.body }).toEqual({ sent, status: 304, body: null as never });
        expect(answer.headers.get('ETag')?.replace(/^W\//, '')).toBe(tag);
      }
    });

    test('answers 200 to another tag, and to the old one after a change', async () => {
      const { name, query } = newSearch();
      const { id } = await product({ name });
      const tag = (await listProducts(0, query)).headers.get('ETag') ?? '';
      expect((await listProducts(0, query, { 'If-None-Match': '"other"' })).status).toBe(200);
      await asAdmin('PUT', `/api/products/${id}`, { body: { name, priceCents: 5, stock: 5 } });
      const changed = await listProducts(1, query, { 'If-None-Match': tag });
      expect(changed.status).toBe(200);
      expect(changed.headers.get('ETag')).not.toBe(tag);
    });
  });

  describe('when CACHE_TTL has passed', () => {
    test('reads again what nobody told it of', async () => {
      const api = await shop.startApi({ CACHE_TTL: '2s' });
      const { name, query } = newSearch();
      const list = () => request<List<ProductBody>>(api.url, 'GET', `/api/products${query}`);
      const { id } = await product({ name, stock: 1 });
      await list();
      await shop.db`update products set stock = 2 where id = ${id}`;
      const cached = await list();
      expect({ from: outcome(cached), stock: cached.body.data[0]?.stock }).toEqual({ from: 'HIT', stock: 1 });
      await eventually(async () => (await list()).body.data[0]?.stock === 2, { withinMs: 3_000 });
      await api.kill();
    });

    test('leaves nothing in Redis for ever', async () => {
      await listProducts(0, newSearch().query);
      const keys = (await shop.redis.keys('*')).filter((key) => !key.startsWith('{shop}'));
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(await shop.redis.pttl(key)).toBeGreaterThan(0);
    });
  });
});

describe('GET /api/customers', () => {
  /** The names of the newest accounts, as one process lists them. */
  const names = async (api: number) => (await listCustomers(api, '?limit=5')).body.data.map(({ name }) => name);

  describe('when an account has been written on another process', () => {
    test('shows it in the very next list', async () => {
      await untilCached(() => listCustomers(1, '?limit=5'));
      const { id, token, email } = await registerCustomer(shop.url, { name: 'First' });
      expect((await names(1))[0]).toBe('First');
      const writes: [string, string, unknown, Partial<CustomerBody>][] = [
        ['PUT', `/api/customers/${id}`, { name: 'Second', email, phone: null }, { name: 'Second' }],
        ['PATCH', `/api/customers/email/${id}`, { email: `new-${email}` }, { email: `new-${email}` }],
        ['PATCH', `/api/customers/phone/${id}`, { phone: '+491234567' }, { phone: '+491234567' }],
      ];
      for (const [method, path, body, expected] of writes) {
        await untilCached(() => listCustomers(1, '?limit=5'));
        expect((await request(shop.url, method, path, { token, body })).status).toBe(200);
        expect((await listCustomers(1, '?limit=5')).body.data[0]).toMatchObject({ id, ...expected });
      }
      await untilCached(() => listCustomers(1, '?limit=5'));
      expect((await request(shop.url, 'DELETE', `/api/customers/${id}`, { token })).status).toBe(204);
      expect((await listCustomers(1, '?limit=5')).body.data.map((found) => found.id)).not.toContain(id);
    });
  });

  describe('when others ask for it without a pause', () => {
    test('shows every write in the very next list', async () => {
      const { id, token } = await registerCustomer(shop.url);
      const query = '?limit=5';
      const listed = async (api: number) =>
        (await listCustomers(api, query)).body.data.find((found) => found.id === id);
      const ask = (api: number) => listCustomers(api, query);
      await whileAsked(ask, async () => {
        for (let number = 1_000_000; number < 1_000_020; number += 1) {
          const phone = `+${number}`;
          const path = `/api/customers/phone/${id}`;
          expect((await request(shop.api(0).url, 'PATCH', path, { token, body: { phone } })).status).toBe(200);
          for (const api of [1, 0]) expect((await listed(api))?.phone).toBe(phone);
        }
      });
    });
  });

  describe('when it is cached', () => {
    test('is still for admins only', async () => {
      const { headers } = await untilCached(() => listCustomers(0));
      expect(headers.get('Cache-Control')).toMatch(/private|no-store/);
      expectProblem(await request(shop.url, 'GET', '/api/customers'), 401, 'unauthenticated');
      const asCustomer = await request(shop.url, 'GET', '/api/customers', { token: customer.token });
      expectProblem(asCustomer, 403, 'forbidden');
    });
  });
});

describe('the cached lists', () => {
  describe.each([
    ['gone', () => shop.redisLink.cut(), 30],
    // Fewer, because each of them waits for Redis in vain.
    ['frozen', () => shop.redisLink.hang(), 4],
  ] as const)('when Redis is %s', (_name, takeAway, writes) => {
    let name: string;
    let query: string;
    let mug: ProductBody;

    beforeEach(async () => {
      ({ name, query } = newSearch());
      mug = await product({ name, stock: 1 });
      for (const api of [0, 1]) await untilCached(() => listProducts(api, query));
      await takeAway();
    });

    afterEach(() => shop.redisLink.restore());

    test('answer the same from Postgres, in time, with every write at once', async () => {
      for (const api of [0, 1]) {
        const { status, body, headers } = await timed(() => listProducts(api, query));
        expect({ status, data: body.data, from: headers.get('X-Cache') }).toEqual({
          status: 200,
          data: [mug],
          from: 'BYPASS',
        });
        expect(outcome(await timed(() => listCustomers(api)))).toBe('BYPASS');
      }
      const change = { name, priceCents: 1, stock: 2 };
      const put = await timed(() => asAdmin('PUT', `/api/products/${mug.id}`, { body: change }));
      expect(put.status).toBe(200);
      for (const api of [0, 1]) {
        expect((await timed(() => listProducts(api, query))).body.data[0]?.stock).toBe(2);
      }
    });

    test('show every write at once while others ask without a pause', async () => {
      await whileAsked(
        (api) => listProducts(api, query),
        () => expectWritesVisible(writes, mug.id, { name, query }),
      );
    });

    test('answer nothing stale once it is back and the invalidation has landed', async () => {
      await asAdmin('PUT', `/api/products/${mug.id}`, { body: { name, priceCents: 1, stock: 3 } });
      await shop.redisLink.restore();
      // The writer still has to invalidate and must not forget it; after it, a hit can only be fresh.
      expect((await listProducts(0, query)).body.data[0]?.stock).toBe(3);
      for (const api of [0, 1]) {
        await eventually(async () => {
          const answer = await listProducts(api, query);
          return outcome(answer) === 'HIT' && answer.body.data[0]?.stock === 3;
        });
      }
      for (const api of [0, 1, 0, 1]) expect((await listProducts(api, query)).body.data[0]?.stock).toBe(3);
    });
  });

  describe('when Redis has been emptied', () => {
    test('read again, and show what is written afterwards', async () => {
      const { name, query } = newSearch();
      const { id } = await product({ name, stock: 1 });
      for (const api of [0, 1]) await untilCached(() => listProducts(api, query));
      await shop.redis.flushdb();
      expect(outcome(await listProducts(0, query))).not.toBe('HIT');
      await asAdmin('PUT', `/api/products/${id}`, { body: { name, priceCents: 1, stock: 2 } });
      for (const api of [0, 1]) expect((await listProducts(api, query)).body.data[0]?.stock).toBe(2);
    });
  });

  describe('when Postgres is down', () => {
    afterEach(() => shop.postgresLink.restore());

    test('are still answered from the cache, and 503 where there is nothing in it', async () => {
      const { name, query } = newSearch();
      const mug = await product({ name });
      for (const api of [0, 1]) await untilCached(() => listProducts(api, query));
      await shop.postgresLink.cut();
      for (const api of [0, 1]) {
        const answer = await listProducts(api, query);
        expect(answer).toMatchObject({ status: 200, body: { data: [mug] } });
        expect(outcome(answer)).toBe('HIT');
      }
      const unknown = await listProducts(0, newSearch().query);
      expectProblem(unknown, 503, 'unavailable');
      expect(unknown.headers.has('Retry-After')).toBe(true);
      await shop.postgresLink.restore();
      await eventually(async () => (await listProducts(0, newSearch().query)).status === 200);
    });
  });
});

describe('a write to what is listed', () => {
  const invalidationMs = 150;
  /** Timers may fire a little early. */
  const toleranceMs = 10;

  const email = () => `${randomUUID()}@example.com`;
  const change = { name: 'Mug', priceCents: 1, stock: 1 };
  const account = async () => {
    const { id, token } = await registerCustomer(shop.url);
    return { path: `/api/customers/${id}`, id, token };
  };
  const deletedProduct = async () => {
    const { id } = await product();
    await asAdmin('DELETE', `/api/products/${id}`);
    return { path: `/api/products/restore/${id}` };
  };
  type Write = { path: string; token?: string };
  const writes: [what: string, method: string, prepare: () => Write | Promise<Write>, body?: () => unknown][] = [
    ['a new product', 'POST', () => ({ path: '/api/products' }), () => change],
    ['another product', 'PUT', async () => ({ path: `/api/products/${(await product()).id}` }), () => change],
    ['a deleted product', 'DELETE', async () => ({ path: `/api/products/${(await product()).id}` })],
    ['a restored product', 'PATCH', deletedProduct],
    ['a new profile', 'PUT', account, () => ({ name: 'Grace', email: email(), phone: null })],
    [
      'a new address',
      'PATCH',
      async () => {
        const { id, token } = await account();
        return { path: `/api/customers/email/${id}`, token };
      },
      () => ({ email: email() }),
    ],
    [
      'a new number',
      'PATCH',
      async () => {
        const { id, token } = await account();
        return { path: `/api/customers/phone/${id}`, token };
      },
      () => ({ phone: '+491234567' }),
    ],
    ['a closed account', 'DELETE', account],
  ];

  afterEach(() => shop.redisLink.restore());

  test.each(writes)(
    'that makes %s, when Redis says nothing › is answered no sooner than its invalidation is given up',
    async (_what, method, prepare, body) => {
      const { path, token = adminToken } = await prepare();
      shop.redisLink.hang();
      const startedAt = performance.now();
      const given = body === undefined ? {} : { body: body() };
      const { status } = await request(shop.api(0).url, method, path, { token, ...given });
      expect(status).toBeWithin(200, 205);
      expect(performance.now() - startedAt).toBeGreaterThan(invalidationMs - toleranceMs);
    },
  );
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { changeStockOften } from './growth/churn.ts';
import { recordWalk, setAutovacuum, startGrownShop } from './growth/shop.ts';
import { faultOf, kinds, kindsOf } from './growth/statements.ts';
import { request } from './support/client.ts';
import type { Shop } from './support/shop.ts';

/** Large enough for the plans of a large shop, and made in seconds; `npm run test:growth` takes the large one. */
const size = { products: 50_000, customers: 4_000, orders: 60_000 };
const copies = 10;

/** A busy machine takes minutes to make that shop. */
const patienceMs = 300_000;

let shop: Shop;

beforeAll(async () => {
  shop = await startGrownShop(size, copies);
}, patienceMs);

afterAll(() => shop.stop());

describe('every statement of the API and the worker', () => {
  test.each(['auto', 'force_generic_plan'] as const)(
    'in a large shop, with plan_cache_mode = %s › reaches its rows by the index it is meant to',
    async (mode) => {
      const { routes, recorded } = await recordWalk(shop, mode);
      expect([...new Set(recorded.flatMap((entry) => faultOf(entry) ?? []))]).toEqual([]);

      const { body } = await request<{ paths: Record<string, object> }>(shop.url, 'GET', '/openapi.json');
      const declared = Object.entries(body.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      );
      expect(declared.filter((route) => !routes.has(route))).toEqual([]);
      if (mode !== 'auto') return;
      const seen = new Set(recorded.flatMap(({ text }) => kindsOf(text)));
      expect(kinds.filter((kind) => !seen.has(kind)).map(({ name }) => name)).toEqual([]);
    },
    patienceMs,
  );
});

describe('GET /api/products?q= in a large shop', () => {
  type Found = { data: { id: string }[]; pagination: { totalItems: number } };

  async function search(query: string): Promise<{ ids: string[]; totalItems: number }> {
    const { body } = await request<Found>(shop.url, 'GET', `/api/products?${query}`);
    return { ids: body.data.map(({ id }) => id), totalItems: body.pagination.totalItems };
  }

  /** What matches, by reading all of the table. */
  async function matches(words: string, order: string): Promise<string[]> {
    const rows = await shop.db<{ id: string }[]>`
      select id from products, to_tsquery('simple', ${words}) as words
      where deleted_at is null and ts_match_vq(search, words) order by ${shop.db.unsafe(order)}`;
    return rows.map(({ id }) => id);
  }

  const byRank = 'ts_rank(search, words) desc, id desc';

  test.each([
    ['hundreds', 'cedar', 'cedar:*'],
    ['thousands', 'steel', 'steel:*'],
    ['both a rare and a common word', 'a cedar', 'a:* & cedar:*'],
  ])('when %s match › counts them all and ranks them all', async (_, q, words) => {
    const expected = await matches(words, byRank);
    for (const page of [1, 2, Math.floor(expected.length / 100)]) {
      const { ids, totalItems } = await search(`q=${encodeURIComponent(q)}&limit=100&page=${page}`);
      expect(ids).toEqual(expected.slice((page - 1) * 100, page * 100));
      expect(totalItems).toBe(expected.length);
    }
  });

  test('when nearly all match › ranks the newest 500, and puts every other behind them, newest first', async () => {
    const newestFirst = await matches('a:*', 'id desc');
    const newest = new Set(newestFirst.slice(0, 500));
    const ranked = (await matches('a:*', byRank)).filter((id) => newest.has(id));
    const expected = [...ranked, ...newestFirst.slice(500)];
    for (const [page, limit] of [
      [1, 20],
      [5, 100],
      // Pages of 30 do not end with the five-hundredth.
      [17, 30],
      [18, 30],
      [300, 100],
    ] as const) {
      const { ids } = await search(`q=a&limit=${limit}&page=${page}`);
      expect(ids).toEqual(expected.slice((page - 1) * limit, page * limit));
    }
    const { totalItems } = await search('q=a');
    expect(totalItems).toBeWithin(expected.length * 0.85, expected.length * 1.15);
  });

  test('when nearly all match and a sort is asked for › walks it by cursor and by page', async () => {
    const expected = await matches('a:*', 'price_cents, id');
    const { body } = await request<{ pagination: { nextCursor: string } }>(
      shop.url,
      'GET',
      '/api/products?q=a&sort=priceCents&limit=50&page=20',
    );
    const { ids } = await search(`q=a&sort=priceCents&limit=50&cursor=${body.pagination.nextCursor}`);
    expect(ids).toEqual(expected.slice(1_000, 1_050));
  });
});

describe('GET /api/products?q= of a word that many have at the far end', () => {
  type Listed = { data: { id: string }[]; pagination: { nextCursor: string | null } };

  async function list(query: Record<string, string>): Promise<{ ids: string[]; nextCursor: string | null }> {
    const { body } = await request<Listed>(shop.url, 'GET', `/api/products?q=keepsake&${new URLSearchParams(query)}`);
    return { ids: body.data.map(({ id }) => id), nextCursor: body.pagination.nextCursor };
  }

  test.each([
    ['priceCents', 'price_cents, id'],
    ['-priceCents', 'price_cents desc, id desc'],
    ['name', 'name, id'],
    ['-createdAt', 'id desc'],
    ['createdAt', 'id'],
    // All are as good, so the newest come first.
    ['', 'id desc'],
  ])('when they are sorted by "%s" › has what reading all of the table has', async (sort, order) => {
    const rows = await shop.db<{ id: string }[]>`
      select id from products where name like '%Keepsake' order by ${shop.db.unsafe(order)} limit 2000`;
    const expected = rows.map(({ id }) => id);
    const first = await list({ sort, limit: '50' });
    expect(first.ids).toEqual(expected.slice(0, 50));
    expect((await list({ sort, limit: '100', page: '20' })).ids).toEqual(expected.slice(1_900));
    if (!first.nextCursor) return;
    expect((await list({ sort, limit: '50', cursor: first.nextCursor })).ids).toEqual(expected.slice(50, 100));
  });
});

describe('stock that changes again and again', () => {
  test(
    'leaves the table as large as it was, and its indexes alone',
    async () => {
      // What looks at the database meanwhile may still need the old rows, and keeps their room from being used again.
      await shop.api(0).kill();
      await setAutovacuum(shop.db, 'off');
      // Autovacuum looks at the system's own tables now and then, which nothing here can turn off.
      const change = await changeStockOften(shop.db, {
        updates: 5_000,
        products: 500,
        undisturbedWithinMs: patienceMs / 2,
      });
      expect(change.watched).toBe(false);
      expect(change.hotShare).toBeGreaterThan(0.95);
      expect(change.tableGrowth).toBeLessThan(1.02);
      expect(change.indexGrowth).toBeLessThan(1.02);
    },
    patienceMs,
  );
});

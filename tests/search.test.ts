import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type DatabaseClient, openDatabase, type Reader } from '../src/db/client.ts';
import { listProducts } from '../src/domain/products/lists.ts';
import type { ProductBody, ProductQuery } from '../src/schema/products.ts';
import { request } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';

const exactCountMax = 10_000;

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  // Estimates are those of the moment that a test chooses.
  await shop.db`alter table products set (autovacuum_enabled = off)`;
});

afterAll(() => shop.stop());

type List = { data: ProductBody[]; pagination: { totalItems: number; totalPages: number; nextCursor: string | null } };

async function list(query: Record<string, string>): Promise<List> {
  const { status, body } = await request<List>(shop.url, 'GET', `/api/products?${new URLSearchParams(query)}`);
  expect(status).toBe(200);
  return body;
}

const namesOf = ({ data }: List) => data.map(({ name }) => name);

/**
 * Adds as many products as `count` says, whose prices are 1, 2, 3 and so on. Their descriptions give the planner the
 * hundred words below which it has no idea how common the beginning of a word is.
 */
async function add(name: string, count = 1): Promise<void> {
  await shop.db`
    insert into products (id, name, description, price_cents, stock, created_at, updated_at)
    select uuid_v7(), ${name}, 'kind' || n % 200, n, 0, now(), now() from generate_series(1, ${count}) n`;
}

describe('GET /api/products?q=', () => {
  describe('when a rare word comes with a common one', () => {
    test('leaves out what has the rare one alone', async () => {
      // In a small table, every word is looked up.
      await shop.db`alter table products set (fillfactor = 10)`;
      await add('linen towel', 9_000);
      await shop.db`alter table products reset (fillfactor)`;
      for (const name of ['cobalt linen', 'cobalt wool', 'linen cobalt', 'cobalt']) await add(name);
      await shop.db`analyze products`;
      const [table] = await shop.db`select pg_relation_size('products')::int as bytes`;
      expect(table?.bytes).toBeGreaterThan(16 * 1024 * 1024);
      for (const sort of ['name', '']) {
        const found = await list({ q: 'linen cobalt', sort });
        expect(namesOf(found).sort()).toEqual(['cobalt linen', 'linen cobalt']);
        expect(found.pagination.totalItems).toBe(2);
      }
    });
  });

  describe('when ten words come behind punctuation', () => {
    const words = ['ant', 'bee', 'cat', 'dog', 'eel', 'fox', 'gnu', 'hen', 'ibex', 'jay'];

    beforeAll(async () => {
      await add(words.join(' '));
      await add(words.slice(0, 9).join(' '));
    });

    test.each([`-${words.join(' ')}`, `ant ${words.join(' ')}`, `ant-${words.join('.')}`])(
      'wants all ten of them: %s',
      async (q) => {
        expect(namesOf(await list({ q }))).toEqual([words.join(' ')]);
      },
    );

    test('leaves the eleventh out', async () => {
      expect(namesOf(await list({ q: `${words.join(' ')} nothing` }))).toEqual([words.join(' ')]);
    });
  });
});

describe('a page of products that are looked up', () => {
  let client: DatabaseClient;

  beforeAll(() => {
    client = openDatabase(shop.databaseUrl, { poolSize: 2, applicationName: 'test' });
  });

  afterAll(() => client.close(1_000));

  /** Reads as usual, but for what others do after so many statements. */
  function readerWith(meanwhile: () => Promise<unknown>, afterStatements: number): Reader {
    let statements = 0;
    return new Proxy(client.db, {
      get(db, name) {
        if (name !== 'execute') return Reflect.get(db, name);
        return async (...args: Parameters<Reader['execute']>) => {
          const rows = await db.execute(...args);
          statements += 1;
          if (statements === afterStatements) await meanwhile();
          return rows;
        };
      },
    });
  }

  describe('when others change them before they are read', () => {
    test.each([
      ['by a tag', { tag: 'oak' }, 1],
      ['by words', { q: 'oaken' }, 2],
    ])('%s › goes on where it was found to end', async (_how, sought, statements) => {
      await shop.db`truncate products cascade`;
      await add('oaken', 6);
      await shop.db`update products set tags = '{oak}'`;
      const query = { ...sought, sort: 'priceCents', limit: 2 } as ProductQuery;
      // The last one that is shown moves to the end, and the one that tells that more follow goes.
      const reader = readerWith(async () => {
        await shop.db`update products set price_cents = 1000 where price_cents = 2`;
        await shop.db`update products set deleted_at = now() where price_cents = 3`;
      }, statements);
      const page = await listProducts(reader, query);
      expect(page.rows.map(({ priceCents }) => priceCents)).toEqual([1, 1000]);
      const next = await list({ ...sought, sort: 'priceCents', limit: '2', cursor: page.nextCursor ?? '' });
      expect(next.data.map(({ priceCents }) => priceCents)).toEqual([4, 5]);
    });
  });
});

describe.each([
  ['that is searched', { q: 'walnut' }],
  ['that is filtered', { minPriceCents: '1', maxPriceCents: '1000000' }],
])('a list of products %s', (_kind, query) => {
  const lastPage = { ...query, sort: 'priceCents', limit: '100', page: '100' };

  beforeAll(async () => {
    await shop.db`delete from products`;
    await add('walnut', 2 * exactCountMax);
    await shop.db`analyze products`;
  });

  test('when 10 000 match, though more are expected › counts exactly those', async () => {
    await shop.db`delete from products where price_cents > ${exactCountMax}`;
    const { data, pagination } = await list(lastPage);
    expect(pagination).toMatchObject({ totalItems: exactCountMax, totalPages: 100, nextCursor: null });
    expect(data.at(-1)?.priceCents).toBe(exactCountMax);
    await add('walnut', 1);
    const more = await list({ ...lastPage, page: '101' });
    expect(more.pagination.totalItems).toBeGreaterThan(exactCountMax);
    expect(more.data).toHaveLength(1);
  });
});

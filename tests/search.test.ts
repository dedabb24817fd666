import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { ProductBody } from '../src/schema/products.ts';
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
      await add('linen towel', 2_000);
      for (const name of ['cobalt linen', 'cobalt wool', 'linen cobalt', 'cobalt']) await add(name);
      await shop.db`analyze products`;
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

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { ProductBody } from '../src/schema/products.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, placeOrder, registerCustomer, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

type Item = { id: string };
type List<Row extends Item = Item> = {
  data: Row[];
  pagination: { page: number; limit: number; totalItems: number; totalPages: number; nextCursor: string | null };
};

const exactCountMax = 10_000;

let shop: Shop;
let ask: Ask;
let adminToken: string;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
});

afterAll(() => shop.stop());

/** A word that no other test's products have. */
const freshWord = () => `w${randomUUID().replaceAll('-', '')}`;
const { product } = createShopClient(
  (...sent) => ask(...sent),
  () => ({ url: shop.url, adminToken }),
);
const ids = (rows: Item[]) => rows.map(({ id }) => id);

async function list<Row extends Item = Item>(path: string, token?: string): Promise<List<Row>> {
  const { status, body } = await ask<List<Row>>('GET', path, token === undefined ? {} : { token });
  expect(status).toBe(200);
  return body;
}

const products = (query: string) => list<ProductBody>(`/api/products?${query}`);

/** Follows the cursors from the first page of a list to its last, and answers every page. */
async function walk<Row extends Item = Item>(
  path: string,
  { token, between }: { token?: string; between?: () => Promise<unknown> } = {},
): Promise<List<Row>[]> {
  const pages: List<Row>[] = [];
  for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)?.pagination.nextCursor ?? null) {
    pages.push(await list<Row>(cursor ? `${path}&cursor=${cursor}` : path, token));
    await between?.();
  }
  return pages;
}

/** As many products as prices, in the order of their creation, found by one word; the price also makes the name. */
async function catalogue(prices: number[]): Promise<{ word: string; made: ProductBody[] }> {
  const word = freshWord();
  const made: ProductBody[] = [];
  for (const priceCents of prices) made.push(await product({ name: `${word} ${priceCents}`, priceCents }));
  return { word, made };
}

describe('GET /api/products', () => {
  describe('when nothing is asked for', () => {
    test('answers the newest 20, without deleted ones', async () => {
      const { made } = await catalogue(Array.from({ length: 25 }, (_, index) => index));
      const last = made.at(-1)?.id ?? '';
      await ask('DELETE', `/api/products/${last}`, { token: adminToken });
      const { data, pagination } = await list<ProductBody>('/api/products');
      expect(data).toEqual(made.slice(4, 24).toReversed());
      expect(pagination).toMatchObject({ page: 1, limit: 20, nextCursor: expect.any(String) });
    });
  });

  describe('when pages are asked for by number', () => {
    test('cuts the list in pages and counts it', async () => {
      const { word, made } = await catalogue([1, 2, 3, 4, 5, 6, 7]);
      const pages = await Promise.all(
        [1, 2, 3, 4].map((page) => products(`q=${word}&sort=priceCents&limit=3&page=${page}`)),
      );
      expect(pages.map(({ data }) => ids(data))).toEqual([
        ids(made.slice(0, 3)),
        ids(made.slice(3, 6)),
        ids(made.slice(6)),
        [],
      ]);
      for (const [index, { pagination }] of pages.entries()) {
        expect(pagination).toEqual({
          page: index + 1,
          limit: 3,
          totalItems: 7,
          totalPages: 3,
          nextCursor: index < 2 ? expect.any(String) : null,
        });
      }
    });

    test('has no next page after a last one that is full', async () => {
      const { word } = await catalogue([1, 2]);
      const { pagination } = await products(`q=${word}&sort=name&limit=2`);
      expect(pagination).toMatchObject({ totalPages: 1, nextCursor: null });
    });

    test('answers an empty page far beyond the end', async () => {
      const { data, pagination } = await products(`q=${freshWord()}&page=1000000000&limit=100`);
      expect(data).toBeEmpty();
      expect(pagination).toEqual({ page: 1_000_000_000, limit: 100, totalItems: 0, totalPages: 0, nextCursor: null });
    });
  });

  describe('when a sort is asked for', () => {
    const prices = [500, 100, 300, 300, 200, 300, 400];
    let word: string;
    let made: ProductBody[];

    beforeAll(async () => {
      ({ word, made } = await catalogue(prices));
    });

    const byPrice = (a: ProductBody, b: ProductBody) => a.priceCents - b.priceCents;
    const byName = (a: ProductBody, b: ProductBody) => (a.name < b.name ? -1 : Number(a.name > b.name));
    const byAge = (a: ProductBody, b: ProductBody) => (a.id < b.id ? -1 : 1);

    test.each([
      ['createdAt', byAge],
      ['priceCents', (a: ProductBody, b: ProductBody) => byPrice(a, b) || byAge(a, b)],
      ['name', (a: ProductBody, b: ProductBody) => byName(a, b) || byAge(a, b)],
    ])('sorts by %s, both ways, and equal keys by age', async (sort, compare) => {
      const expected = ids(made.toSorted(compare));
      expect(ids((await products(`q=${word}&sort=${sort}`)).data)).toEqual(expected);
      expect(ids((await products(`q=${word}&sort=-${sort}`)).data)).toEqual(expected.toReversed());
    });

    test.each(['createdAt', '-createdAt', 'priceCents', '-priceCents', 'name', '-name'])(
      'walks the same list by cursor as in one piece: %s',
      async (sort) => {
        const whole = await products(`q=${word}&sort=${sort}`);
        const pages = await walk<ProductBody>(`/api/products?q=${word}&sort=${sort}&limit=2`);
        expect(pages.flatMap(({ data }) => data)).toEqual(whole.data);
        expect(pages.map(({ pagination }) => pagination)).toEqual([
          { page: 1, limit: 2, totalItems: 7, totalPages: 4, nextCursor: expect.any(String) },
          { page: 2, limit: 2, totalItems: 7, totalPages: 4, nextCursor: expect.any(String) },
          { page: 3, limit: 2, totalItems: 7, totalPages: 4, nextCursor: expect.any(String) },
          { page: 4, limit: 2, totalItems: 7, totalPages: 4, nextCursor: null },
        ]);
      },
    );

    test('walks by names of the greatest length', async () => {
      const start = freshWord();
      const names = ['a', 'b', 'c'].map((last) => `${start} ${'🫖'.repeat(198 - start.length)}${last}`);
      for (const name of names) await product({ name });
      const pages = await walk<ProductBody>(`/api/products?q=${start}&sort=name&limit=1`);
      expect(pages.flatMap(({ data }) => data.map(({ name }) => name))).toEqual(names);
    });

    test('lets the limit change on the way', async () => {
      const whole = await products(`q=${word}&sort=name`);
      const { data, pagination } = await products(`q=${word}&sort=name&limit=3`);
      const rest = await products(`q=${word}&sort=name&limit=100&cursor=${pagination.nextCursor}`);
      expect([...data, ...rest.data]).toEqual(whole.data);
    });
  });

  describe('when others write during a walk', () => {
    test('skips and repeats none that stands still', async () => {
      const { word, made } = await catalogue([10, 20, 20, 20, 30, 40, 50, 60]);
      const [moving, ...standing] = made;
      let round = 0;
      async function disturb(): Promise<void> {
        round += 1;
        await product({ name: `${word} new`, priceCents: round * 10 });
        const body = { name: `${word} moving`, priceCents: round % 2 === 0 ? 1 : 1_000, stock: 1 };
        await ask('PUT', `/api/products/${moving?.id}`, { token: adminToken, body });
      }
      const path = `/api/products?q=${word}&sort=priceCents&limit=2`;
      const pages = await walk<ProductBody>(path, { between: () => (round < 6 ? disturb() : Promise.resolve()) });
      const seen = ids(pages.flatMap(({ data }) => data));
      const stoodStill = new Set(ids(standing));
      expect(seen.filter((id) => stoodStill.has(id))).toEqual(ids(standing));
    });

    test('goes on behind a row that is deleted meanwhile', async () => {
      const { word, made } = await catalogue([1, 2, 3, 4]);
      const { data, pagination } = await products(`q=${word}&sort=priceCents&limit=2`);
      await ask('DELETE', `/api/products/${data[1]?.id}`, { token: adminToken });
      const rest = await products(`q=${word}&sort=priceCents&limit=2&cursor=${pagination.nextCursor}`);
      expect(ids(rest.data)).toEqual(ids(made.slice(2)));
    });
  });

  describe('when filters are set', () => {
    let word: string;

    beforeAll(async () => {
      word = freshWord();
      await product({ name: `${word} a`, priceCents: 0, stock: 0 });
      await product({ name: `${word} b`, priceCents: 100, stock: 1 });
      await product({ name: `${word} c`, priceCents: 200, stock: 0 });
      await product({ name: `${word} d`, priceCents: 1_000_000_000, stock: 5 });
    });

    test.each([
      ['minPriceCents=100', 'bcd'],
      ['minPriceCents=101', 'cd'],
      ['maxPriceCents=200', 'abc'],
      ['maxPriceCents=0', 'a'],
      ['minPriceCents=1000000000', 'd'],
      ['minPriceCents=100&maxPriceCents=200', 'bc'],
      ['minPriceCents=200&maxPriceCents=100', ''],
      ['inStock=true', 'bd'],
      ['inStock=true&maxPriceCents=100', 'b'],
    ])('%s leaves %p', async (filter, expected) => {
      const { data, pagination } = await products(`q=${word}&sort=name&${filter}`);
      expect(data.map(({ name }) => name.slice(-1)).join('')).toBe(expected);
      expect(pagination.totalItems).toBe(expected.length);
    });

    test('keeps them along the cursors', async () => {
      const pages = await walk<ProductBody>(`/api/products?q=${word}&sort=-priceCents&minPriceCents=1&limit=1`);
      expect(pages.flatMap(({ data }) => data.map(({ name }) => name.slice(-1))).join('')).toBe('dcb');
    });

    test('stock that an order takes counts', async () => {
      const [account, last] = await Promise.all([
        openAccount(shop),
        product({ name: `${word} e`, priceCents: 300, stock: 1 }),
      ]);
      await placeOrder(shop.url, account.token, [{ productId: last.id, quantity: 1 }]);
      // A query that nobody has asked before, so that it is not in the cache.
      const { data } = await products(`q=${word}&inStock=true&minPriceCents=299&maxPriceCents=301`);
      expect(data).toBeEmpty();
      await ask('DELETE', `/api/products/${last.id}`, { token: adminToken });
    });
  });

  describe('when an SKU or a tag is asked for', () => {
    const sku = `A#${randomUUID()}`;
    const tag = `Caf\u00e9 & ${randomUUID()}`;
    const query = (name: string, value: string) => `${name}=${encodeURIComponent(value)}`;
    let word: string;

    beforeAll(async () => {
      word = freshWord();
      const gone = await product({ name: `${word} 0`, sku, tags: [tag] });
      await ask('DELETE', `/api/products/${gone.id}`, { token: adminToken });
      await product({ name: `${word} 1`, sku, tags: ['x', tag], priceCents: 3 });
      await product({ name: `${word} 2`, sku: sku.toLowerCase(), tags: [tag.toUpperCase()], priceCents: 2 });
      await product({ name: `${word} 3`, tags: [tag, `${tag}s`], priceCents: 1 });
    });

    const lastLetters = ({ data }: List<ProductBody>) => data.map(({ name }) => name.slice(-1)).join('');

    test.each([
      ['the SKU', () => query('sku', sku), '1'],
      ['the SKU in another case', () => query('sku', sku.toLowerCase()), '2'],
      ['an SKU that nothing has', () => query('sku', sku.slice(1)), ''],
      ['the tag', () => query('tag', tag), '31'],
      ['the tag in another form of Unicode', () => query('tag', ` ${tag.normalize('NFD')} `), '31'],
      ['a part of the tag', () => query('tag', tag.slice(0, -1)), ''],
      ['the tag, by price', () => `${query('tag', tag)}&sort=priceCents`, '31'],
      ['both', () => `${query('tag', tag)}&${query('sku', sku)}`, '1'],
      ['the tag and words', () => `${query('tag', tag)}&q=${word}&sort=name`, '13'],
      ['words, ranked', () => `${query('sku', sku)}&q=${word}`, '1'],
    ])('has exactly what has it: %s', async (_what, filter, expected) => {
      const page = await products(filter());
      expect(lastLetters(page)).toBe(expected);
      expect(page.pagination.totalItems).toBe(expected.length);
    });

    test('keeps it along the cursors', async () => {
      const pages = await walk<ProductBody>(`/api/products?${query('tag', tag)}&limit=1`);
      expect(pages.map(lastLetters).join('')).toBe('31');
    });
  });

  describe('when words are searched for', () => {
    /** Makes products of these names and descriptions, and says which a search finds, in its order. */
    async function search(texts: [name: string, description?: string][], q: string, more = ''): Promise<string[]> {
      const made = new Map<string, string>();
      for (const [name, description = null] of texts) made.set((await product({ name, description })).id, name);
      const { data } = await products(`q=${encodeURIComponent(q)}&limit=100${more}`);
      return ids(data).flatMap((id) => made.get(id) ?? []);
    }

    test('finds them in name and description, in whatever case', async () => {
      const word = freshWord();
      const found = await search(
        [[`${word} mug`], ['Pot', `Goes with ${word}.`], [word.toUpperCase()], ['Pan']],
        word.toUpperCase(),
        '&sort=createdAt',
      );
      expect(found).toEqual([`${word} mug`, 'Pot', word.toUpperCase()]);
    });

    test('finds them by their beginning, not by their middle', async () => {
      const word = freshWord();
      expect(await search([[word]], word.slice(0, -3))).toEqual([word]);
      expect(await search([[`x${word}`]], word)).toBeEmpty();
    });

    test('wants every word, wherever each stands', async () => {
      const [one, two] = [freshWord(), freshWord()];
      const found = await search([[`${one} ${two}`], [one, two], [one], [two]], `${two}  ${one}`, '&sort=name');
      expect(found.sort()).toEqual([`${one} ${two}`, one].sort());
    });

    test('puts the name before the description when no sort is asked for', async () => {
      const word = freshWord();
      expect(await search([[`Lid for ${word}`], ['Pot', `Goes with ${word}`]], word)).toEqual([
        `Lid for ${word}`,
        'Pot',
      ]);
    });

    test('goes by page only when ranked, and by cursor with a sort', async () => {
      const word = freshWord();
      for (const name of ['a', 'b', 'c']) await product({ name: `${word} ${name}` });
      const ranked = await products(`q=${word}&limit=2`);
      expect(ranked.pagination).toEqual({ page: 1, limit: 2, totalItems: 3, totalPages: 2, nextCursor: null });
      const second = await products(`q=${word}&limit=2&page=2`);
      expect(new Set([...ids(ranked.data), ...ids(second.data)]).size).toBe(3);
      expect((await products(`q=${word}&limit=2&sort=name`)).pagination.nextCursor).toBeString();
    });

    test('parts words at punctuation, on both sides', async () => {
      const word = freshWord();
      const name = `USB-C/${word}_(blue)`;
      expect(await search([[name]], `${word}-blue`)).toEqual([name]);
      expect((await products(`q=${encodeURIComponent(`usb ${word}`)}`)).data).toHaveLength(1);
    });

    test('finds words of every script', async () => {
      const word = freshWord();
      const names = [`${word} crème brûlée`, `${word} Чайник`, `${word} 急須`];
      expect(await search([[names[0] ?? '']], `${word} BRÛLÉE`)).toEqual([names[0] ?? '']);
      expect(await search([[names[1] ?? '']], `${word} чай`)).toEqual([names[1] ?? '']);
      expect(await search([[names[2] ?? '']], `${word} 急須`)).toEqual([names[2] ?? '']);
    });

    test('takes what means something elsewhere for nothing but text', async () => {
      const word = freshWord();
      await product({ name: word });
      const texts = [
        "'",
        '"',
        '\\',
        '%',
        '_',
        ':*',
        '&',
        '|',
        '!',
        '()',
        '<->',
        '—',
        '🦉',
        "'; drop table products; --",
      ];
      for (const text of texts) {
        await products(`q=${encodeURIComponent(text)}`);
        await products(`q=${encodeURIComponent(`${text}${word}`)}`);
        await products(`q=${encodeURIComponent(`${word} ${text}`)}`);
      }
      expect((await products(`q=${word}`)).data).toHaveLength(1);
    });

    test('takes the signs that part parameters for text where they part none', async () => {
      const { word, made } = await catalogue([1]);
      for (const q of [`${word}?=1`, `${word}?`, `?${word}`, `${word}=`]) {
        const { data } = await products(`q=${q}&maxPriceCents=1`);
        expect([q, ids(data)]).toEqual([q, ids(made)]);
      }
    });

    test('takes an empty search for none, and one of punctuation alone for one that finds nothing', async () => {
      const newest = await product({ name: freshWord() });
      for (const q of ['', '%20%20']) {
        const { data, pagination } = await products(`q=${q}&limit=1`);
        expect(ids(data)).toEqual([newest.id]);
        expect(pagination.nextCursor).toBeString();
      }
      expect((await products('q=---')).data).toBeEmpty();
    });

    test('does not find deleted products', async () => {
      const word = freshWord();
      const { id } = await product({ name: word });
      await ask('DELETE', `/api/products/${id}`, { token: adminToken });
      expect((await products(`q=${word}`)).pagination.totalItems).toBe(0);
    });
  });

  describe('when a parameter is bad', () => {
    test.each([
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=-1', 'limit'],
      ['limit=1.5', 'limit'],
      ['limit=ten', 'limit'],
      ['limit=%201', 'limit'],
      ['limit=0x10', 'limit'],
      ['limit=1&limit=2', 'limit'],
      ['page=0', 'page'],
      ['page=-1', 'page'],
      ['page=1000000001', 'page'],
      ['page=99999999999999999999', 'page'],
      ['sort=price', 'sort'],
      ['sort=-', 'sort'],
      ['sort=name,priceCents', 'sort'],
      ['minPriceCents=-1', 'minPriceCents'],
      ['minPriceCents=1.5', 'minPriceCents'],
      ['maxPriceCents=1000000001', 'maxPriceCents'],
      ['inStock=1', 'inStock'],
      ['inStock=FALSE', 'inStock'],
      ['sku=a%20b', 'sku'],
      [`sku=${'x'.repeat(65)}`, 'sku'],
      ['tag=%00', 'tag'],
      [`tag=${'x'.repeat(51)}`, 'tag'],
      ['tag=a&tag=b', 'tag'],
      ['inStock=&inStock=', 'inStock'],
      ['page=%20', 'page'],
      ['colour=', 'colour'],
      ['status=', 'status'],
      ['q=%00', 'q'],
      [`q=${'x'.repeat(201)}`, 'q'],
      ['cursor=nonsense', 'cursor'],
      ['cursor=bnVsbA', 'cursor'],
      ['page=1&cursor=nonsense', 'cursor'],
      ['includeDeleted=true', 'includeDeleted'],
      ['toString=1', 'toString'],
      ['__proto__=1', '__proto__'],
    ])('refuses %s', async (query, path) => {
      expectInvalid(await ask('GET', `/api/products?${query}`), path);
    });

    test('names every bad one at once', async () => {
      const answer = await ask('GET', '/api/products?limit=0&page=0&sort=price&colour=blue');
      expectInvalid(answer, 'limit', 'page', 'sort', 'colour');
    });
  });

  describe('when a cursor does not belong', () => {
    let word: string;
    let cursor: string;

    beforeAll(async () => {
      ({ word } = await catalogue([1, 2, 3]));
      cursor = (await products(`q=${word}&sort=priceCents&limit=1`)).pagination.nextCursor ?? '';
    });

    test.each(['sort=-priceCents', 'sort=name', 'sort=createdAt', ''])(
      'refuses it with another sort: %p',
      async (sort) => {
        expectInvalid(await ask('GET', `/api/products?${sort}&cursor=${cursor}`), 'cursor');
      },
    );

    test('refuses it with a page, and in a ranked search', async () => {
      expectInvalid(await ask('GET', `/api/products?sort=priceCents&page=2&cursor=${cursor}`), 'cursor');
      expectInvalid(await ask('GET', `/api/products?q=${word}&cursor=${cursor}`), 'cursor');
    });

    test('refuses one that is cut short', async () => {
      const answer = await ask('GET', `/api/products?sort=priceCents&cursor=${cursor.slice(0, -9)}`);
      expectInvalid(answer, 'cursor');
    });

    test('refuses one that was made up, whatever stands in it', async () => {
      const genuine = JSON.parse(Buffer.from(cursor, 'base64url').toString());
      const forged = [
        { key: 9_007_199_254_740_991 },
        { key: -9_007_199_254_740_991 },
        { key: 1.5 },
        { key: '1' },
        { key: null },
        { id: 'x' },
        { id: null },
        { page: 0 },
        { page: 'x' },
        { sort: ['priceCents'] },
      ];
      for (const change of forged) {
        const made = Buffer.from(JSON.stringify({ ...genuine, ...change })).toString('base64url');
        expectInvalid(await ask('GET', `/api/products?sort=priceCents&cursor=${made}`), 'cursor');
      }
    });
  });

  describe('when more match than are counted', () => {
    test('is exact up to 10 000, and no less beyond', async () => {
      const word = freshWord();
      async function grow(count: number): Promise<void> {
        await shop.db`
          insert into products (id, name, price_cents, stock, created_at, updated_at)
          select uuid_v7(), ${word}, n, 0, now(), now() from generate_series(1, ${count}) n`;
      }
      await grow(exactCountMax);
      const exact = await products(`q=${word}&sort=priceCents&limit=100&page=100`);
      expect(exact.pagination).toMatchObject({ totalItems: exactCountMax, totalPages: 100, nextCursor: null });
      expect(exact.data.at(-1)?.priceCents).toBe(exactCountMax);
      await grow(1_000);
      const beyond = await products(`q=${word}&sort=priceCents&limit=99`);
      expect(beyond.pagination.totalItems).toBeGreaterThan(exactCountMax);
      expect(beyond.pagination.nextCursor).toBeString();
      await shop.db`delete from products where name = ${word}`;
    });
  });
});

/** Every list, with what forms send of it when nothing is filled in or ticked. */
const emptyForms: [path: string, empty: string[]][] = [
  [
    '/api/products',
    [
      ...['page=', 'limit=', 'cursor=', 'q=', 'minPriceCents=', 'maxPriceCents=', 'inStock=', 'inStock=false', 'sort='],
      ...['sku=', 'tag='],
    ],
  ],
  ['/api/customers', ['page=', 'limit=', 'cursor=', 'email=', 'q=', 'includeDeleted=', 'includeDeleted=false']],
  ['/api/orders', ['page=', 'limit=', 'cursor=', 'status=', 'customerId=', 'includeDeleted=', 'includeDeleted=false']],
  ['/api/mails', ['page=', 'limit=', 'cursor=', 'state=', 'orderId=']],
  ['/api/stock-changes', ['page=', 'limit=', 'cursor=', 'productId=']],
];

describe('A list', () => {
  beforeAll(async () => {
    const account = await openAccount(shop);
    const mug = await product({ stock: 0, name: freshWord() });
    const pot = await product({ stock: 10 });
    await placeOrder(shop.url, account.token, [{ productId: pot.id, quantity: 1 }]);
    expect(mug.stock).toBe(0);
  });

  describe('when a parameter is sent empty, or a flag as false', () => {
    test.each(emptyForms)('is the list without it: %s', async (path, empty) => {
      const whole = await list(path, adminToken);
      for (const query of [...empty, empty.filter((one) => !one.endsWith('=false')).join('&')]) {
        expect(await list(`${path}?${query}`, adminToken)).toEqual(whole);
      }
    });

    test.each(emptyForms)('is refused if nobody knows the parameter: %s', async (path) => {
      expectInvalid(await ask('GET', `${path}?colour=&limit=`, { token: adminToken }), 'colour');
    });
  });

  describe('when a cursor comes with page=1', () => {
    test('goes on behind the cursor', async () => {
      for (let n = 0; n < 2; n += 1) await placeMore();
      for (const [path] of emptyForms) {
        const first = await list(`${path}?limit=1`, adminToken);
        const next = `${path}?limit=1&cursor=${first.pagination.nextCursor}`;
        expect(await list(`${next}&page=1`, adminToken)).toEqual(await list(next, adminToken));
        expectInvalid(await ask('GET', `${next}&page=2`, { token: adminToken }), 'cursor');
      }
    });

    async function placeMore(): Promise<void> {
      const [account, mug] = await Promise.all([openAccount(shop), product({})]);
      await placeOrder(shop.url, account.token, [{ productId: mug.id, quantity: 1 }]);
    }
  });

  describe('when it is cached', () => {
    test.each([
      ['/api/products', '?limit=93', '?limit=93&page=&q=&inStock=false&sort=&minPriceCents='],
      ['/api/customers', '?limit=93', '?page=&limit=93&cursor='],
    ])('is the same entry with empty parameters as without: %s', async (path, plain, empty) => {
      // What was ordered before may make lists stale once more, half a second later.
      await eventually(async () => {
        await list(path + plain, adminToken);
        const { headers } = await ask('GET', path + empty, { token: adminToken });
        return headers.get('X-Cache') === 'HIT';
      });
    });
  });
});

describe('GET /api/customers', () => {
  const customers = (query: string) => list(`/api/customers?${query}`, adminToken);

  describe('when it is walked', () => {
    test('shows every account once, newest first, by page and by cursor', async () => {
      for (let count = 0; count < 5; count += 1) await registerCustomer(shop.url);
      const whole = await customers('limit=100');
      expect(ids(whole.data)).toEqual(ids(whole.data).toSorted().toReversed());
      expect(whole.pagination.totalItems).toBe(whole.data.length);
      const pages = await walk('/api/customers?limit=2', { token: adminToken });
      expect(pages.flatMap(({ data }) => data)).toEqual(whole.data);
      const third = await customers('limit=2&page=3');
      expect(third.data).toEqual(pages[2]?.data ?? []);
      expect(third.pagination).toEqual(pages[2]?.pagination as List['pagination']);
    });

    test('does not skip or repeat any when accounts come and go', async () => {
      const gone = await registerCustomer(shop.url);
      const standing = [];
      for (let count = 0; count < 4; count += 1) standing.unshift((await registerCustomer(shop.url)).id);
      let disturbed = false;
      const pages = await walk('/api/customers?limit=2', {
        token: adminToken,
        between: async () => {
          if (disturbed) return;
          disturbed = true;
          await registerCustomer(shop.url);
          await ask('DELETE', `/api/customers/${gone.id}`, { token: adminToken });
        },
      });
      const seen = ids(pages.flatMap(({ data }) => data));
      expect(seen.slice(0, 4)).toEqual(standing);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).not.toContain(gone.id);
    });
  });

  describe('when deleted ones are asked for, too', () => {
    test('has them, by address and name as well, and others have not', async () => {
      const [kept, gone] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
      await ask('DELETE', `/api/customers/${gone.id}`, { token: adminToken });
      const found = async (query: string) => ids((await list(`/api/customers?limit=100&${query}`, adminToken)).data);
      for (const [filter, matches] of [
        ['', [kept.id, gone.id]],
        [`email=${encodeURIComponent(gone.email.toUpperCase())}&`, [gone.id]],
        [`q=${encodeURIComponent(gone.email.slice(0, 12))}&`, [gone.id]],
      ] as const) {
        expect(await found(`${filter}includeDeleted=true`)).toContainValues([...matches]);
        expect(await found(filter)).not.toContain(gone.id);
      }
    });
  });

  describe('when a parameter is bad', () => {
    test.each([
      ['limit=101', 'limit'],
      ['page=0', 'page'],
      ['sort=name', 'sort'],
      ['cursor=nonsense', 'cursor'],
    ])('refuses %s', async (query, path) => {
      expectInvalid(await ask('GET', `/api/customers?${query}`, { token: adminToken }), path);
    });
  });
});

describe('GET /api/orders', () => {
  let account: Account;
  let mug: ProductBody;

  beforeAll(async () => {
    [account, mug] = await Promise.all([openAccount(shop), product({ stock: 1_000 })]);
  });

  async function orders(token: string, count: number): Promise<string[]> {
    const placed = [];
    for (let n = 0; n < count; n += 1) {
      placed.unshift((await placeOrder(shop.url, token, [{ productId: mug.id, quantity: 1 }])).id);
    }
    return placed;
  }

  describe('when a customer asks', () => {
    test('answers their own, newest first, as they are read one by one', async () => {
      const [mine, other] = await Promise.all([openAccount(shop), openAccount(shop)]);
      const placed = await orders(mine.token, 2);
      await orders(other.token, 1);
      const { data, pagination } = await list('/api/orders', mine.token);
      expect(ids(data)).toEqual(placed);
      expect(pagination).toMatchObject({ totalItems: 2, totalPages: 1 });
      const { body } = await ask<Item>('GET', `/api/orders/${placed[0]}`, { token: mine.token });
      expect(data[0]).toEqual(body);
    });

    test('leaves deleted ones out', async () => {
      const mine = await openAccount(shop);
      const [kept, deleted] = await orders(mine.token, 2);
      await shop.db`update orders set status = 'cancelled', next_status_at = null, deleted_at = now() where id = ${deleted ?? ''}`;
      expect(ids((await list('/api/orders', mine.token)).data)).toEqual([kept ?? '']);
    });

    test('walks by cursor while they order on', async () => {
      const mine = await openAccount(shop);
      const placed = await orders(mine.token, 5);
      const pages = await walk('/api/orders?limit=2', {
        token: mine.token,
        between: () => orders(mine.token, 1),
      });
      expect(ids(pages.flatMap(({ data }) => data))).toEqual(placed);
    });
  });

  describe('when an admin asks', () => {
    test('answers everybody’s, or one customer’s', async () => {
      const [one, two] = await Promise.all([openAccount(shop), openAccount(shop)]);
      const first = await orders(one.token, 1);
      const second = await orders(two.token, 1);
      const all = await list('/api/orders?limit=2', adminToken);
      expect(ids(all.data)).toEqual([...second, ...first]);
      expect(ids((await list(`/api/orders?customerId=${one.id}`, adminToken)).data)).toEqual(first);
      const capitals = await list(`/api/orders?customerId=${one.id.toUpperCase()}`, adminToken);
      expect(ids(capitals.data)).toEqual(first);
      expect((await list(`/api/orders?customerId=${randomUUID()}`, adminToken)).data).toBeEmpty();
    });

    test('answers deleted ones only if asked to', async () => {
      const mine = await openAccount(shop);
      const [kept = '', deleted = ''] = await orders(mine.token, 2);
      await shop.db`update orders set status = 'cancelled', next_status_at = null, deleted_at = now() where id = ${deleted}`;
      const path = `/api/orders?customerId=${mine.id}`;
      expect(ids((await list(path, adminToken)).data)).toEqual([kept]);
      expect(ids((await list(`${path}&includeDeleted=true`, adminToken)).data)).toEqual([kept, deleted]);
    });
  });

  describe('when a status is asked for', () => {
    test('answers those that have it', async () => {
      const mine = await openAccount(shop);
      const [pending = '', cancelled = ''] = await orders(mine.token, 2);
      await ask('PATCH', `/api/orders/cancel/${cancelled}`, { token: mine.token });
      expect(ids((await list('/api/orders?status=pending', mine.token)).data)).toEqual([pending]);
      expect(ids((await list('/api/orders?status=cancelled', mine.token)).data)).toEqual([cancelled]);
      expect((await list('/api/orders?status=delivered', mine.token)).pagination.totalItems).toBe(0);
      const asAdmin = await list(`/api/orders?status=cancelled&customerId=${mine.id}`, adminToken);
      expect(ids(asAdmin.data)).toEqual([cancelled]);
    });
  });

  describe('when a parameter is bad', () => {
    test.each([
      ['status=lost', 'status'],
      ['limit=101', 'limit'],
      ['sort=createdAt', 'sort'],
      ['cursor=nonsense', 'cursor'],
    ])('refuses %s', async (query, path) => {
      expectInvalid(await ask('GET', `/api/orders?${query}`, { token: account.token }), path);
    });

    test.each([
      ['customerId=1', 'customerId'],
      ['includeDeleted=no', 'includeDeleted'],
      ['includeDeleted=false&includeDeleted=false', 'includeDeleted'],
      ['customerId=&customerId=', 'customerId'],
    ])('refuses %s from an admin', async (query, path) => {
      expectInvalid(await ask('GET', `/api/orders?${query}`, { token: adminToken }), path);
    });
  });
});

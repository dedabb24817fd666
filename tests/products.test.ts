import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { type Account, placeOrder, registerCustomer, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { unitsOf } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';

type ProductList = { data: ProductBody[] };

let shop: Shop;
let ask: Ask;
let adminToken: string;
let customer: Account;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
});

afterAll(() => shop.stop());

const input = (given: Record<string, unknown> = {}) => ({
  name: 'Enamel mug',
  description: 'Holds 0.4 l',
  priceCents: 1_299,
  stock: 10,
  ...given,
});
const { place, product } = createShopClient(
  (...sent) => ask(...sent),
  () => ({ url: shop.url, customerToken: customer.token, adminToken }),
);
const create = (body: unknown) => ask<ProductBody>('POST', '/api/products', { token: adminToken, body });
const read = (id: string, headers: Record<string, string> = {}) =>
  ask<ProductBody>('GET', `/api/products/${id}`, { headers });
const readAsAdmin = (id: string) => ask<ProductBody>('GET', `/api/products/${id}`, { token: adminToken });
const replace = (id: string, body: unknown, headers: Record<string, string> = {}) =>
  ask<ProductBody>('PUT', `/api/products/${id}`, { token: adminToken, body, headers });
const remove = (id: string, headers: Record<string, string> = {}) =>
  ask('DELETE', `/api/products/${id}`, { token: adminToken, headers });
const restore = (id: string, headers: Record<string, string> = {}) =>
  ask<ProductBody>('PATCH', `/api/products/restore/${id}`, { token: adminToken, headers });
const order = (id: string, quantity = 1) => place([{ productId: id, quantity }]);
const etagOf = async (id: string) => (await read(id)).headers.get('ETag') ?? '';
const strong = (etag: string) => etag.replace('W/', '');

async function deletedProduct(): Promise<ProductBody> {
  const created = await product();
  await remove(created.id);
  return created;
}

/** The product as the newest page of the list shows it. */
async function listed(id: string): Promise<ProductBody | undefined> {
  const { body } = await ask<ProductList>('GET', '/api/products?limit=100');
  return body.data.find((each) => each.id === id);
}

async function productsWritten(): Promise<number> {
  const [row] = await shop.db<{ count: number }[]>`select count(*)::int from products`;
  return row?.count ?? Number.NaN;
}

/** Ids that no product has, whatever they look like. */
const idsOfNothing = [randomUUID(), '01890a5d-ac96-774b-bcce-b302099a8057', 'mug', '1', '%00', '%F0%9F%A6%89'];

const badInputs: [string, Record<string, unknown>, string][] = [
  ['no name', { name: undefined }, 'name'],
  ['a blank name', { name: ' \t ' }, 'name'],
  ['a name of 201 characters', { name: 'x'.repeat(201) }, 'name'],
  ['a name of two lines', { name: 'Mug\nPot' }, 'name'],
  ['a name with NUL', { name: 'M\0g' }, 'name'],
  ['a description of 10 001 characters', { description: 'x'.repeat(10_001) }, 'description'],
  ['a description with NUL', { description: '\0' }, 'description'],
  ['a description that is a number', { description: 5 }, 'description'],
  ['no price', { priceCents: undefined }, 'priceCents'],
  ['a price below 0', { priceCents: -1 }, 'priceCents'],
  ['a price above 1 000 000 000', { priceCents: 1_000_000_001 }, 'priceCents'],
  ['a price with a fraction', { priceCents: 12.99 }, 'priceCents'],
  ['a price in text', { priceCents: '1299' }, 'priceCents'],
  ['a stock below 0', { stock: -1 }, 'stock'],
  ['a stock above 1 000 000 000', { stock: 1_000_000_001 }, 'stock'],
  ['a stock with a fraction', { stock: 0.5 }, 'stock'],
  ['a stock of null', { stock: null }, 'stock'],
  ['a currency of its own', { currency: 'EUR' }, 'currency'],
  ['an empty SKU', { sku: '' }, 'sku'],
  ['an SKU of 65 characters', { sku: 'x'.repeat(65) }, 'sku'],
  ['an SKU with a space', { sku: 'A 1' }, 'sku'],
  ['an SKU beyond ASCII', { sku: 'Ä1' }, 'sku'],
  ['21 tags', { tags: Array.from({ length: 21 }, (_, index) => `tag ${index}`) }, 'tags'],
  ['an empty tag', { tags: [' '] }, 'tags.0'],
  ['a tag of 51 characters', { tags: ['x'.repeat(51)] }, 'tags.0'],
  ['a tag with NUL', { tags: ['a\0'] }, 'tags.0'],
  ['a tag that comes again', { tags: ['blue', 'red', 'blue'] }, 'tags.2'],
  ['a tag that comes again in another form', { tags: ['caf\u00e9', ' cafe\u0301 '] }, 'tags.1'],
  ['tags of null', { tags: null }, 'tags'],
  ['11 images', { images: Array(11).fill({ url: '/media/a.svg', alt: '' }) }, 'images'],
  ['an image without words', { images: [{ url: '/media/a.svg' }] }, 'images.0.alt'],
  ['an image with a caption', { images: [{ url: '/media/a.svg', alt: '', caption: '' }] }, 'images.0.caption'],
  ...[
    'http://example.com/a.png',
    'https:example.com/a.png',
    'https:///example.com/a.png',
    'https://',
    'javascript:alert(1)',
    'data:image/png;base64,AA==',
    '//example.com/media/a.png',
    '/media/',
    '/media',
    '/api/products',
    '/media/../api/products',
    '/media/%2e%2E/api/products',
    '/media/..\\api',
    '/\\example.com/media/a.png',
    'media/a.svg',
    'https://example.com/a b.png',
    'https://example.com/\n',
    '',
    `https://example.com/${'x'.repeat(2_048)}`,
  ].map((url): [string, Record<string, unknown>, string] => [
    `the image ${JSON.stringify(url.slice(0, 40))}`,
    { images: [{ url, alt: '' }] },
    'images.0.url',
  ]),
  ['an id of its own', { id: randomUUID() }, 'id'],
];

describe('POST /api/products', () => {
  describe('when nothing is wrong', () => {
    test('answers 201 with the product and its address', async () => {
      const { status, headers, body } = await create(input());
      expect(status).toBe(201);
      expect(body).toEqual({
        id: expect.any(String),
        sku: null,
        ...input(),
        currency: 'USD',
        tags: [],
        images: [],
        createdAt: expect.any(String),
        updatedAt: body.createdAt,
        deletedAt: null,
      } as ProductBody);
      expect(headers.get('Location')).toBe(`/api/products/${body.id}`);
      const found = await read(body.id);
      expect(found.body).toEqual(body);
      expect(strong(headers.get('ETag') ?? '')).toBe(strong(found.headers.get('ETag') ?? 'none'));
    });

    test('shows it in the very next list', async () => {
      await listed('warm the cache');
      const { body } = await create(input());
      expect(await listed(body.id)).toEqual(body);
    });
  });

  describe('when values are at their limits', () => {
    test.each([
      ['a name of 1 character', { name: '杯' }],
      ['a name of 200 characters outside the basic plane', { name: '🫖'.repeat(200) }],
      ['no description', { description: undefined }],
      ['a description of null', { description: null }],
      ['an empty description', { description: '' }],
      ['a description of 10 000 characters', { description: 'é'.repeat(10_000) }],
      ['a description of several lines', { description: 'Blue.\n\tDishwasher safe.' }],
      ['what is free and sold out', { priceCents: 0, stock: 0 }],
      ['what is dear and plentiful', { priceCents: 1_000_000_000, stock: 1_000_000_000 }],
      ['an SKU of 64 characters', { sku: `!~${'x'.repeat(62)}` }],
      ['20 tags, one of 50 characters', { tags: ['🫖'.repeat(50), ...Array.from({ length: 19 }, (_, n) => `${n}`)] }],
      [
        'ten images',
        {
          images: ['/media/a.svg', 'https://example.com/ä.png?b#c'].flatMap((url) => Array(5).fill({ url, alt: 'é' })),
        },
      ],
    ] as [string, Record<string, unknown>][])('takes %s', async (_what, given) => {
      const { status, body } = await create(input(given));
      expect(status).toBe(201);
      expect(body).toMatchObject({ ...input(given), description: input(given).description ?? null });
      expect((await read(body.id)).body).toEqual(body);
    });

    test('keeps tags in their order, in NFC', async () => {
      const { body } = await create(input({ tags: ['z', ' cafe\u0301 ', 'Z'] }));
      expect(body.tags).toEqual(['z', 'caf\u00e9', 'Z']);
    });

    test('refuses a product without stock, which only a PUT may leave out', async () => {
      expectInvalid(await create(input({ stock: undefined })), 'stock');
    });

    test('trims the name', async () => {
      expect((await create(input({ name: '  Mug\u2003' }))).body.name).toBe('Mug');
    });
  });

  describe('when a value is bad', () => {
    test.each(badInputs)('refuses %s and adds nothing', async (_what, given, path) => {
      const before = await productsWritten();
      expectInvalid(await create(input(given)), path);
      expect(await productsWritten()).toBe(before);
    });

    test('names every bad value at once', async () => {
      const body = { name: '', description: 5, priceCents: -1, stock: 'many', colour: 'blue' };
      expectInvalid(await create(body), 'name', 'description', 'priceCents', 'stock', 'colour');
    });
  });

  describe('when a customer or nobody asks', () => {
    test('answers 403 or 401 and adds nothing', async () => {
      const before = await productsWritten();
      const asCustomer = await ask('POST', '/api/products', { token: customer.token, body: input() });
      expectProblem(asCustomer, 403, 'forbidden');
      expectProblem(await ask('POST', '/api/products', { body: input() }), 401, 'unauthenticated');
      expect(await productsWritten()).toBe(before);
    });
  });
});

describe('GET /api/products/:id', () => {
  describe('when anyone asks', () => {
    test('answers 200 with the product, to the signed-in privately', async () => {
      const mug = await product();
      const anonymous = await read(mug.id);
      expect(anonymous.body).toEqual(mug);
      const signedIn = await ask<ProductBody>('GET', `/api/products/${mug.id}`, { token: customer.token });
      expect(signedIn.body).toEqual(mug);
      expect(signedIn.headers.get('Cache-Control')).toMatch(/\bprivate\b/);
      expect(anonymous.headers.get('Vary')).toMatch(/\bAuthorization\b/i);
    });

    test('answers the same whether or not the caller is told apart from others', async () => {
      const descriptions = ['Holds 0.4 l', 'ä'.repeat(2_000)];
      const [short = '', long = ''] = await Promise.all(
        descriptions.map(async (description) => (await product({ description })).id),
      );
      const ownId = { 'X-Request-Id': randomUUID() };
      const plain = { 'Accept-Encoding': 'identity' };
      const told = [await read(short, { ...plain, ...ownId }), await read(long, { ...plain, ...ownId })];
      for (let time = 0; time < 3; time += 1) {
        const answers = [await read(short, plain), await read(long, plain)];
        for (const [index, { status, headers, body }] of answers.entries()) {
          expect({ status, body }).toEqual({ status: 200, body: told[index]?.body as ProductBody });
          const names = (all: Headers | undefined) => Object.entries(all?.toJSON() ?? {}).map(([name]) => name);
          expect(names(headers).sort()).toEqual(names(told[index]?.headers).sort());
          for (const name of ['etag', 'cache-control', 'vary', 'content-type', 'content-length']) {
            expect(headers.get(name)).toBe(told[index]?.headers.get(name) ?? null);
          }
          expect(headers.get('x-request-id')).not.toBe(ownId['X-Request-Id']);
        }
      }
    });

    test('takes the id in capitals too', async () => {
      const mug = await product();
      expect((await read(mug.id.toUpperCase())).body).toEqual(mug);
    });
  });

  describe('when the caller has it already', () => {
    test('answers 304 without a body, however the tag is written', async () => {
      const { id } = await product();
      const etag = strong(await etagOf(id));
      for (const sent of [etag, `W/${etag}`, `"other", ${etag}`, `W/"other",W/${etag}`, '*']) {
        const { status, headers, body } = await read(id, { 'If-None-Match': sent });
        expect(status).toBe(304);
        expect(body).toBeNull();
        expect(strong(headers.get('ETag') ?? '')).toBe(etag);
      }
    });

    test('answers 200 once it has changed, by an order too', async () => {
      const { id } = await product();
      const etag = await etagOf(id);
      await order(id);
      const { status, body } = await read(id, { 'If-None-Match': etag });
      expect(status).toBe(200);
      expect(body.stock).toBe(9);
    });

    test('answers 200 when the tag is another’s', async () => {
      const { id } = await product();
      expect((await read(id, { 'If-None-Match': '"nothing"' })).status).toBe(200);
    });
  });

  describe('when it is deleted', () => {
    test('answers 404 to everyone but an admin, who sees when that was', async () => {
      const mug = await deletedProduct();
      expectProblem(await read(mug.id), 404, 'not_found');
      const asCustomer = await ask('GET', `/api/products/${mug.id}`, { token: customer.token });
      expectProblem(asCustomer, 404, 'not_found');
      const { status, body } = await readAsAdmin(mug.id);
      expect(status).toBe(200);
      expect(body).toEqual({ ...mug, deletedAt: expect.any(String), updatedAt: body.deletedAt ?? 'never' });
    });

    test('answers 404 to those who have it already, too', async () => {
      const { id } = await product();
      const etag = await etagOf(id);
      await remove(id);
      expectProblem(await read(id, { 'If-None-Match': etag }), 404, 'not_found');
    });
  });

  describe('when there is no such product', () => {
    test.each(idsOfNothing)('answers 404: %s', async (id) => {
      expectProblem(await read(id), 404, 'not_found');
    });
  });
});

describe('PUT /api/products/:id', () => {
  const change = { name: 'Steel mug', description: null, priceCents: 1_599, stock: 3 };

  describe('when nothing is wrong', () => {
    test('answers 200 with the new product, whole', async () => {
      const mug = await product({ description: 'Blue' });
      const { status, headers, body } = await replace(mug.id, change);
      expect(status).toBe(200);
      expect(body).toEqual({ ...mug, ...change, updatedAt: expect.any(String) });
      expect(body.updatedAt >= mug.updatedAt).toBe(true);
      expect((await read(mug.id)).body).toEqual(body);
      expect(strong(headers.get('ETag') ?? '')).toBe(strong(await etagOf(mug.id)));
    });

    test('clears what is left out, but for stock', async () => {
      const given = { description: 'Blue', sku: randomUUID(), tags: ['a'], images: [{ url: '/media/a.svg', alt: '' }] };
      const mug = await product({ ...given, stock: 4 });
      expect(mug).toMatchObject(given);
      const { body } = await replace(mug.id, { name: mug.name, priceCents: 1 });
      expect(body).toMatchObject({ description: null, sku: null, tags: [], images: [], stock: 4 });
    });

    test('moves the entity tag, even when nothing differs', async () => {
      const { id } = await product();
      const before = await etagOf(id);
      await replace(id, input());
      expect(await etagOf(id)).not.toBe(before);
    });

    test('shows it in the very next list', async () => {
      const { id } = await product();
      await listed(id);
      const { body } = await replace(id, change);
      expect(await listed(id)).toEqual(body);
    });

    test('leaves SKU, name and price in orders as they were', async () => {
      const mug = await product({ sku: randomUUID() });
      const placed = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 2 }]);
      await replace(mug.id, change);
      const { body } = await ask<OrderBody>('GET', `/api/orders/${placed.id}`, { token: customer.token });
      expect(body).toEqual(placed);
      const { id: productId, sku, name, priceCents: unitPriceCents } = mug;
      expect(sku).not.toBeNull();
      expect(body.items).toEqual([{ productId, sku, name, quantity: 2, unitPriceCents }]);
    });
  });

  describe('when If-Match names what is there', () => {
    test.each([
      ['the tag', (etag: string) => etag],
      ['the tag, weakened', (etag: string) => `W/${strong(etag)}`],
      ['the tag, not weakened', (etag: string) => strong(etag)],
      ['the tag among others', (etag: string) => `"other", ${etag}`],
      ['anything', () => '*'],
    ])('answers 200: %s', async (_what, written) => {
      const { id } = await product();
      const answer = await replace(id, change, { 'If-Match': written(await etagOf(id)) });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject(change);
    });

    test.each(['gzip', 'deflate', 'identity'])('answers 200 to the tag of an answer in %s', async (encoding) => {
      const { id } = await product({ description: 'worth compressing '.repeat(100) });
      const { headers } = await read(id, { 'Accept-Encoding': encoding });
      expect(headers.get('ETag')).toMatch(encoding === 'identity' ? /^"/ : /^W\/"/);
      expect((await replace(id, change, { 'If-Match': headers.get('ETag') ?? '' })).status).toBe(200);
    });
  });

  describe('when If-Match names what was', () => {
    test('answers 412 and changes nothing', async () => {
      const mug = await product();
      const stale = await etagOf(mug.id);
      const { body: current } = await replace(mug.id, input({ name: 'Changed meanwhile' }));
      expectProblem(await replace(mug.id, change, { 'If-Match': stale }), 412, 'precondition_failed');
      expectProblem(await replace(mug.id, change, { 'If-Match': strong(stale) }), 412, 'precondition_failed');
      expectProblem(await replace(mug.id, change, { 'If-Match': '"other"' }), 412, 'precondition_failed');
      expect((await read(mug.id)).body).toEqual(current);
    });

    test('answers 412 after an order has moved the stock', async () => {
      const mug = await product();
      const stale = await etagOf(mug.id);
      await order(mug.id, 4);
      expectProblem(await replace(mug.id, change, { 'If-Match': stale }), 412, 'precondition_failed');
      expect((await read(mug.id)).body).toMatchObject({ name: mug.name, stock: 6 });
    });
  });

  describe('when several with the same If-Match race', () => {
    test('lets one through and answers 412 to the others', async () => {
      const { id } = await product();
      const etag = await etagOf(id);
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, index) => replace(id, { ...change, stock: index }, { 'If-Match': etag })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
      const winner = answers.findIndex(({ status }) => status === 200);
      expect((await read(id)).body.stock).toBe(winner);
    });
  });

  describe('when orders are placed at the same moment', () => {
    test('sets the stock under the lock: only later orders take from it', async () => {
      const mug = await product({ stock: 100 });
      const [put, ...orders] = await Promise.all([
        replace(mug.id, input({ stock: 1_000 })),
        ...Array.from({ length: 20 }, () => order(mug.id, 2)),
      ]);
      expect(put.body.stock).toBe(1_000);
      for (const { status } of orders) expect(status).toBe(201);
      const { body } = await read(mug.id);
      expect(body.stock).toBeWithin(1_000 - 20 * 2, 1_000 + 1);
      expect(body.stock % 2).toBe(0);
    });

    test('loses no order when the tag must match', async () => {
      const mug = await product({ stock: 100 });
      const etag = await etagOf(mug.id);
      const [put, ...orders] = await Promise.all([
        replace(mug.id, input({ stock: 1_000 }), { 'If-Match': etag }),
        ...Array.from({ length: 20 }, () => order(mug.id, 2)),
      ]);
      for (const { status } of orders) expect(status).toBe(201);
      // Either nobody had ordered before the PUT, so every unit comes off its stock, or it did nothing at all.
      const before = put.status === 200 ? 1_000 : 100;
      expect([200, 412]).toContain(put.status);
      expect((await read(mug.id)).body.stock).toBe(before - 20 * 2);
    });
  });

  describe('when a value is bad', () => {
    test.each(badInputs)('refuses %s and changes nothing', async (_what, given, path) => {
      const mug = await product();
      expectInvalid(await replace(mug.id, input(given)), path);
      expect((await read(mug.id)).body).toEqual(mug);
    });
  });

  describe('when there is no such product', () => {
    test('answers 404, for a deleted one too', async () => {
      const mug = await deletedProduct();
      for (const id of [...idsOfNothing, mug.id]) expectProblem(await replace(id, change), 404, 'not_found');
      expect((await readAsAdmin(mug.id)).body).toMatchObject({ name: mug.name, stock: mug.stock });
    });
  });

  describe('when a customer or nobody asks', () => {
    test('answers 403 or 401 and changes nothing', async () => {
      const mug = await product();
      const path = `/api/products/${mug.id}`;
      expectProblem(await ask('PUT', path, { token: customer.token, body: change }), 403, 'forbidden');
      expectProblem(await ask('PUT', path, { body: change }), 401, 'unauthenticated');
      expect((await read(mug.id)).body).toEqual(mug);
    });
  });
});

describe('DELETE /api/products/:id', () => {
  describe('when it is there', () => {
    test('answers 204, and the product is gone from the very next list', async () => {
      const { id } = await product();
      expect(await listed(id)).toBeDefined();
      const { status, body } = await remove(id);
      expect(status).toBe(204);
      expect(body).toBeNull();
      expect(await listed(id)).toBeUndefined();
      expectProblem(await read(id), 404, 'not_found');
    });

    test('is soft: the row stays, and so do orders of it', async () => {
      const mug = await product();
      const placed = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 2 }]);
      await remove(mug.id);
      const { body } = await ask<OrderBody>('GET', `/api/orders/${placed.id}`, { token: customer.token });
      expect(body).toEqual(placed);
      expect(await unitsOf(shop.db, mug.id)).toBe(10);
    });

    test('makes new orders of it unknown_product', async () => {
      const { id } = await product();
      await remove(id);
      expectProblem(await order(id), 422, 'unknown_product');
      expect((await readAsAdmin(id)).body.stock).toBe(10);
    });

    test('lets an order of it be cancelled, and the stock comes back to it', async () => {
      const { id } = await product();
      const placed = await placeOrder(shop.url, customer.token, [{ productId: id, quantity: 4 }]);
      await remove(id);
      const { status } = await ask('PATCH', `/api/orders/cancel/${placed.id}`, { token: customer.token });
      expect(status).toBe(200);
      expect((await readAsAdmin(id)).body).toMatchObject({ stock: 10, deletedAt: expect.any(String) });
    });
  });

  describe('when it is not there', () => {
    test('answers 404, and to a second deletion too', async () => {
      const { id } = await deletedProduct();
      const deletedAt = (await readAsAdmin(id)).body.deletedAt;
      for (const nothing of [...idsOfNothing, id]) expectProblem(await remove(nothing), 404, 'not_found');
      expect((await readAsAdmin(id)).body.deletedAt).toBe(deletedAt);
    });
  });

  describe('when several race', () => {
    test('takes effect once', async () => {
      const { id } = await product();
      const answers = await Promise.all([1, 2, 3, 4].map(() => remove(id)));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404]);
    });
  });

  describe('when orders are placed at the same moment', () => {
    test('each order has its units or is refused, and none is lost', async () => {
      const mug = await product({ stock: 100 });
      const [deleted, ...orders] = await Promise.all([
        remove(mug.id),
        ...Array.from({ length: 20 }, () => order(mug.id, 2)),
      ]);
      expect(deleted.status).toBe(204);
      const refused = orders.filter(({ status }) => status !== 201);
      for (const answer of refused) expectProblem(answer, 422, 'unknown_product');
      const sold = (orders.length - refused.length) * 2;
      expect((await readAsAdmin(mug.id)).body.stock).toBe(100 - sold);
      expect(await unitsOf(shop.db, mug.id)).toBe(100);
    });
  });

  describe('when a customer or nobody asks', () => {
    test('answers 403 or 401 and deletes nothing', async () => {
      const mug = await product();
      const path = `/api/products/${mug.id}`;
      expectProblem(await ask('DELETE', path, { token: customer.token }), 403, 'forbidden');
      expectProblem(await ask('DELETE', path), 401, 'unauthenticated');
      expect((await read(mug.id)).body).toEqual(mug);
    });
  });
});

describe('A condition on a change', () => {
  /** A product that the change is possible for, and the tag that an admin reads of it. */
  async function changeable(isDeleted: boolean) {
    const { id } = await (isDeleted ? deletedProduct() : product());
    const { headers } = await readAsAdmin(id);
    return { id, etag: strong(headers.get('ETag') ?? '') };
  }

  const change = (id: string, headers: Record<string, string>) => replace(id, input({ name: 'Changed' }), headers);
  const changes = [
    ['PUT', false, change],
    ['DELETE', false, remove],
    ['restore', true, restore],
  ] as const;

  describe.each(changes)('when it is sent with %s', (_what, isDeleted, send) => {
    const holding: [string, (etag: string) => Record<string, string>][] = [
      ['If-Match names what is there', (etag) => ({ 'If-Match': etag })],
      ['If-Match names it weakened', (etag) => ({ 'If-Match': `W/${etag}` })],
      ['If-Match names it among others', (etag) => ({ 'If-Match': `"other", ${etag}` })],
      ['If-Match names anything', () => ({ 'If-Match': '*' })],
      ['If-None-Match names something else', () => ({ 'If-None-Match': '"other"' })],
      ['both hold', (etag) => ({ 'If-Match': etag, 'If-None-Match': 'W/"other"' })],
    ];

    test.each(holding)('is obeyed: %s', async (_condition, headersFor) => {
      const { id, etag } = await changeable(isDeleted);
      expect((await send(id, headersFor(etag))).status).toBeOneOf([200, 204]);
    });

    const failing: [string, (etag: string) => Record<string, string>][] = [
      ['If-Match names what was', (etag) => ({ 'If-Match': `"${Number(etag.slice(1, -1)) - 1}"` })],
      ['If-Match names nothing', (etag) => ({ 'If-Match': etag.slice(1, -1) })],
      ['If-None-Match names anything', () => ({ 'If-None-Match': '*' })],
      ['If-None-Match names what is there', (etag) => ({ 'If-None-Match': etag })],
      ['If-None-Match names it weakened', (etag) => ({ 'If-None-Match': `"other", W/${etag}` })],
      ['one of both fails', (etag) => ({ 'If-Match': etag, 'If-None-Match': '*' })],
    ];

    test.each(failing)('answers 412 and changes nothing: %s', async (_condition, headersFor) => {
      const { id, etag } = await changeable(isDeleted);
      const before = await readAsAdmin(id);
      expectProblem(await send(id, headersFor(etag)), 412, 'precondition_failed');
      expect((await readAsAdmin(id)).body).toEqual(before.body);
    });

    test('answers 412 after an order has moved the stock', async () => {
      const { id } = await product();
      const etag = await etagOf(id);
      await order(id);
      if (isDeleted) await remove(id);
      expectProblem(await send(id, { 'If-Match': etag }), 412, 'precondition_failed');
    });

    test('lets one of several through', async () => {
      const { id, etag } = await changeable(isDeleted);
      const answers = await Promise.all([1, 2, 3, 4].map(() => send(id, { 'If-Match': etag })));
      const refused = answers.filter(({ status }) => status === 412 || status === 404);
      expect(refused).toHaveLength(3);
    });
  });

  describe('when the change would be refused in any case', () => {
    test('comes after 404 and before the refusal', async () => {
      const stale = { 'If-Match': '"0"' };
      const deleted = await deletedProduct();
      expectProblem(await remove(deleted.id, stale), 404, 'not_found');
      expectProblem(await change(deleted.id, stale), 404, 'not_found');
      const { id } = await product();
      expectProblem(await restore(id, stale), 412, 'precondition_failed');
      expectProblem(await restore(id, { 'If-Match': await etagOf(id) }), 409, 'product_not_deleted');
    });
  });
});

describe('PATCH /api/products/restore/:id', () => {
  describe('when it is deleted', () => {
    test('answers 200 with the product as it was, back in the very next list', async () => {
      const mug = await deletedProduct();
      expect(await listed(mug.id)).toBeUndefined();
      const { status, body } = await restore(mug.id);
      expect(status).toBe(200);
      expect(body).toEqual({ ...mug, updatedAt: expect.any(String) });
      expect((await read(mug.id)).body).toEqual(body);
      expect(await listed(mug.id)).toEqual(body);
    });

    test('makes it possible to order again', async () => {
      const { id } = await deletedProduct();
      await restore(id);
      expect((await order(id)).status).toBe(201);
    });

    test('does not bring an older entity tag back', async () => {
      const { id } = await product();
      const etag = await etagOf(id);
      await remove(id);
      await restore(id);
      expectProblem(await replace(id, input(), { 'If-Match': etag }), 412, 'precondition_failed');
    });
  });

  describe('when it is not deleted', () => {
    test('answers 409 and changes nothing', async () => {
      const mug = await product();
      expectProblem(await restore(mug.id), 409, 'product_not_deleted');
      expect((await read(mug.id)).body).toEqual(mug);
    });
  });

  describe('when there is no such product', () => {
    test.each(idsOfNothing)('answers 404: %s', async (id) => {
      expectProblem(await restore(id), 404, 'not_found');
    });
  });

  describe('when several race', () => {
    test('takes effect once', async () => {
      const { id } = await deletedProduct();
      const answers = await Promise.all([1, 2, 3, 4].map(() => restore(id)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
      for (const answer of answers.filter(({ status }) => status === 409)) {
        expectProblem(answer, 409, 'product_not_deleted');
      }
    });
  });

  describe('when a customer or nobody asks', () => {
    test('answers 403 or 401 and restores nothing', async () => {
      const { id } = await deletedProduct();
      const path = `/api/products/restore/${id}`;
      expectProblem(await ask('PATCH', path, { token: customer.token }), 403, 'forbidden');
      expectProblem(await ask('PATCH', path), 401, 'unauthenticated');
      expect((await readAsAdmin(id)).body.deletedAt).toBeString();
    });
  });
});

describe('The SKU of a product', () => {
  test('when another product has it › is refused, on making, replacing and restoring, and nothing changes', async () => {
    const sku = randomUUID();
    const gone = await product({ sku });
    await remove(gone.id);
    const first = await product({ sku });
    const second = await product({ sku: sku.toUpperCase() });
    const before = await productsWritten();
    expectProblem(await create(input({ sku })), 409, 'sku_taken');
    expectProblem(await replace(second.id, input({ sku, stock: 99 })), 409, 'sku_taken');
    expectProblem(await restore(gone.id), 409, 'sku_taken');
    expect(await productsWritten()).toBe(before);
    expect((await read(second.id)).body).toEqual(second);
    expect((await replace(first.id, input({ sku }))).status).toBe(200);
    await remove(first.id);
    expect((await restore(gone.id)).body.sku).toBe(sku);
  });

  test('when several want it at once › is given to one', async () => {
    const sku = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(input({ sku }))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });
});

describe('GET /media/:file', () => {
  const get = (file: string) => fetch(`${shop.url}/media/${file}`);

  test('when the picture exists › is given to pages of any origin, to be kept', async () => {
    const answer = await get('kitchen-210.svg');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Content-Type')).toBe('image/svg+xml');
    expect(answer.headers.get('Cross-Origin-Resource-Policy')).toBe('cross-origin');
    expect(answer.headers.get('Cache-Control')).toMatch(/^public, max-age=\d+$/);
    expect(answer.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    expect(await answer.text()).toMatch(/^<svg xmlns=.*<\/svg>$/);
    expect((await fetch(`${shop.url}/api/products`)).headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
  });

  test.each([
    'kitchen-360.svg',
    'kitchen-01.svg',
    'constructor-1.svg',
    'nothing-1.svg',
    'kitchen-1.png',
    '%3Cscript%3E',
  ])('when there is no such picture › answers 404: %s', async (file) => {
    const answer = await get(file);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'not_found' });
  });
});

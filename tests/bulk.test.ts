import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { BatchResult } from '../src/schema/product-batches.ts';
import type { ProductBody } from '../src/schema/products.ts';
import type { StockChangeBody } from '../src/schema/stock-changes.ts';
import { type Answer, type RequestOptions, signInAdmin, untilServed } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { untilOrderWaits } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';

let shop: Shop;
let asks: Ask[];
let adminToken: string;
let turn = 0;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  asks = await Promise.all([0, 1].map((index) => checkedRequests(shop.api(index).url)));
  adminToken = await signInAdmin(shop.url);
});

afterAll(() => shop.stop());

/** Sends a request to the API processes by turns, as the admin, and again while it is 503. */
function ask<Body>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<Body>> {
  turn += 1;
  const send = asks[turn % 2];
  if (!send) throw new Error('There are two API processes.');
  return untilServed(() => send<Body>(method, path, { token: adminToken, ...options }));
}

type Results = { results: BatchResult[] };

const write = (items: unknown, more: Record<string, unknown> = {}, options: RequestOptions = {}) =>
  ask<Results>('POST', '/api/products/batch', { body: { items, ...more }, ...options });
const withKey = (key: string = randomUUID()) => ({ headers: { 'Idempotency-Key': key } });
const sku = () => `SKU-${randomUUID()}`;
const item = (given: Record<string, unknown> = {}) => ({
  sku: sku(),
  name: 'Mug',
  priceCents: 1_299,
  stock: 4,
  ...given,
});
const read = async (id: string | null | undefined) => (await ask<ProductBody>('GET', `/api/products/${id}`)).body;
const outcomesOf = ({ body }: Answer<Results>) => body.results.map(({ outcome }) => outcome);
const bySku = async (wanted: string) =>
  (await ask<{ data: ProductBody[] }>('GET', `/api/products?sku=${wanted}`)).body.data;
const { eventsOf, product } = createShopClient(ask, () => ({ url: shop.url, adminToken }));
const existing = (given: Record<string, unknown> = {}) => product({ sku: sku(), stock: 10, ...given });
const bookingsOf = async (id: string | null | undefined) =>
  (await ask<{ data: StockChangeBody[] }>('GET', `/api/stock-changes?productId=${id}`)).body.data;

/** A fingerprint of all that a batch may write. */
const catalogue = () => shop.db`
  select (select md5(string_agg(p::text, ' ' order by id)) from products p) as products,
    (select count(*)::int from stock_changes) as bookings, (select count(*)::int from audit_events) as events,
    (select count(*)::int from idempotency_records) as records`;

describe('POST /api/products/batch', () => {
  describe('when products are new', () => {
    test('makes them in the order given, whole or with their defaults, and every list shows them at once', async () => {
      const whole = item({
        name: '  Pot ',
        description: 'Cast iron',
        tags: ['cafe\u0301', 'kitchen'],
        images: [{ url: '/media/kitchen-210.svg', alt: 'A pot' }],
      });
      const plain = item({ stock: 0 });
      await Promise.all([bySku(plain.sku), bySku(plain.sku)]);
      const answer = await write([whole, plain]);
      expect(answer.status).toBe(200);
      const [first, second] = answer.body.results;
      expect(answer.body.results).toEqual([
        { sku: whole.sku, outcome: 'created', id: expect.any(String) },
        { sku: plain.sku, outcome: 'created', id: expect.any(String) },
      ]);
      expect((first?.id ?? '') < (second?.id ?? '')).toBe(true);
      expect(await read(first?.id)).toMatchObject({
        ...whole,
        name: 'Pot',
        tags: ['café', 'kitchen'],
        deletedAt: null,
      });
      for (const found of await Promise.all([bySku(plain.sku), bySku(plain.sku)])) {
        expect(found).toMatchObject([{ ...plain, description: null, tags: [], images: [] }]);
      }
      expect(await bookingsOf(first?.id)).toMatchObject([{ change: 4, reason: 'created', stockAfter: 4 }]);
      expect(await bookingsOf(second?.id)).toEqual([]);
      expect(await eventsOf({ id: first?.id ?? '' })).toMatchObject([
        { action: 'product.created', actor: { kind: 'admin' } },
      ]);
    });

    test('takes the SKU of a product that is deleted', async () => {
      const old = await existing();
      await ask('DELETE', `/api/products/${old.id}`);
      const { body } = await write([item({ sku: old.sku })]);
      expect(body.results).toMatchObject([{ sku: old.sku, outcome: 'created' }]);
      expect(body.results[0]?.id).not.toBe(old.id);
    });
  });

  describe('when products are there', () => {
    test('replaces what differs, keeps stock, and leaves what is the same in its version', async () => {
      const [changed, same] = await Promise.all([
        existing({ tags: ['old'], description: 'Old' }),
        existing({ images: [{ url: '/media/a.svg', alt: '' }], tags: ['b', 'a'] }),
      ]);
      const etag = async () => (await ask('GET', `/api/products/${same.id}`)).headers.get('ETag');
      const before = await etag();
      const answer = await write([
        { sku: changed.sku, name: 'New', priceCents: 5 },
        {
          sku: same.sku,
          name: same.name,
          priceCents: same.priceCents,
          images: [{ alt: '', url: '/media/a.svg' }],
          tags: ['b', 'a'],
        },
      ]);
      expect(answer.body.results).toEqual([
        { sku: changed.sku, outcome: 'updated', id: changed.id },
        { sku: same.sku, outcome: 'unchanged', id: same.id },
      ]);
      expect(await read(changed.id)).toMatchObject({
        name: 'New',
        priceCents: 5,
        stock: 10,
        tags: [],
        description: null,
      });
      expect(await read(same.id)).toEqual(same);
      expect(await etag()).toBe(before);
      expect(await eventsOf(changed)).toMatchObject([{ action: 'product.updated' }, { action: 'product.created' }]);
      expect(await eventsOf(same)).toHaveLength(1);
    });

    test('books a difference of stock, with one event for the product', async () => {
      const images = [{ url: '/media/a.svg', alt: 'A' }];
      const { id, sku, name, priceCents } = await existing({ stock: 10, images });
      const answer = await write([{ sku, name, priceCents, images, stockChange: -3 }], {}, withKey());
      expect(outcomesOf(answer)).toEqual(['updated']);
      expect((await read(id)).stock).toBe(7);
      expect(await bookingsOf(id)).toMatchObject([
        { change: -3, reason: 'edited', stockAfter: 7, actor: { kind: 'admin' } },
        { reason: 'created' },
      ]);
      const [event, ...older] = await eventsOf({ id });
      expect(event?.action).toBe('product.updated');
      expect(event?.changes).toEqual({ stock: { from: 10, to: 7 } });
      expect(older).toHaveLength(1);
      const both = await write([{ sku, name: 'Other', priceCents, stockChange: 1 }], {}, withKey());
      expect(outcomesOf(both)).toEqual(['updated']);
      expect(await read(id)).toMatchObject({ name: 'Other', stock: 8 });
      expect(await eventsOf({ id })).toHaveLength(3);
    });
  });

  /** Items that are refused, each by itself, with the code and where the fault is. */
  async function faulty(): Promise<[item: unknown, code: string, path: string | null, sku: string | null][]> {
    const [there, full] = await Promise.all([existing({ stock: 2 }), existing({ stock: 1_000_000_000 })]);
    const again = { name: 'Mug', priceCents: 1 };
    return [
      [{ ...item(), name: '' }, 'validation_failed', 'name', expect.any(String)],
      [{ ...item(), nonsense: 1 }, 'validation_failed', 'nonsense', expect.any(String)],
      [{ ...item(), sku: undefined }, 'validation_failed', 'sku', null],
      [{ ...item(), sku: null }, 'validation_failed', 'sku', null],
      [{ ...item(), sku: 'a b' }, 'validation_failed', 'sku', 'a b'],
      [{ ...item(), tags: ['a', 'a'] }, 'validation_failed', 'tags.1', expect.any(String)],
      [{ ...item(), stock: undefined }, 'validation_failed', 'stock', expect.any(String)],
      [{ ...item(), stockChange: 1 }, 'validation_failed', 'stockChange', expect.any(String)],
      [{ ...again, sku: there.sku, stock: 2 }, 'validation_failed', 'stock', there.sku],
      [{ ...again, sku: there.sku, stockChange: 0 }, 'validation_failed', 'stockChange', there.sku],
      [{ ...again, sku: there.sku, stockChange: -3 }, 'insufficient_stock', null, there.sku],
      [{ ...again, sku: full.sku, stockChange: 1 }, 'stock_too_high', 'stockChange', full.sku],
      ['nonsense', 'validation_failed', '', null],
      [null, 'validation_failed', '', null],
      [[], 'validation_failed', '', null],
    ];
  }

  describe('when an item cannot be written', () => {
    test('refuses all by default, says what was wrong with which, and writes nothing', async () => {
      for (const [wrong, code, path, expected] of await faulty()) {
        const [there, fine] = [await existing(), item()];
        const before = await catalogue();
        const key = randomUUID();
        const options = withKey(key);
        const answer = await write([{ sku: there.sku, name: 'New', priceCents: 1 }, wrong, fine], {}, options);
        const refusal = { sku: expected, outcome: 'refused', id: null, code };
        expectProblem(answer, 422, 'batch_refused', {
          results: [
            { sku: there.sku, outcome: 'not_written', id: there.id },
            path === null ? refusal : { ...refusal, errors: [{ path, message: expect.any(String) }] },
            { sku: fine.sku, outcome: 'not_written', id: null },
          ],
        });
        expect(await catalogue()).toEqual(before);
        // The key is not burnt.
        expect((await write([fine], {}, options)).status).toBe(200);
      }
    });

    test('writes the others when told to skip', async () => {
      const wrong = await faulty();
      const fine = item();
      const answer = await write([...wrong.map(([each]) => each), fine], { onError: 'skip' }, withKey());
      expect(answer.status).toBe(200);
      // The same product is named more than once above, so later mentions are repeats.
      expect(outcomesOf(answer)).toEqual([...wrong.map(() => 'refused' as const), 'created']);
      expect(await bySku(fine.sku)).toHaveLength(1);
    });

    test('refuses a SKU where it comes again', async () => {
      const twice = item();
      const answer = await write([twice, { ...twice, name: 'Pot' }], { onError: 'skip' });
      expect(answer.body.results).toMatchObject([
        { outcome: 'created' },
        { outcome: 'refused', id: null, code: 'validation_failed', errors: [{ path: 'sku' }] },
      ]);
      expect(await bySku(twice.sku)).toMatchObject([{ name: 'Mug' }]);
    });
  });

  describe('when it is a dry run', () => {
    test('answers as it would, and writes nothing', async () => {
      const there = await existing();
      const [fresh, wrong] = [item(), item({ name: '' })];
      const items = [fresh, { sku: there.sku, name: 'New', priceCents: 1, stockChange: 1 }, wrong];
      const before = await catalogue();
      const key = randomUUID();
      const dry = await write(items, { onError: 'skip', dryRun: true }, withKey(key));
      expect(dry.body.results).toMatchObject([
        { sku: fresh.sku, outcome: 'created', id: null },
        { sku: there.sku, outcome: 'updated', id: there.id },
        { sku: wrong.sku, outcome: 'refused', id: null },
      ]);
      expectProblem(await write(items, { dryRun: true }, withKey()), 422, 'batch_refused');
      expect(await catalogue()).toEqual(before);
      const real = await write(items, { onError: 'skip' }, withKey(key));
      expect(real.headers.has('Idempotent-Replayed')).toBe(false);
      expect(outcomesOf(real)).toEqual(outcomesOf(dry));
    });
  });

  describe('when the whole is wrong', () => {
    test('answers 422 validation_failed', async () => {
      const { sku, name, priceCents } = await existing();
      expectInvalid(await ask('POST', '/api/products/batch', { body: {} }), 'items');
      expectInvalid(await write([]), 'items');
      expectInvalid(await write(Array.from({ length: 501 }, () => 1)), 'items');
      expectInvalid(await write({ 0: item() }), 'items');
      expectInvalid(await write([item()], { onError: 'ignore' }), 'onError');
      expectInvalid(await write([item()], { dryRun: 'yes' }), 'dryRun');
      expectInvalid(await write([item()], { nonsense: 1 }), 'nonsense');
      expectInvalid(await write([{ sku, name, priceCents, stockChange: 1 }]), 'Idempotency-Key');
      expectInvalid(await write([{ sku, name, priceCents, stockChange: 1 }], { dryRun: true }), 'Idempotency-Key');
    });

    test('answers 404 to GET, as of a product that is not there', async () => {
      expectProblem(await ask('GET', '/api/products/batch'), 404, 'not_found');
    });
  });

  describe('when it is as large as may be', () => {
    test('writes 500 products at once, and again without a change', async () => {
      const items = Array.from({ length: 500 }, (_, index) => item({ name: `Mug ${index}` }));
      const first = await write(items);
      expect(new Set(outcomesOf(first))).toEqual(new Set(['created']));
      const again = await write(items.map(({ stock: _, ...each }) => each));
      expect(again.body.results).toEqual(first.body.results.map((each) => ({ ...each, outcome: 'unchanged' })));
    });
  });

  describe('when its key comes again', () => {
    test('answers the first answer with its refusals, and writes nothing', async () => {
      const { id, sku, name, priceCents } = await existing({ stock: 5 });
      const items = [{ sku, name, priceCents, stockChange: 2 }, item({ name: '' })];
      const options = withKey();
      const first = await write(items, { onError: 'skip' }, options);
      expect(outcomesOf(first)).toEqual(['updated', 'refused']);
      await ask('DELETE', `/api/products/${id}`);
      const repeat = await write(items, { onError: 'skip' }, options);
      expect(repeat).toMatchObject({ status: 200, body: first.body });
      expect(repeat.headers.get('Idempotent-Replayed')).toBe('true');
      expectProblem(await write(items.slice(0, 1), { onError: 'skip' }, options), 422, 'idempotency_key_reused');
      const dry = await write(items, { onError: 'skip', dryRun: true }, options);
      expectProblem(dry, 422, 'idempotency_key_reused');
      expect((await read(id)).stock).toBe(7);
    });

    test('keeps it for a program’s key, too, here and for stock changes', async () => {
      const { body: key } = await ask<{ key: string }>('POST', '/api/keys', {
        body: { name: 'Warehouse', scopes: ['products:write', 'stock:write'] },
      });
      const { id, sku, name, priceCents } = await existing({ stock: 5 });
      const options = { ...withKey(), token: key.key };
      const body = { productId: id, change: 1, reason: 'count' };
      for (const replayed of [null, 'true']) {
        const batch = await write([{ sku, name, priceCents, stockChange: 2 }], {}, options);
        expect([batch.status, batch.headers.get('Idempotent-Replayed')]).toEqual([200, replayed]);
        const booked = await ask('POST', '/api/stock-changes', { body, ...options });
        expect([booked.status, booked.headers.get('Idempotent-Replayed')]).toEqual([201, replayed]);
      }
      expect((await read(id)).stock).toBe(8);
    });
  });

  describe('when a key lacks the scope for stock', () => {
    test('writes products, and refuses a batch that changes stock', async () => {
      const { body: key } = await ask<{ key: string }>('POST', '/api/keys', {
        body: { name: 'Catalogue', scopes: ['products:write'] },
      });
      const { id, sku, name, priceCents } = await existing();
      expect((await write([item()], {}, { token: key.key })).status).toBe(200);
      const answer = await write([{ sku, name, priceCents, stockChange: 1 }], {}, { ...withKey(), token: key.key });
      expectProblem(answer, 403, 'missing_scope', { scope: 'stock:write' });
      expect((await read(id)).stock).toBe(10);
      // Before anything else of the body is judged.
      const wrong = await write([{ stockChange: 1 }], { onError: 'x' }, { token: key.key });
      expectProblem(wrong, 403, 'missing_scope', { scope: 'stock:write' });
    });
  });

  describe('when batches come at once, on two processes', () => {
    test('never meet sku_taken: each new product is made once', async () => {
      const items = Array.from({ length: 40 }, () => item());
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          write(index % 2 === 0 ? items : items.toReversed(), { onError: 'skip' }),
        ),
      );
      for (const answer of answers) expect(answer.status).toBe(200);
      const created = answers.flatMap(({ body }) => body.results.filter(({ outcome }) => outcome === 'created'));
      expect(created.map(({ sku }) => sku).sort()).toEqual(items.map(({ sku }) => sku).sort());
    });

    test('loses no change of stock, beside orders and bookings', async () => {
      const there = await Promise.all(Array.from({ length: 6 }, () => existing({ stock: 100 })));
      const items = there.map(({ sku, name, priceCents }) => ({ sku, name, priceCents, stockChange: -1 }));
      const lines = there.map(({ id }) => ({ productId: id, quantity: 1 }));
      const writes = Array.from({ length: 8 }, (_, index) => [
        write(index % 2 === 0 ? items : items.toReversed(), {}, withKey()),
        ask('POST', '/api/orders', { body: { items: index % 2 === 0 ? lines.toReversed() : lines } }),
      ]).flat();
      for (const { status } of await Promise.all(writes)) expect([200, 201]).toContain(status);
      for (const { id } of there) expect((await read(id)).stock).toBe(84);
    });

    test('waits for a product that somebody holds, and finds it as they left it', async () => {
      const { id, sku, name } = await existing({ stock: 1 });
      const running = await shop.db.begin(async (sql) => {
        await sql`select 1 from products where id = ${id} for update`;
        const answer = write([{ sku, name, priceCents: 1, stockChange: -1 }], {}, withKey());
        await untilOrderWaits(shop.db);
        await sql`update products set stock = 0 where id = ${id}`;
        await sql`insert into stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
          values (uuid_v7(), ${id}, -1, 'count', 0, 'system', now())`;
        return [answer];
      });
      expectProblem((await running[0]) as Answer<Results>, 422, 'batch_refused', {
        results: [{ outcome: 'refused', code: 'insufficient_stock' }],
      });
    });
  });
});

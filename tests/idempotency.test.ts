import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, createProduct, type RequestOptions, request, signInAdmin } from './support/client.ts';
import { unitsOf, untilOrderWaits } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;
let adminToken: string;
let customer: Account;
let mug: ProductBody;
let key: string;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
});

beforeEach(async () => {
  mug = await createProduct(shop.url, adminToken, { stock: 100 });
  key = randomUUID();
});

afterAll(() => shop.stop());

type PlaceOptions = { api?: number; token?: string; headers?: Record<string, string> };

function place(quantity: number, { api = 0, token = customer.token, headers }: PlaceOptions = {}) {
  const body = { items: [{ productId: mug.id, quantity }] };
  return request<OrderBody>(shop.api(api).url, 'POST', '/api/orders', {
    token,
    body,
    headers: { 'Idempotency-Key': key, ...headers },
  });
}

function asAdmin(method: string, path: string, options: RequestOptions = {}) {
  return request(shop.url, method, path, { token: adminToken, ...options });
}

async function ordersOfMug(): Promise<number> {
  const [row] = await shop.db<{ count: number }[]>`
    select count(distinct order_id)::int as count from order_items where product_id = ${mug.id}`;
  return row?.count ?? Number.NaN;
}

async function stockOfMug(): Promise<unknown> {
  const { body } = await asAdmin('GET', `/api/products/${mug.id}`);
  return body.stock;
}

/** Holds back everything that needs the product, for as long as `work` takes. */
function whileMugIsLocked<Done>(work: () => Promise<Done>): Promise<unknown> {
  return shop.db.begin(async (sql) => {
    await sql`select 1 from products where id = ${mug.id} for update`;
    return work();
  });
}

describe('POST /api/orders', () => {
  describe('when the key comes again with the same body', () => {
    test('answers the first answer again, on every process', async () => {
      const first = await place(2);
      expect(first.status).toBe(201);
      expect(first.headers.get('Idempotent-Replayed')).toBeNull();
      for (const api of [0, 1]) {
        const repeat = await place(2, { api });
        expect(repeat.status).toBe(201);
        expect(repeat.headers.get('Idempotent-Replayed')).toBe('true');
        expect(repeat.headers.get('Location')).toBe(first.headers.get('Location'));
        expect(repeat.body).toEqual(first.body);
      }
      expect(await ordersOfMug()).toBe(1);
      expect(await stockOfMug()).toBe(98);
    });

    test('answers it even when the order, its product and the stock have changed since', async () => {
      const first = await place(100);
      await asAdmin('PATCH', `/api/orders/cancel/${first.body.id}`);
      await asAdmin('PUT', `/api/products/${mug.id}`, { body: { name: 'Other', priceCents: 1, stock: 0 } });
      await asAdmin('DELETE', `/api/products/${mug.id}`);
      const repeat = await place(100);
      expect(repeat).toMatchObject({ status: 201, body: first.body });
      expect(repeat.headers.get('Idempotent-Replayed')).toBe('true');
    });
  });

  describe('when the key comes again with another body', () => {
    test('answers 422 and leaves everything alone', async () => {
      await place(2);
      for (const api of [0, 1]) expectProblem(await place(3, { api }), 422, 'idempotency_key_reused');
      expect(await ordersOfMug()).toBe(1);
      expect(await stockOfMug()).toBe(98);
    });
  });

  describe('when the same key comes many times at once, on several processes', () => {
    test('places one order, and answers every other one with it or with 409', async () => {
      const answers = await Promise.all(Array.from({ length: 24 }, (_, index) => place(1, { api: index % 2 })));
      const placed = answers.filter(({ status }) => status === 201);
      const firsts = placed.filter(({ headers }) => !headers.has('Idempotent-Replayed'));
      expect(firsts).toHaveLength(1);
      for (const { body } of placed) expect(body).toEqual(firsts[0]?.body as OrderBody);
      for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409, 'idempotency_in_progress');
      expect(await ordersOfMug()).toBe(1);
      expect(await stockOfMug()).toBe(99);
    });

    test('with different bodies › places one order too', async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => place(1 + index, { api: index % 2 })));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      for (const { status } of answers) expect([201, 409, 422]).toContain(status);
      expect(await ordersOfMug()).toBe(1);
      expect(await unitsOf(shop.db, mug.id)).toBe(100);
    });
  });

  describe('when the first request is still running', () => {
    test('answers 409 at once, and the first answer later', async () => {
      const running: Promise<Awaited<ReturnType<typeof place>>>[] = [];
      await whileMugIsLocked(async () => {
        running.push(place(1));
        await untilOrderWaits(shop.db);
        expectProblem(await place(1, { api: 1 }), 409, 'idempotency_in_progress');
      });
      const [first] = await Promise.all(running);
      expect(first?.status).toBe(201);
      const repeat = await place(1, { api: 1 });
      expect(repeat.headers.get('Idempotent-Replayed')).toBe('true');
      expect(repeat.body).toEqual(first?.body as OrderBody);
      expect(await ordersOfMug()).toBe(1);
    });

    test('does not hold up requests without a key or with another one', async () => {
      const pot = await createProduct(shop.url, adminToken, { stock: 10 });
      const placePot = (headers: Record<string, string>) =>
        request(shop.api(1).url, 'POST', '/api/orders', {
          token: customer.token,
          body: { items: [{ productId: pot.id, quantity: 1 }] },
          headers,
        });
      const running: Promise<Awaited<ReturnType<typeof place>>>[] = [];
      await whileMugIsLocked(async () => {
        running.push(place(1));
        await untilOrderWaits(shop.db);
        expect((await placePot({})).status).toBe(201);
        expect((await placePot({ 'Idempotency-Key': randomUUID() })).status).toBe(201);
      });
      await Promise.all(running);
    });
  });

  describe('when the first attempt failed', () => {
    test('for want of stock › the key is free for a success with the same body', async () => {
      expectProblem(await place(101), 409, 'insufficient_stock');
      const more = { name: mug.name, priceCents: mug.priceCents, stock: 101 };
      await asAdmin('PUT', `/api/products/${mug.id}`, { body: more });
      const second = await place(101);
      expect(second.status).toBe(201);
      expect(second.headers.get('Idempotent-Replayed')).toBeNull();
      expect((await place(101)).body).toEqual(second.body);
    });

    test('for its body › the key is free for another body', async () => {
      expectProblem(await place(0), 422, 'validation_failed');
      expectProblem(await place(101), 409, 'insufficient_stock');
      expect((await place(1)).status).toBe(201);
    });

    test('for a deleted product › the key is free once it is back', async () => {
      await asAdmin('DELETE', `/api/products/${mug.id}`);
      expectProblem(await place(1), 422, 'unknown_product');
      await asAdmin('PATCH', `/api/products/restore/${mug.id}`);
      expect((await place(1)).status).toBe(201);
    });
  });

  describe('when two customers use the same key', () => {
    test('places an order for each', async () => {
      const other = await openAccount(shop);
      const [mine, theirs] = await Promise.all([place(1), place(2, { token: other.token, api: 1 })]);
      expect([mine.status, theirs.status]).toEqual([201, 201]);
      expect(theirs.body.customerId).toBe(other.id);
      expect((await place(2, { token: other.token })).body).toEqual(theirs.body);
      expect(await ordersOfMug()).toBe(2);
    });
  });

  describe('when the record is older than 24 hours', () => {
    const age = (interval: string) =>
      shop.db`update idempotency_records set created_at = created_at - ${interval}::interval where key = ${key}`;

    test('places a new order, with any body, and keeps that answer', async () => {
      const first = await place(1);
      await age('24 hours 1 second');
      const second = await place(2, { api: 1 });
      expect(second.status).toBe(201);
      expect(second.headers.get('Idempotent-Replayed')).toBeNull();
      expect(second.body.id).not.toBe(first.body.id);
      const repeat = await place(2);
      expect(repeat.headers.get('Idempotent-Replayed')).toBe('true');
      expect(repeat.body).toEqual(second.body);
      expect(await ordersOfMug()).toBe(2);
    });

    test('a little less › still answers the first answer', async () => {
      const first = await place(1);
      await age('23 hours 59 minutes');
      expect((await place(1)).body).toEqual(first.body);
      expect(await ordersOfMug()).toBe(1);
    });

    test('at once several times › places one new order', async () => {
      await place(1);
      await age('25 hours');
      const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => place(1, { api: index % 2 })));
      const fresh = answers.filter(({ status, headers }) => status === 201 && !headers.has('Idempotent-Replayed'));
      expect(fresh).toHaveLength(1);
      expect(await ordersOfMug()).toBe(2);
    });
  });

  describe('when the key is no key', () => {
    test.each([
      ['empty', ''],
      ['256 characters long', 'k'.repeat(256)],
      ['not ASCII', 'clé'],
      ['not printable', 'a\tb'],
    ])('answers 422 for one that is %s', async (_name, value) => {
      const answer = await place(1, { headers: { 'Idempotency-Key': value } });
      expectProblem(answer, 422, 'validation_failed');
      expect(await ordersOfMug()).toBe(0);
    });

    test.each([
      ['one character', '~'],
      ['255 characters', 'k'.repeat(255)],
      ['spaces and punctuation', `a key: "with", ${'%'.repeat(3)}`],
    ])('answers 201 for one of %s', async (_name, value) => {
      const first = await place(1, { headers: { 'Idempotency-Key': value } });
      expect(first.status).toBe(201);
      expect((await place(1, { headers: { 'Idempotency-Key': value } })).body).toEqual(first.body);
    });
  });

  describe('when there is no key', () => {
    test('places an order each time', async () => {
      const body = { items: [{ productId: mug.id, quantity: 1 }] };
      const options = { token: customer.token, body };
      const first = await request(shop.url, 'POST', '/api/orders', options);
      const second = await request(shop.url, 'POST', '/api/orders', options);
      expect([first.status, second.status]).toEqual([201, 201]);
      expect(await ordersOfMug()).toBe(2);
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import type { StockChangeBody } from '../src/schema/stock-changes.ts';
import { freePort } from '../standalone/ports.ts';
import { openAccount, openAdmin } from './support/accounts.ts';
import { root } from './support/app-process.ts';
import { type Account, type Answer, type RequestOptions, request, signInAdmin, untilServed } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { scrape } from './support/metrics.ts';
import { untilOrderWaits } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

type Changes = { data: StockChangeBody[]; pagination: { totalItems: number; nextCursor: string | null } };

let shop: Shop;
let asks: Ask[];
let adminToken: string;
let adminId: string;
let customer: Account;
let turn = 0;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  asks = await Promise.all([0, 1].map((index) => checkedRequests(shop.api(index).url)));
  adminToken = await signInAdmin(shop.url);
  const [row] = await shop.db`select id from customers where role = 'admin'`;
  adminId = row?.id;
  customer = await openAccount(shop);
});

afterAll(() => shop.stop());

/**
 * Sends a request to the API processes by turns, as the admin, and holds the answer against their document; again while it
 * is 503, which a busy machine may say to a crowd, and which has done nothing.
 */
function ask<Body>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<Body>> {
  turn += 1;
  const send = asks[turn % 2];
  if (!send) throw new Error('There are two API processes.');
  return untilServed(() => send<Body>(method, path, { token: adminToken, ...options }));
}

const { place, product, stockOf } = createShopClient(ask, () => ({
  url: shop.url,
  customerToken: customer.token,
  adminToken,
}));
const book = (body: object, key?: string) =>
  ask<StockChangeBody & { currentStock?: number; errors?: unknown }>('POST', '/api/stock-changes', {
    body: { reason: 'count', ...body },
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
  });
const replace = (id: string, body: object) => ask<ProductBody>('PUT', `/api/products/${id}`, { body });
const changesOf = async (id: string) =>
  (await ask<Changes>('GET', `/api/stock-changes?productId=${id}&limit=100`)).body.data;
const order = async (id: string, quantity: number) => {
  const { status, body: placed } = await place([{ productId: id, quantity }]);
  expect(status).toBe(201);
  return placed;
};
const all = <Made>(count: number, make: (index: number) => Promise<Made>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));
const statusesOf = (answers: Answer<unknown>[]) => answers.map(({ status }) => status).sort();

/** Products whose stock and live orders are not the sum of what was booked. */
async function mismatches(): Promise<string[]> {
  const rows = await shop.db<{ id: string }[]>`
    select id from products where stock + (
      select coalesce(sum(quantity), 0) from order_items join orders on orders.id = order_id
      where product_id = products.id and orders.status <> 'cancelled' and orders.deleted_at is null
    ) <> (select coalesce(sum(change), 0) from stock_changes where product_id = products.id)`;
  return rows.map(({ id }) => id);
}

/** Expects bookings to make a chain: each leaves what the one before left, and its change. */
function expectChain(changes: StockChangeBody[]): void {
  const oldestFirst = changes.toReversed();
  for (const [index, { change, stockAfter }] of oldestFirst.entries()) {
    expect(stockAfter).toBe((oldestFirst[index - 1]?.stockAfter ?? 0) + change);
  }
}

describe('POST /api/stock-changes', () => {
  describe('when nothing is wrong', () => {
    test('answers 201 with the change, and every list shows the stock at once', async () => {
      const mug = await product({ stock: 10 });
      const listed = () => ask<{ data: ProductBody[] }>('GET', '/api/products?limit=100');
      await all(2, listed);
      const { status, body } = await book({
        productId: mug.id.toUpperCase(),
        change: 5,
        reason: 'received',
        note: 'B-17',
      });
      expect(status).toBe(201);
      expect(body).toEqual({
        id: expect.any(String),
        productId: mug.id,
        change: 5,
        reason: 'received',
        note: 'B-17',
        stockAfter: 15,
        actor: { kind: 'admin', id: adminId },
        createdAt: expect.any(String),
      } as StockChangeBody);
      for (const { body: page } of await all(2, listed)) {
        expect(page.data.find(({ id }) => id === mug.id)?.stock).toBe(15);
      }
      expect(await stockOf(mug)).toBe(15);
      expect((await changesOf(mug.id))[0]).toEqual(body);
    });

    test.each(['received', 'returned', 'damaged', 'count', 'correction'])('takes the reason %s', async (reason) => {
      const mug = await product({ stock: 1 });
      expect((await book({ productId: mug.id, change: -1, reason })).body).toMatchObject({ reason, note: null });
      expect(await stockOf(mug)).toBe(0);
    });

    test('moves the entity tag of the product', async () => {
      const mug = await product();
      const etag = async () => (await ask('GET', `/api/products/${mug.id}`)).headers.get('ETag');
      const before = await etag();
      await book({ productId: mug.id, change: 1 });
      expect(await etag()).not.toBe(before);
    });
  });

  describe('when there is no such product', () => {
    test('answers 422 before anything else, for a deleted one too', async () => {
      const { id } = await product({ stock: 3 });
      await ask('DELETE', `/api/products/${id}`);
      for (const productId of [id, randomUUID()]) {
        expectProblem(await book({ productId, change: -5, expectedStock: 9 }), 422, 'unknown_product');
      }
      expect(await changesOf(id)).toHaveLength(1);
    });
  });

  describe('when the stock is not the expected one', () => {
    test('answers 409 with the stock that there is, before it counts', async () => {
      const { id } = await product({ stock: 3 });
      const answer = await book({ productId: id, change: -5, expectedStock: 4 });
      expectProblem(answer, 409, 'stock_changed');
      expect(answer.body.currentStock).toBe(3);
      expect((await book({ productId: id, change: -3, expectedStock: 3 })).body.stockAfter).toBe(0);
    });
  });

  describe('when the stock would leave its bounds', () => {
    test('answers 409 and says what there is', async () => {
      const { id } = await product({ stock: 3 });
      const short = await book({ productId: id, change: -4 });
      expectProblem(short, 409, 'insufficient_stock');
      expect(short.body.errors).toEqual([{ productId: id, requested: 4, available: 3 }]);
      expectProblem(await book({ productId: id, change: 999_999_998 }), 409, 'stock_too_high');
      expect((await book({ productId: id, change: 999_999_997 })).body.stockAfter).toBe(1_000_000_000);
      expect((await book({ productId: id, change: -1_000_000_000 })).body.stockAfter).toBe(0);
      expect(await changesOf(id)).toHaveLength(3);
    });
  });

  describe('when a value is bad', () => {
    test.each([
      ['a change of 0', { change: 0 }, 'change'],
      ['a fraction', { change: 0.5 }, 'change'],
      ['too much', { change: 1_000_000_001 }, 'change'],
      ['too little', { change: -1_000_000_001 }, 'change'],
      ['no change', { change: undefined }, 'change'],
      ['no product', { productId: undefined }, 'productId'],
      ['what is no id', { productId: 'mug' }, 'productId'],
      ['no reason', { reason: undefined }, 'reason'],
      ['a reason that is the shop’s own', { reason: 'opening' }, 'reason'],
      ['a long note', { note: 'x'.repeat(501) }, 'note'],
      ['an expected stock below 0', { expectedStock: -1 }, 'expectedStock'],
      ['an actor', { actor: null }, 'actor'],
    ])('refuses %s and books nothing', async (_what, given, path) => {
      const { id } = await product({ stock: 3 });
      expectInvalid(await book({ productId: id, change: 1, ...given }), path);
      expect(await changesOf(id)).toHaveLength(1);
    });
  });

  describe('when 50 expect the same stock at once, on two processes', () => {
    test('lets one through and tells the others', async () => {
      const { id } = await product({ stock: 3 });
      const answers = await all(50, () => book({ productId: id, change: 1, expectedStock: 3 }));
      expect(statusesOf(answers)).toEqual([201, ...Array(49).fill(409)]);
      for (const { status, body } of answers) if (status === 409) expect(body).toMatchObject({ currentStock: 4 });
      expect(await stockOf({ id })).toBe(4);
    });
  });

  describe('when 50 take the last units at once, on two processes', () => {
    test('books as many as there are, one after the other', async () => {
      const { id } = await product({ stock: 20 });
      const answers = await all(50, () => book({ productId: id, change: -1 }));
      expect(statusesOf(answers)).toEqual([...Array(20).fill(201), ...Array(30).fill(409)]);
      const changes = await changesOf(id);
      expect(changes).toHaveLength(21);
      expectChain(changes);
    });
  });

  describe('when its key comes again', () => {
    test('answers the first answer again, whatever has happened since, and books nothing', async () => {
      const { id } = await product({ stock: 3 });
      const key = randomUUID();
      const first = await book({ productId: id, change: 4, expectedStock: 3 }, key);
      expect(first.headers.has('Idempotent-Replayed')).toBe(false);
      await ask('DELETE', `/api/products/${id}`);
      for (const repeat of await all(2, () => book({ productId: id, change: 4, expectedStock: 3 }, key))) {
        expect(repeat).toMatchObject({ status: 201, body: first.body });
        expect(repeat.headers.get('Idempotent-Replayed')).toBe('true');
      }
      expectProblem(await book({ productId: id, change: 5, expectedStock: 3 }, key), 422, 'idempotency_key_reused');
      expect(await changesOf(id)).toHaveLength(2);
    });

    test('does not burn a key that was refused', async () => {
      const { id } = await product({ stock: 0 });
      const key = randomUUID();
      expectProblem(await book({ productId: id, change: -1 }, key), 409, 'insufficient_stock');
      await book({ productId: id, change: 1 });
      expect((await book({ productId: id, change: -1 }, key)).status).toBe(201);
    });

    test('takes it for another one of another admin, or on another route', async () => {
      const { id } = await product({ stock: 9 });
      const { id: otherId, token } = await openAdmin(shop);
      const headers = { 'Idempotency-Key': randomUUID() };
      const body = { productId: id, change: 1, reason: 'count' };
      const items = [{ productId: id, quantity: 1 }];
      const answers = [
        await ask('POST', '/api/stock-changes', { body, headers }),
        await ask('POST', '/api/stock-changes', { body, headers, token }),
        await ask('POST', '/api/orders', { body: { items }, headers, token }),
        await ask('POST', '/api/orders', { body: { items }, headers }),
      ];
      expect(statusesOf(answers)).toEqual([201, 201, 201, 201]);
      for (const answer of answers) expect(answer.headers.has('Idempotent-Replayed')).toBe(false);
      expect(await stockOf({ id })).toBe(9);
      await shop.db`update customers set role = 'customer' where id = ${otherId}`;
    });

    test('when it comes 24 times at once, on two processes › books once', async () => {
      const { id } = await product({ stock: 0 });
      const key = randomUUID();
      const answers = await all(24, () => book({ productId: id, change: 1 }, key));
      const made = answers.filter(({ status }) => status === 201);
      expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
      for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409, 'idempotency_in_progress');
      expect(await stockOf({ id })).toBe(1);
    });

    test('answers 409 while the first still runs, without a wait', async () => {
      const { id } = await product({ stock: 0 });
      const key = randomUUID();
      const first = await shop.db.begin(async (sql) => {
        await sql`select 1 from products where id = ${id} for update`;
        const running = book({ productId: id, change: 1 }, key);
        await untilOrderWaits(shop.db);
        expectProblem(await book({ productId: id, change: 1 }, key), 409, 'idempotency_in_progress');
        return [running];
      });
      expect((await first[0])?.status).toBe(201);
    });
  });
});

describe('GET /api/stock-changes', () => {
  test('when asked for a product › tells all that was booked of it, newest first, and nothing of orders', async () => {
    const { id } = await product({ stock: 10 });
    const { id: orderId } = await order(id, 2);
    await book({ productId: id, change: -3, reason: 'damaged' });
    await replace(id, { name: 'Mug', priceCents: 1, stock: 25 });
    await ask('PATCH', `/api/orders/cancel/${orderId}`);
    const changes = await changesOf(id);
    expect(changes.map(({ reason, change, stockAfter }) => [reason, change, stockAfter])).toEqual([
      ['edited', 20, 25],
      ['damaged', -3, 5],
      ['created', 10, 10],
    ]);
    for (const { actor } of changes) expect(actor).toEqual({ kind: 'admin', id: adminId });
    expect(await stockOf({ id })).toBe(27);
  });

  test('when walked by cursor and by page › has every change once', async () => {
    const { id } = await product({ stock: 1 });
    for (let count = 0; count < 6; count += 1) await book({ productId: id, change: 1 });
    const expected = (await changesOf(id)).map((change) => change.id);
    expect(expected).toEqual(expected.toSorted().reverse());
    const walked: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path: string = `/api/stock-changes?productId=${id}&limit=3${cursor && `&cursor=${cursor}`}`;
      const { body }: Answer<Changes> = await ask<Changes>('GET', path);
      expect(body.pagination.totalItems).toBe(7);
      walked.push(...body.data.map((change) => change.id));
      cursor = body.pagination.nextCursor;
    }
    expect(walked).toEqual(expected);
    const { body } = await ask<Changes>('GET', `/api/stock-changes?productId=${id}&limit=3&page=2`);
    expect(body.data.map((change) => change.id)).toEqual(expected.slice(3, 6));
  });

  test('when a parameter is bad › answers 422', async () => {
    expectInvalid(await ask('GET', '/api/stock-changes?productId=mug'), 'productId');
    expectInvalid(await ask('GET', '/api/stock-changes?reason=count'), 'reason');
    expect((await ask('GET', '/api/stock-changes?productId=')).status).toBe(200);
  });
});

describe('PUT /api/products/:id', () => {
  const mug = { name: 'Mug', priceCents: 100 };

  test('when it leaves stock out › leaves it alone and books nothing', async () => {
    const { id } = await product({ stock: 7 });
    const { status, body } = await replace(id, mug);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...mug, stock: 7 });
    expect(await changesOf(id)).toHaveLength(1);
  });

  test('when it names the stock that there is › books nothing', async () => {
    const { id } = await product({ stock: 7 });
    await replace(id, { ...mug, stock: 7 });
    expect(await changesOf(id)).toHaveLength(1);
  });

  test('when a product is made with none › books nothing until it has some', async () => {
    const { id } = await product({ stock: 0 });
    expect(await changesOf(id)).toEqual([]);
    await replace(id, { ...mug, stock: 2 });
    expect((await changesOf(id)).map(({ reason, change }) => [reason, change])).toEqual([['edited', 2]]);
  });

  test('when others order, book and replace at the same moment, on two processes › everything is booked, in turn', async () => {
    const { id } = await product({ stock: 500 });
    const placed: OrderBody[] = [];
    await Promise.all([
      all(15, async () => placed.push(await order(id, 2))),
      all(10, (index) => replace(id, { ...mug, stock: 400 + index })),
      all(10, () => replace(id, mug)),
      all(15, (index) => book({ productId: id, change: index % 2 ? 3 : -4 })),
    ]);
    expect(await mismatches()).toEqual([]);
    await all(5, (index) => ask('PATCH', `/api/orders/cancel/${placed[index]?.id}`));
    expect(await mismatches()).toEqual([]);
    const changes = await changesOf(id);
    const sum = changes.reduce((total, { change }) => total + change, 0);
    expect(await stockOf({ id })).toBe(sum - 10 * 2);
  });
});

describe('A product that does not add up', () => {
  async function check(): Promise<{ code: number; output: string }> {
    const child = Bun.spawn([process.execPath, 'scripts/check-stock.ts'], {
      cwd: root,
      env: { DATABASE_URL: shop.databaseUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [output, faults] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, output: output + faults };
  }

  test('is named by check:stock, counted by the worker, and nobody else is', async () => {
    // More than a batch of them, the last ones in orders.
    await shop.db`
      insert into products (id, name, price_cents, stock, created_at, updated_at)
      select uuid_v7(), 'Row ' || n, 1, n % 3, now(), now() from generate_series(1, 600) n`;
    const { id } = await product({ stock: 5 });
    await order(id, 2);
    const cancelled = await order(id, 1);
    await request(shop.url, 'PATCH', `/api/orders/cancel/${cancelled.id}`, { token: customer.token });
    expect(await mismatches()).toEqual([]);
    expect(await check()).toEqual({ code: 0, output: 'The stock of every product adds up.\n' });

    await shop.db`update products set stock = stock + 1 where id = ${id}`;
    expect(await check()).toEqual({
      code: 1,
      output: `${id}: stock 4 + 2 in live orders is not 5, the sum of its stock changes\n1 products do not add up.\n`,
    });
    const port = await freePort();
    const worker = await shop.startWorker({ METRICS_PORT: String(port) });
    const counted = await eventually(
      async () => (await scrape(`http://127.0.0.1:${port}`)).value('shop_stock_mismatches') !== undefined,
      { withinMs: 60_000 },
    );
    expect(counted).toBe(true);
    expect((await scrape(`http://127.0.0.1:${port}`)).value('shop_stock_mismatches')).toBe(1);
    await worker.kill();
  });
});

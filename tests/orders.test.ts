import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { orderNumber } from '../src/schema/order-numbers.ts';
import type { OrderBody, OrderStatus } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, placeOrder, type RequestOptions, request, signInAdmin } from './support/client.ts';
import { bringTo, mailsOf, makeOld } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';

const hourMs = 3_600_000;
const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';

let shop: Shop;
let adminToken: string;
let customer: Account;
let stranger: Account;

beforeAll(async () => {
  shop = await startShop();
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
  stranger = await openAccount(shop);
});

afterAll(() => shop.stop());

function call<Body = OrderBody>(method: string, path: string, options: RequestOptions = {}) {
  return request<Body>(shop.url, method, path, { token: customer.token, ...options });
}

const { place, read, cancel, remove, restore, product, stockOf } = createShopClient(call, () => ({
  url: shop.url,
  customerToken: customer.token,
  adminToken,
}));

async function ordersWritten(): Promise<unknown> {
  const [row] = await shop.db`
    select (select count(*)::int from orders) as orders, (select count(*)::int from order_items) as items,
      (select count(*)::int from mails) as mails`;
  return row;
}

/** A product of ten, an order of three of it that has come to `status`, and the order as everyone sees it then. */
async function orderIn(status: OrderStatus): Promise<{ mug: ProductBody; order: OrderBody }> {
  const mug = await product({ stock: 10 });
  const { id } = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 3 }]);
  if (status === 'cancelled') await cancel(id);
  else await bringTo(shop.db, id, status);
  return { mug, order: await read(id) };
}

/** Expects that a refused change has left everything as it was. */
async function expectUntouched(order: OrderBody, mug: ProductBody, stock: number, mails: string[]): Promise<void> {
  expect(await read(order.id)).toEqual(order);
  expect(await stockOf(mug)).toBe(stock);
  expect(await mailsOf(shop.db, order.id)).toEqual(mails);
}

const pathTo: Record<OrderStatus, OrderStatus[]> = {
  pending: ['pending'],
  processing: ['pending', 'processing'],
  shipped: ['pending', 'processing', 'shipped'],
  delivered: ['pending', 'processing', 'shipped', 'delivered'],
  cancelled: ['pending', 'cancelled'],
};
const mailsTo = (status: OrderStatus) => pathTo[status].map((step) => `1 ${step}`);
const statuses = (order: OrderBody) => order.history.map((entry) => entry.status);

describe('POST /api/orders', () => {
  describe('when everything is in stock', () => {
    test('answers 201 with the order, takes the stock and records the first mail', async () => {
      const [mug, pot] = [
        await product({ sku: 'MUG-1', name: 'Mug', priceCents: 199, stock: 5 }),
        await product({ stock: 1 }),
      ];
      const startedAt = Date.now();
      const { status, headers, body } = await place([
        { productId: mug.id, quantity: 5 },
        { productId: pot.id, quantity: 1 },
      ]);
      expect(status).toBe(201);
      expect(headers.get('Location')).toBe(`/api/orders/${body.id}`);
      expect(headers.get('Idempotent-Replayed')).toBeNull();
      const createdAt = Date.parse(body.createdAt);
      expect(createdAt).toBeWithin(startedAt - 1_000, Date.now() + 1_000);
      expect(body).toEqual({
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        number: orderNumber(body.id),
        customerId: customer.id,
        status: 'pending',
        totalCents: 5 * 199 + pot.priceCents,
        currency: 'USD',
        items: [
          { productId: mug.id, sku: 'MUG-1', name: 'Mug', quantity: 5, unitPriceCents: 199 },
          { productId: pot.id, sku: null, name: pot.name, quantity: 1, unitPriceCents: pot.priceCents },
        ],
        history: [{ status: 'pending', at: body.createdAt }],
        shippingAddress: null,
        note: null,
        shipment: null,
        hold: null,
        nextStatusAt: new Date(createdAt + hourMs).toISOString(),
        deletableAt: new Date(createdAt + 24 * hourMs).toISOString(),
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        updatedAt: body.createdAt,
        deletedAt: null,
      });
      expect(await read(body.id)).toEqual(body);
      expect([await stockOf(mug), await stockOf(pot)]).toEqual([0, 0]);
      expect(await mailsOf(shop.db, body.id)).toEqual(['1 pending']);
    });

    test('answers an admin too', async () => {
      const mug = await product();
      const { status } = await place([{ productId: mug.id, quantity: 1 }], { token: adminToken });
      expect(status).toBe(201);
    });
  });

  describe('when a product stands on several lines', () => {
    test('adds them up in the order of their first appearance', async () => {
      const [mug, pot] = [await product({ stock: 10 }), await product({ stock: 10 })];
      const { body } = await place([
        { productId: pot.id, quantity: 2 },
        { productId: mug.id, quantity: 1 },
        { productId: pot.id.toUpperCase(), quantity: 3 },
      ]);
      expect(body.items.map(({ productId, quantity }) => ({ productId, quantity }))).toEqual([
        { productId: pot.id, quantity: 5 },
        { productId: mug.id, quantity: 1 },
      ]);
      expect((await read(body.id)).items).toEqual(body.items);
      expect([await stockOf(mug), await stockOf(pot)]).toEqual([9, 5]);
    });

    test('answers 409 when only their sum is short', async () => {
      const mug = await product({ stock: 5 });
      const answer = await place([
        { productId: mug.id, quantity: 3 },
        { productId: mug.id, quantity: 3 },
      ]);
      expectProblem(answer, 409, 'insufficient_stock', {
        errors: [{ productId: mug.id, requested: 6, available: 5 }],
      });
      expect(await stockOf(mug)).toBe(5);
    });
  });

  describe('when the product changes afterwards', () => {
    test('keeps the name and the price of the moment', async () => {
      const mug = await product({ name: 'Before', priceCents: 100 });
      const { body } = await place([{ productId: mug.id, quantity: 2 }]);
      const change = { name: 'After', priceCents: 999, stock: 5 };
      await call('PUT', `/api/products/${mug.id}`, { token: adminToken, body: change });
      await call('DELETE', `/api/products/${mug.id}`, { token: adminToken });
      expect(await read(body.id)).toMatchObject({
        totalCents: 200,
        items: [{ name: 'Before', unitPriceCents: 100 }],
      });
    });
  });

  describe('when stock is short', () => {
    test('answers 409 with every short line and leaves stock alone', async () => {
      const [plenty, few, none] = [
        await product({ stock: 10 }),
        await product({ stock: 2 }),
        await product({ stock: 0 }),
      ];
      const before = await ordersWritten();
      const answer = await place([
        { productId: plenty.id, quantity: 1 },
        { productId: few.id, quantity: 3 },
        { productId: none.id, quantity: 1 },
      ]);
      expectProblem(answer, 409, 'insufficient_stock', {
        errors: [
          { productId: few.id, requested: 3, available: 2 },
          { productId: none.id, requested: 1, available: 0 },
        ],
      });
      expect([await stockOf(plenty), await stockOf(few), await stockOf(none)]).toEqual([10, 2, 0]);
      expect(await ordersWritten()).toEqual(before);
    });
  });

  describe('when a product is not to be had', () => {
    test('answers 422 for one that never was, and takes nothing of the others', async () => {
      const mug = await product({ stock: 10 });
      const before = await ordersWritten();
      const answer = await place([
        { productId: mug.id, quantity: 1 },
        { productId: nowhere, quantity: 1 },
      ]);
      expectProblem(answer, 422, 'unknown_product');
      expect(JSON.stringify(answer.body)).toContain(nowhere);
      expect(await stockOf(mug)).toBe(10);
      expect(await ordersWritten()).toEqual(before);
    });

    test('answers 422 for one that is deleted', async () => {
      const mug = await product();
      await call('DELETE', `/api/products/${mug.id}`, { token: adminToken });
      expectProblem(await place([{ productId: mug.id, quantity: 1 }]), 422, 'unknown_product');
    });
  });

  describe('when the request is not in order', () => {
    const line = { productId: nowhere, quantity: 1 };
    const other = '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c';
    const bodies: [string, unknown, string][] = [
      ['no items', {}, 'items'],
      ['no lines', { items: [] }, 'items'],
      ['101 lines', { items: Array.from({ length: 101 }, () => line) }, 'items'],
      ['items of another type', { items: line }, 'items'],
      ['quantity 0', { items: [{ ...line, quantity: 0 }] }, 'items.0.quantity'],
      ['quantity 1001', { items: [line, { ...line, quantity: 1_001 }] }, 'items.1.quantity'],
      [
        'two lines of one product beyond 1000 together',
        { items: [line, { ...line, productId: other }, { productId: nowhere.toUpperCase(), quantity: 1_000 }] },
        'items.2.quantity',
      ],
      [
        '100 lines of 1000 of one product',
        { items: Array.from({ length: 100 }, () => ({ ...line, quantity: 1_000 })) },
        'items.1.quantity',
      ],
      ['half a unit', { items: [{ ...line, quantity: 1.5 }] }, 'items.0.quantity'],
      ['a quantity of text', { items: [{ ...line, quantity: '1' }] }, 'items.0.quantity'],
      ['no product', { items: [{ quantity: 1 }] }, 'items.0.productId'],
      ['a malformed product id', { items: [{ ...line, productId: 'mug' }] }, 'items.0.productId'],
      ['an unknown field', { items: [line], coupon: 'x' }, 'coupon'],
      ['a price of its own', { items: [{ ...line, unitPriceCents: 1 }] }, 'items.0.unitPriceCents'],
    ];

    test.each(bodies)('answers 422 for %s and names the field', async (_name, body, path) => {
      const answer = await call('POST', '/api/orders', { body });
      expectProblem(answer, 422, 'validation_failed', { errors: [{ path, message: expect.any(String) }] });
    });

    test('answers 422 for an unknown parameter', async () => {
      for (const parameter of ['dryRun=true', '=1', '=']) {
        const answer = await call('POST', `/api/orders?${parameter}`, { body: { items: [line] } });
        expectProblem(answer, 422, 'validation_failed');
      }
    });

    test('answers 400 for broken JSON', async () => {
      expectProblem(await call('POST', '/api/orders', { body: '{"items":' }), 400, 'malformed_json');
    });

    test('answers 415 for anything but JSON', async () => {
      const answer = await call('POST', '/api/orders', {
        body: { items: [line] },
        headers: { 'Content-Type': 'text/plain' },
      });
      expectProblem(answer, 415, 'unsupported_media_type');
    });

    test('answers 401 without a token, whatever the body', async () => {
      const answer = await request(shop.url, 'POST', '/api/orders', { body: { items: [] } });
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer');
    });
  });

  describe('when quantity and lines are at their limits', () => {
    test('answers 201', async () => {
      const mugs: ProductBody[] = [];
      // Ten at a time: a hundred at once are told 503 where the machine is busy.
      while (mugs.length < 100) {
        const some = Array.from({ length: 10 }, () => product({ stock: 1_000, priceCents: 10_000_000 }));
        mugs.push(...(await Promise.all(some)));
      }
      const { status, body } = await place(mugs.map(({ id }) => ({ productId: id, quantity: 1_000 })));
      expect(status).toBe(201);
      expect(body.totalCents).toBe(1_000_000_000_000);
      expect(body.items.map((item) => item.productId)).toEqual(mugs.map((mug) => mug.id));
    });

    test('answers 201 when the lines of one product come to the limit together', async () => {
      const { id: productId } = await product({ stock: 1_000 });
      const lines = Array.from({ length: 100 }, () => ({ productId, quantity: 10 }));
      expect(await place(lines)).toMatchObject({ status: 201, body: { items: [{ quantity: 1_000 }] } });
    });
  });
});

describe('GET /api/orders/:id', () => {
  describe('when it is live', () => {
    test('answers 200 to its owner and to an admin, 403 to others, 401 to nobody', async () => {
      const { order } = await orderIn('pending');
      const answers = [customer.token, adminToken].map((token) => call('GET', `/api/orders/${order.id}`, { token }));
      for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ status: 200, body: order });
      expectProblem(await call('GET', `/api/orders/${order.id}`, { token: stranger.token }), 403, 'forbidden');
      expectProblem(await request(shop.url, 'GET', `/api/orders/${order.id}`), 401, 'unauthenticated');
    });
  });

  describe('when there is no such order', () => {
    test.each([nowhere, 'mug', '%00', `${nowhere}0`])('answers 404 for %s', async (id) => {
      expectProblem(await call('GET', `/api/orders/${id}`), 404, 'not_found');
    });
  });
});

describe('GET /api/orders', () => {
  type OrderPage = { data: OrderBody[]; pagination: { totalItems: number; nextCursor: string | null } };

  let owner: Account;
  let live: OrderBody;
  let cancelled: OrderBody;
  let deleted: OrderBody;

  beforeAll(async () => {
    owner = await openAccount(shop);
    const mug = await product();
    const order = () => placeOrder(shop.url, owner.token, [{ productId: mug.id, quantity: 1 }]);
    [live, cancelled, deleted] = [await order(), await order(), await order()];
    await cancel(cancelled.id, { token: owner.token });
    await makeOld(shop.db, deleted.id);
    await remove(deleted.id, { token: owner.token });
    // What must not be among theirs.
    await placeOrder(shop.url, stranger.token, [{ productId: mug.id, quantity: 1 }]);
  });

  async function list(query: string, token = owner.token): Promise<string[]> {
    const { status, body } = await call<OrderPage>('GET', `/api/orders${query}`, { token });
    expect(status).toBe(200);
    expect(body.pagination.totalItems).toBe(body.data.length);
    return body.data.map((order) => order.id);
  }

  describe('when a customer asks', () => {
    test('answers their own, undeleted, newest first', async () => {
      expect(await list('')).toEqual([cancelled.id, live.id]);
      expect(await list('?status=cancelled')).toEqual([cancelled.id]);
      expect(await list('?status=delivered')).toEqual([]);
    });

    test.each(['customerId=mug', 'includeDeleted=true'])('answers 403 to ?%s', async (parameter) => {
      expectProblem(await call('GET', `/api/orders?${parameter}`), 403, 'forbidden');
    });
  });

  describe('when an admin asks', () => {
    test('answers those of one customer, and deleted ones on demand', async () => {
      expect(await list(`?customerId=${owner.id}`, adminToken)).toEqual([cancelled.id, live.id]);
      const all = await list(`?customerId=${owner.id}&includeDeleted=true`, adminToken);
      expect(all).toEqual([deleted.id, cancelled.id, live.id]);
    });

    test.each(['customerId=mug', 'includeDeleted=yes', 'status=lost', 'limit=0', 'limit=101', 'page=0', 'sort=id'])(
      'answers 422 to ?%s',
      async (parameter) => {
        const answer = await call('GET', `/api/orders?${parameter}`, { token: adminToken });
        expectProblem(answer, 422, 'validation_failed');
      },
    );
  });

  describe('when a page holds more than the usual 20', () => {
    test('answers each with its own lines, newest first', async () => {
      const buyer = await openAccount(shop);
      const [mug, pot] = [await product({ name: 'Mug', stock: 2_000 }), await product({ name: '"Pot"', stock: 2_000 })];
      const placed: OrderBody[] = [];
      for (let quantity = 1; quantity <= 45; quantity += 1) {
        const lines = [pot, mug].map(({ id }) => ({ productId: id, quantity }));
        placed.push(await placeOrder(shop.url, buyer.token, quantity % 2 ? lines : lines.slice(1)));
      }
      const { body } = await call<{ data: OrderBody[] }>('GET', '/api/orders?limit=100', { token: buyer.token });
      expect(body.data).toEqual(placed.toReversed());
    });
  });

  describe('when it is walked by cursor while orders come in', () => {
    test('answers every order once', async () => {
      const walker = await openAccount(shop);
      const mug = await product({ stock: 100 });
      const order = async () => (await placeOrder(shop.url, walker.token, [{ productId: mug.id, quantity: 1 }])).id;
      const placed = [await order(), await order(), await order(), await order(), await order()];
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query: string = `?limit=2${cursor && `&cursor=${cursor}`}`;
        const { body } = await call<OrderPage>('GET', `/api/orders${query}`, { token: walker.token });
        seen.push(...body.data.map(({ id }) => id));
        cursor = body.pagination.nextCursor;
        await order();
      }
      expect(seen).toEqual(placed.toReversed());
    });
  });
});

describe('PATCH /api/orders/cancel/:id', () => {
  describe.each(['pending', 'processing'] as const)('when it is %s', (status) => {
    test('answers 200, puts the stock back, records the mail and stops the schedule', async () => {
      const { mug, order } = await orderIn(status);
      expect(await stockOf(mug)).toBe(7);
      const { status: answered, body } = await cancel(order.id);
      expect(answered).toBe(200);
      expect(body).toEqual({
        ...order,
        status: 'cancelled',
        history: [...order.history, { status: 'cancelled', at: body.updatedAt }],
        nextStatusAt: null,
        updatedAt: body.updatedAt,
      });
      expect(await read(order.id)).toEqual(body);
      expect(await stockOf(mug)).toBe(10);
      expect(await mailsOf(shop.db, order.id)).toEqual([...mailsTo(status), '1 cancelled']);
    });
  });

  describe.each(['shipped', 'delivered', 'cancelled'] as const)('when it is %s', (status) => {
    test('answers 409 and leaves everything alone', async () => {
      const { mug, order } = await orderIn(status);
      expectProblem(await cancel(order.id), 409, 'order_not_cancellable');
      await expectUntouched(order, mug, status === 'cancelled' ? 10 : 7, mailsTo(status));
    });
  });

  describe('when it is deleted', () => {
    test('answers 404, to an admin too', async () => {
      const { order } = await orderIn('pending');
      await makeOld(shop.db, order.id);
      await remove(order.id);
      expectProblem(await cancel(order.id), 404, 'not_found');
      expectProblem(await cancel(order.id, { token: adminToken }), 404, 'not_found');
    });
  });

  describe('when someone else asks', () => {
    test('answers 200 to an admin', async () => {
      const { order } = await orderIn('pending');
      expect((await cancel(order.id, { token: adminToken })).body).toMatchObject({ status: 'cancelled' });
    });

    test('answers 403 to another customer, 401 to nobody, and leaves everything alone', async () => {
      const { mug, order } = await orderIn('pending');
      expectProblem(await cancel(order.id, { token: stranger.token }), 403, 'forbidden');
      expectProblem(await request(shop.url, 'PATCH', `/api/orders/cancel/${order.id}`), 401, 'unauthenticated');
      await expectUntouched(order, mug, 7, ['1 pending']);
    });
  });
});

describe('DELETE /api/orders/:id', () => {
  describe('when it is too recent', () => {
    test.each(['pending', 'shipped', 'cancelled'] as const)(
      'answers 409 with deletableAt for one that is %s and leaves everything alone',
      async (status) => {
        const { mug, order } = await orderIn(status);
        expectProblem(await remove(order.id), 409, 'order_too_recent', { deletableAt: order.deletableAt });
        expectProblem(await remove(order.id, { token: adminToken }), 409, 'order_too_recent');
        await expectUntouched(order, mug, status === 'cancelled' ? 10 : 7, mailsTo(status));
      },
    );
  });

  describe('when it is delivered', () => {
    test('answers 409 order_delivered at any age', async () => {
      const { mug, order } = await orderIn('delivered');
      expectProblem(await remove(order.id), 409, 'order_delivered');
      await makeOld(shop.db, order.id);
      expectProblem(await remove(order.id), 409, 'order_delivered');
      await expectUntouched(await read(order.id), mug, 7, mailsTo('delivered'));
    });
  });

  describe.each(['pending', 'processing', 'shipped'] as const)('when it is old and %s', (status) => {
    test('answers 204, cancels it with its mail, and puts the stock back', async () => {
      const { mug, order } = await orderIn(status);
      await makeOld(shop.db, order.id);
      const answer = await remove(order.id);
      expect(answer).toMatchObject({ status: 204, body: null });
      expect(await stockOf(mug)).toBe(10);
      expect(await mailsOf(shop.db, order.id)).toEqual([...mailsTo(status), '1 cancelled']);
      expectProblem(await call('GET', `/api/orders/${order.id}`), 404, 'not_found');
      const left = await read(order.id);
      expect(left).toMatchObject({ status: 'cancelled', nextStatusAt: null, deletedAt: expect.any(String) });
      expect(statuses(left)).toEqual([...pathTo[status], 'cancelled']);
    });
  });

  describe('when it is old and cancelled', () => {
    test('answers 204 and brings neither stock nor mail a second time', async () => {
      const { mug, order } = await orderIn('cancelled');
      await makeOld(shop.db, order.id);
      expect((await remove(order.id)).status).toBe(204);
      expect(await stockOf(mug)).toBe(10);
      expect(await mailsOf(shop.db, order.id)).toEqual(mailsTo('cancelled'));
      expect((await read(order.id)).history).toEqual(order.history);
    });
  });

  describe('when it is deleted already', () => {
    test('answers 404 and brings nothing back again', async () => {
      const { mug, order } = await orderIn('pending');
      await makeOld(shop.db, order.id);
      await remove(order.id);
      expectProblem(await remove(order.id), 404, 'not_found');
      expectProblem(await remove(order.id, { token: adminToken }), 404, 'not_found');
      expect(await stockOf(mug)).toBe(10);
    });
  });

  describe('when someone else asks', () => {
    test('answers 204 to an admin', async () => {
      const { order } = await orderIn('pending');
      await makeOld(shop.db, order.id);
      expect((await remove(order.id, { token: adminToken })).status).toBe(204);
    });

    test('answers 403 to another customer, before it says how old the order is', async () => {
      const { mug, order } = await orderIn('pending');
      expectProblem(await remove(order.id, { token: stranger.token }), 403, 'forbidden');
      expectProblem(await request(shop.url, 'DELETE', `/api/orders/${order.id}`), 401, 'unauthenticated');
      await expectUntouched(order, mug, 7, ['1 pending']);
    });
  });
});

describe('PATCH /api/orders/restore/:id', () => {
  async function deletedOrder() {
    const { mug, order } = await orderIn('shipped');
    await makeOld(shop.db, order.id);
    await remove(order.id);
    return { mug, order: await read(order.id) };
  }

  describe.each([
    ['cancelled', () => orderIn('cancelled'), mailsTo('cancelled')],
    ['deleted', deletedOrder, [...mailsTo('shipped'), '1 cancelled']],
  ] as const)('when it is %s', (_name, prepare, mails) => {
    test('answers 200, takes the stock again and begins a new run', async () => {
      const { mug, order } = await prepare();
      const { status, body } = await restore(order.id);
      expect(status).toBe(200);
      expect(body).toEqual({
        ...order,
        status: 'pending',
        history: [{ status: 'pending', at: body.updatedAt }],
        nextStatusAt: new Date(Date.parse(body.updatedAt) + hourMs).toISOString(),
        updatedAt: body.updatedAt,
        deletedAt: null,
      });
      expect((await call('GET', `/api/orders/${order.id}`)).body).toEqual(body);
      expect(await stockOf(mug)).toBe(7);
      expect(await mailsOf(shop.db, order.id)).toEqual([...mails, '2 pending']);
    });
  });

  describe('when it is cancelled, restored, cancelled and restored', () => {
    test('moves the stock and records the mails of every run', async () => {
      const { mug, order } = await orderIn('cancelled');
      await restore(order.id);
      await cancel(order.id);
      expect(await stockOf(mug)).toBe(10);
      const { body } = await restore(order.id, { token: adminToken });
      expect(await stockOf(mug)).toBe(7);
      expect(statuses(body)).toEqual(['pending']);
      expect(await mailsOf(shop.db, order.id)).toEqual([
        '1 pending',
        '1 cancelled',
        '2 pending',
        '2 cancelled',
        '3 pending',
      ]);
    });
  });

  describe('when it has been restored five times', () => {
    test('answers 409 and says why, however often it is asked, and sends no more mails', async () => {
      const { mug, order } = await orderIn('cancelled');
      for (let round = 0; round < 5; round += 1) {
        expect(await restore(order.id)).toMatchObject({ status: 200 });
        expect(await cancel(order.id)).toMatchObject({ status: 200 });
      }
      const last = await read(order.id);
      for (const token of [customer.token, adminToken, customer.token]) {
        const refused = await restore(order.id, { token });
        expectProblem(refused, 409, 'order_not_restorable', {
          detail: 'The order has been restored 5 times, which is the most.',
        });
      }
      expect(await read(order.id)).toEqual(last);
      expect(await stockOf(mug)).toBe(10);
      expect(await mailsOf(shop.db, order.id)).toHaveLength(12);
    });
  });

  describe('when it has had other runs', () => {
    test('every answer shows the history of the present one', async () => {
      const { order } = await orderIn('cancelled');
      await restore(order.id);
      const { body: cancelled } = await cancel(order.id);
      expect(statuses(cancelled)).toEqual(['pending', 'cancelled']);
      const { body: restored } = await restore(order.id);
      const found = await read(order.id);
      const { body: list } = await call<{ data: OrderBody[] }>('GET', '/api/orders?limit=1');
      for (const shown of [restored, found, ...list.data]) {
        expect(shown).toMatchObject({ id: order.id, history: [{ status: 'pending', at: restored.updatedAt }] });
      }
    });
  });

  describe.each(['pending', 'processing', 'shipped', 'delivered'] as const)('when it is %s', (status) => {
    test('answers 409 and leaves everything alone', async () => {
      const { mug, order } = await orderIn(status);
      expectProblem(await restore(order.id), 409, 'order_not_restorable');
      await expectUntouched(order, mug, 7, mailsTo(status));
    });
  });

  describe('when the stock has gone', () => {
    test('answers 409 with the short line and leaves everything alone', async () => {
      const { mug, order } = await orderIn('cancelled');
      await placeOrder(shop.url, stranger.token, [{ productId: mug.id, quantity: 8 }]);
      expectProblem(await restore(order.id), 409, 'insufficient_stock', {
        errors: [{ productId: mug.id, requested: 3, available: 2 }],
      });
      await expectUntouched(order, mug, 2, mailsTo('cancelled'));
    });
  });

  describe('when a product of it is deleted', () => {
    test('answers 422 and leaves everything alone', async () => {
      const { mug, order } = await orderIn('cancelled');
      await call('DELETE', `/api/products/${mug.id}`, { token: adminToken });
      expectProblem(await restore(order.id), 422, 'unknown_product');
      expect(await read(order.id)).toEqual(order);
      expect(await mailsOf(shop.db, order.id)).toEqual(mailsTo('cancelled'));
    });
  });

  describe('when its customer is deleted', () => {
    test('answers 409 to an admin and leaves everything alone', async () => {
      const leaver = await openAccount(shop);
      const mug = await product({ stock: 10 });
      const { id } = await placeOrder(shop.url, leaver.token, [{ productId: mug.id, quantity: 3 }]);
      await cancel(id, { token: leaver.token });
      await call('DELETE', `/api/customers/${leaver.id}`, { token: leaver.token });
      const order = await read(id);
      expectProblem(await restore(id, { token: adminToken }), 409, 'order_not_restorable');
      await expectUntouched(order, mug, 10, mailsTo('cancelled'));
    });
  });

  describe('when someone else asks', () => {
    test('answers 403 to another customer, 401 to nobody, and leaves everything alone', async () => {
      const { mug, order } = await orderIn('cancelled');
      expectProblem(await restore(order.id, { token: stranger.token }), 403, 'forbidden');
      expectProblem(await request(shop.url, 'PATCH', `/api/orders/restore/${order.id}`), 401, 'unauthenticated');
      await expectUntouched(order, mug, 10, mailsTo('cancelled'));
    });
  });
});

describe.each([
  ['PATCH', '/api/orders/cancel/'],
  ['PATCH', '/api/orders/restore/'],
  ['DELETE', '/api/orders/'],
])('%s %s:id', (method, path) => {
  describe('when there is no such order', () => {
    test.each([nowhere, 'mug'])('answers 404 for %s', async (id) => {
      expectProblem(await call(method, path + id), 404, 'not_found');
    });
  });

  describe('when a parameter is unknown', () => {
    test('answers 422 before it looks for the order', async () => {
      expectProblem(await call(method, `${path}${nowhere}?force=true`), 422, 'validation_failed');
    });
  });
});

describe('GET /api/products/:id', () => {
  describe('when an order takes its stock or gives it back', () => {
    test('answers with another entity tag after each change', async () => {
      const mug = await product({ stock: 10 });
      const tag = async () => (await call('GET', `/api/products/${mug.id}`)).headers.get('ETag');
      const tags = [await tag()];
      const { id } = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 3 }]);
      tags.push(await tag());
      await makeOld(shop.db, id);
      for (const change of [cancel, restore, cancel, restore, remove, restore]) {
        expect((await change(id)).status).toBeWithin(200, 205);
        tags.push(await tag());
      }
      expect(new Set(tags).size).toBe(tags.length);
      const headers = { 'If-None-Match': tags.at(-2) ?? '' };
      expect((await call('GET', `/api/products/${mug.id}`, { headers })).status).toBe(200);
    });
  });
});

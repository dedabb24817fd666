import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, type Answer, placeOrder, type RequestOptions, request, signInAdmin } from './support/client.ts';
import { mailsOf, makeOld, unitsOf, untilOrderWaits } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

const crowd = 8;
/** A busy machine takes its time to move orders. */
const patienceMs = 15_000;

let shop: Shop;
let adminToken: string;
let customer: Account;
let turn = 0;

beforeAll(async () => {
  shop = await startShop({ apis: 2 });
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
});

afterAll(() => shop.stop());

/** Sends a request to the API processes by turns. */
function call<Body = Partial<OrderBody> & { code?: string }>(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer<Body>> {
  turn += 1;
  return request<Body>(shop.api(turn % 2).url, method, path, { token: customer.token, ...options });
}

const { cancel, hold, move, place, product, read, redirect, release, remove, restore, stockOf } = createShopClient(
  call,
  () => ({
    url: shop.url,
    customerToken: customer.token,
    adminToken,
  }),
);

const times = <Made>(count: number, make: (index: number) => Made) =>
  Array.from({ length: count }, (_, index) => make(index));
const all = <Made>(count: number, make: (index: number) => Promise<Made>) => Promise.all(times(count, make));

/** How often each outcome came, as `status` or `status code`. */
function tally(answers: Answer<{ code?: string } | null>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const outcome = body?.code ? `${status} ${body.code}` : String(status);
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** A product of ten and an order of three of it, old enough to be deleted. */
async function oldOrder(): Promise<{ mug: ProductBody; id: string }> {
  const mug = await product({ stock: 10 });
  const { id } = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 3 }]);
  await makeOld(shop.db, id);
  return { mug, id };
}

describe('POST /api/orders', () => {
  describe('when more is asked for at once than there is', () => {
    test('sells exactly what there is', async () => {
      const mug = await product({ stock: 20 });
      const answers = await all(60, () => place([{ productId: mug.id, quantity: 1 }]));
      expect(tally(answers)).toEqual({ 201: 20, '409 insufficient_stock': 40 });
      expect(await stockOf(mug)).toBe(0);
      expect(await unitsOf(shop.db, mug.id)).toBe(20);
    });
  });

  describe('when many name the same products in opposite order', () => {
    test('answers all of them 201', async () => {
      const mugs = await all(4, () => product({ stock: 1_000 }));
      const answers = await all(80, (index) => {
        const lines = mugs.map(({ id }) => ({ productId: id, quantity: 1 + (index % 3) }));
        return place(index % 2 ? lines : lines.toReversed());
      });
      expect(tally(answers)).toEqual({ 201: 80 });
      const taken = answers.reduce((sum, { body }) => sum + (body.items?.[0]?.quantity ?? 0), 0);
      for (const mug of mugs) {
        expect(await stockOf(mug)).toBe(1_000 - taken);
        expect(await unitsOf(shop.db, mug.id)).toBe(1_000);
      }
    });
  });

  describe('when it waits for one of its products', () => {
    test('holds none that come after it, so that no two orders wait for each other', async () => {
      const [first, second] = (await all(2, () => product({ stock: 10 }))).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const lines = [second, first].map((mug) => ({ productId: mug?.id ?? '', quantity: 1 }));
      const answer = await shop.db.begin(async (sql) => {
        await sql`select 1 from products where id = ${first?.id ?? ''} for update`;
        const placing = place(lines);
        await untilOrderWaits(shop.db);
        await sql`select 1 from products where id = ${second?.id ?? ''} for update nowait`;
        return { placing };
      });
      expect(await answer.placing).toMatchObject({ status: 201 });
    });
  });

  describe('when orders for several products compete for the last ones', () => {
    test('gives each order all or nothing', async () => {
      const [plenty, few] = [await product({ stock: 1_000 }), await product({ stock: 10 })];
      const answers = await all(40, (index) =>
        place([
          { productId: (index % 2 ? plenty : few).id, quantity: 2 },
          { productId: (index % 2 ? few : plenty).id, quantity: 2 },
        ]),
      );
      expect(tally(answers)).toEqual({ 201: 5, '409 insufficient_stock': 35 });
      expect([await stockOf(plenty), await stockOf(few)]).toEqual([990, 0]);
    });
  });
});

describe('PATCH /api/orders/cancel/:id', () => {
  describe('when several cancel at once', () => {
    test('answers 200 once and puts the stock back once', async () => {
      const { mug, id } = await oldOrder();
      const answers = await all(crowd, () => cancel(id));
      expect(tally(answers)).toEqual({ 200: 1, '409 order_not_cancellable': crowd - 1 });
      expect(await stockOf(mug)).toBe(10);
      expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 cancelled']);
    });
  });

  describe('when progress comes at the same moment', () => {
    const steps = ['pending', 'processing', 'shipped', 'delivered'];

    test('either one wins, whole', async () => {
      const mug = await product({ stock: 1_000 });
      const orders = await all(24, () => placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 1 }]));
      const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
      await shop.db`update orders set next_status_at = ${hoursAgo(2)} where id in ${shop.db(orders.map(({ id }) => id))}`;
      const answers = await Promise.all(
        orders.map(async ({ id }, index) => {
          await eventually(async () => index % 3 === 0 || (await read(id)).status !== 'pending', {
            withinMs: patienceMs,
            everyMs: 5,
          });
          return cancel(id);
        }),
      );
      for (const [index, order] of orders.entries()) {
        const cancelled = answers[index]?.status === 200;
        const last = cancelled ? 'cancelled' : 'delivered';
        const { status, history } = await eventually(
          async () => {
            const found = await read(order.id);
            return found.status === last && found;
          },
          { withinMs: patienceMs },
        );
        expect(status).toBe(last);
        const passed = history.map((entry) => entry.status).filter((entry) => entry !== 'cancelled');
        expect(passed).toEqual(steps.slice(0, cancelled ? history.length - 1 : 4) as typeof passed);
        expect(passed.length).toBeLessThanOrEqual(cancelled ? 2 : 4);
        expect(await mailsOf(shop.db, order.id)).toEqual(history.map((entry) => `1 ${entry.status}`));
      }
      expect(await unitsOf(shop.db, mug.id)).toBe(1_000);
    });
  });

  describe('when the order is deleted at the same moment', () => {
    test('puts the stock back once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { mug, id } = await oldOrder();
        const [cancelled, removed] = await Promise.all([cancel(id), remove(id)]);
        expect(removed.status).toBe(204);
        expect([200, 404]).toContain(cancelled.status);
        expect(await read(id)).toMatchObject({ status: 'cancelled', deletedAt: expect.any(String) });
        expect(await stockOf(mug)).toBe(10);
        expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 cancelled']);
      }
    });
  });
});

describe('DELETE /api/orders/:id', () => {
  describe('when several delete at once', () => {
    test('answers 204 once and puts the stock back once', async () => {
      const { mug, id } = await oldOrder();
      const answers = await all(crowd, () => remove(id));
      expect(tally(answers)).toEqual({ 204: 1, '404 not_found': crowd - 1 });
      expect(await stockOf(mug)).toBe(10);
      expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 cancelled']);
    });
  });
});

describe('PATCH /api/orders/restore/:id', () => {
  describe('when several restore at once', () => {
    test('answers 200 once, takes the stock once and begins one run', async () => {
      const { mug, id } = await oldOrder();
      await cancel(id);
      const answers = await all(crowd, () => restore(id));
      expect(tally(answers)).toEqual({ 200: 1, '409 order_not_restorable': crowd - 1 });
      expect(await stockOf(mug)).toBe(7);
      expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 cancelled', '2 pending']);
    });
  });

  describe('when orders and restored ones compete for the last units', () => {
    test('gives out no more than there are', async () => {
      const mug = await product({ stock: 6 });
      const line = [{ productId: mug.id, quantity: 1 }];
      const ids = await all(6, async () => (await placeOrder(shop.url, customer.token, line)).id);
      await Promise.all(ids.map((id) => cancel(id)));
      const answers = await Promise.all([...ids.map((id) => restore(id)), ...times(6, () => place(line))]);
      const { 200: restored = 0, 201: placed = 0, '409 insufficient_stock': refused, ...others } = tally(answers);
      expect(others).toEqual({});
      expect({ given: restored + placed, refused }).toEqual({ given: 6, refused: 6 });
      expect(await stockOf(mug)).toBe(0);
      expect(await unitsOf(shop.db, mug.id)).toBe(6);
    });
  });
});

describe('PATCH /api/orders/status/:id', () => {
  const isDue = (ids: string[]) =>
    shop.db`update orders set next_status_at = now() where id in ${shop.db(ids)} and next_status_at is not null`;

  describe('when several name the same status at once', () => {
    test('answers 200 to all, and takes the step once', async () => {
      const { id } = await oldOrder();
      const answers = await all(crowd, () => move(id, { status: 'processing' }));
      expect(tally(answers)).toEqual({ 200: crowd });
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 processing']);
      const events = await shop.db`select 1 from audit_events where subject_id = ${id}`;
      expect(events).toHaveLength(1);
    });
  });

  describe('when progress comes at the same moment', () => {
    test('one of them takes the step, and the order goes no further', async () => {
      const ids = await all(12, async () => (await oldOrder()).id);
      const [answers] = await Promise.all([
        Promise.all(ids.map((id) => move(id, { status: 'processing' }))),
        isDue(ids),
      ]);
      expect(tally(answers)).toEqual({ 200: ids.length });
      await eventually(async () => {
        const due = await shop.db`select 1 from orders where id in ${shop.db(ids)} and next_status_at <= now()`;
        return due.length === 0;
      });
      for (const id of ids) {
        const { status, history } = await read(id);
        // Due again only where the moment was set after staff's step, which is a step of its own then.
        expect(['processing', 'shipped']).toContain(status);
        expect(await mailsOf(shop.db, id)).toEqual(history.map((entry) => `1 ${entry.status}`));
      }
    });
  });

  describe('when the order is cancelled, deleted and restored at the same moment', () => {
    test('each sees what the one before left, and no unit is made or lost', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { mug, id } = await oldOrder();
        const answers = await Promise.all([
          move(id, { status: 'processing' }),
          move(id, { status: 'shipped' }),
          cancel(id),
          remove(id),
          restore(id),
          redirect(id, { name: 'Ada', line1: 'Here', city: 'London', country: 'GB' }),
        ]);
        const refusals = Object.keys(tally(answers)).filter(
          (outcome) => !/^(200|204|404 not_found|409 order_)/.test(outcome),
        );
        expect(refusals).toEqual([]);
        const { status, history } = await read(id);
        expect(history.at(-1)?.status).toBe(status);
        const owed = await shop.db`
          select 1 from order_history full join mails using (order_id, run, status)
          where order_id = ${id} and (order_history.at is null or mails.id is null)`;
        expect(owed).toHaveLength(0);
        expect(await unitsOf(shop.db, mug.id)).toBe(10);
      }
    });
  });
});

describe('PATCH /api/orders/hold/:id', () => {
  describe('when several hold and release at once', () => {
    test('each takes effect once', async () => {
      const { id } = await oldOrder();
      expect(tally(await all(crowd, () => hold(id)))).toEqual({ 200: 1, '409 order_on_hold': crowd - 1 });
      expect(tally(await all(crowd, () => release(id)))).toEqual({ 200: 1, '409 order_not_on_hold': crowd - 1 });
      const events = await shop.db<{ action: string }[]>`
        select action from audit_events where subject_id = ${id} order by id`;
      expect(events.map(({ action }) => action)).toEqual(['order.held', 'order.released']);
    });
  });

  describe('when progress comes at the same moment', () => {
    test('stops the order where it is, and nothing moves it until it is released', async () => {
      const ids = await all(12, async () => (await oldOrder()).id);
      const due = shop.db`
        update orders set next_status_at = now() where id in ${shop.db(ids)} and next_status_at is not null`;
      const [answers] = await Promise.all([Promise.all(ids.map((id) => hold(id))), due]);
      expect(tally(answers)).toEqual({ 200: ids.length });
      const other = await oldOrder();
      await shop.db`update orders set next_status_at = now() where id = ${other.id}`;
      await eventually(async () => (await read(other.id)).status === 'processing', { withinMs: patienceMs });
      for (const [index, id] of ids.entries()) {
        const { status, nextStatusAt, updatedAt } = await read(id);
        expect({ status, nextStatusAt, updatedAt }).toEqual({
          status: answers[index]?.body.status ?? 'pending',
          nextStatusAt: null,
          updatedAt: answers[index]?.body.updatedAt ?? '',
        });
        expect(await mailsOf(shop.db, id)).toHaveLength(status === 'pending' ? 1 : 2);
      }
    });
  });

  describe('when staff take the next step at the same moment', () => {
    test('either the step is refused or the hold stops what comes after it', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { id } = await oldOrder();
        const [moved, held] = await Promise.all([move(id, { status: 'processing' }), hold(id)]);
        expect(held.status).toBe(200);
        expect(['200', '409 order_on_hold']).toContain(Object.keys(tally([moved]))[0] ?? '');
        const status = moved.status === 200 ? 'processing' : 'pending';
        expect(await read(id)).toMatchObject({ status, nextStatusAt: null, hold: { since: expect.any(String) } });
      }
    });
  });
});

describe('PATCH /api/orders/address/:id', () => {
  describe('when the order is shipped at the same moment', () => {
    test('either it goes to the new address or the change is refused', async () => {
      const address = { name: 'Ada', line1: 'Here', city: 'London', country: 'GB' };
      for (let round = 0; round < 5; round += 1) {
        const { id } = await oldOrder();
        await move(id, { status: 'processing' });
        const [redirected, shipped] = await Promise.all([redirect(id, address), move(id, { status: 'shipped' })]);
        expect(shipped.status).toBe(200);
        const order = await read(id);
        if (redirected.status === 200) expect(order.shippingAddress).toMatchObject(address);
        else {
          expect(tally([redirected])).toEqual({ '409 order_not_changeable': 1 });
          expect(order.shippingAddress).toBeNull();
        }
      }
    });

    test('and several change it at once › keeps one of them whole', async () => {
      const { id } = await oldOrder();
      const addresses = times(crowd, (index) => ({
        name: `A${index}`,
        line1: `L${index}`,
        city: `C${index}`,
        country: 'GB',
      }));
      const answers = await Promise.all(addresses.map((address) => redirect(id, address)));
      expect(tally(answers)).toEqual({ 200: crowd });
      const { shippingAddress } = await read(id);
      expect(addresses).toContainEqual({
        name: shippingAddress?.name ?? '',
        line1: shippingAddress?.line1 ?? '',
        city: shippingAddress?.city ?? '',
        country: 'GB',
      });
    });
  });
});

describe('DELETE /api/customers/:id', () => {
  const liveOrdersOf = async (customerId: string) => {
    const [row] = await shop.db<{ count: number }[]>`
      select count(*)::int as count from orders
      where customer_id = ${customerId} and status in ('pending', 'processing', 'shipped') and deleted_at is null`;
    return row?.count;
  };

  describe('when the customer orders at the same moment', () => {
    test('either the account is closed or the order is placed', async () => {
      const mug = await product({ stock: 1_000 });
      const leavers = await all(12, () => openAccount(shop));
      for (const { id, token } of leavers) {
        const [closed, ...placed] = await Promise.all([
          call('DELETE', `/api/customers/${id}`, { token }),
          ...times(3, () => place([{ productId: mug.id, quantity: 1 }], { token })),
        ]);
        const successes = placed.filter(({ status }) => status === 201).length;
        expect(await liveOrdersOf(id)).toBe(successes);
        if (closed.status === 204) {
          expect(tally(placed)).toEqual({ '401 unauthenticated': 3 });
        } else {
          expect(tally([closed])).toEqual({ '409 customer_has_undelivered_orders': 1 });
          expect(successes).toBe(3);
        }
      }
      expect(await unitsOf(shop.db, mug.id)).toBe(1_000);
    });
  });

  describe('when an order of the customer is restored at the same moment', () => {
    test('either the account is closed or the order is live', async () => {
      const mug = await product({ stock: 1_000 });
      const leavers = await all(12, () => openAccount(shop));
      for (const { id, token } of leavers) {
        const order = await placeOrder(shop.url, token, [{ productId: mug.id, quantity: 1 }]);
        await call('PATCH', `/api/orders/cancel/${order.id}`, { token });
        const [closed, restored] = await Promise.all([
          call('DELETE', `/api/customers/${id}`, { token }),
          call('PATCH', `/api/orders/restore/${order.id}`, { token: adminToken }),
        ]);
        const outcome = Object.keys({ ...tally([closed]), ...tally([restored]) }).sort();
        expect([
          ['204', '409 order_not_restorable'],
          ['200', '409 customer_has_undelivered_orders'],
        ]).toContainEqual(outcome);
        expect(await liveOrdersOf(id)).toBe(restored.status === 200 ? 1 : 0);
      }
      expect(await unitsOf(shop.db, mug.id)).toBe(1_000);
    });
  });
});

describe('PUT /api/products/:id', () => {
  describe('when orders take stock at the same moment', () => {
    test('with If-Match › never overwrites what they took', async () => {
      const mug = await product({ stock: 1_000 });
      let added = 0;
      for (let round = 0; round < 15; round += 1) {
        const { headers, body } = await call<ProductBody>('GET', `/api/products/${mug.id}`);
        const restock = { name: body.name, priceCents: body.priceCents, stock: body.stock + 10 };
        const [change] = await Promise.all([
          call('PUT', `/api/products/${mug.id}`, {
            token: adminToken,
            body: restock,
            headers: { 'If-Match': headers.get('ETag') ?? '' },
          }),
          ...times(3, () => place([{ productId: mug.id, quantity: 1 }])),
        ]);
        expect([200, 412]).toContain(change.status);
        if (change.status === 200) added += 10;
      }
      expect(await unitsOf(shop.db, mug.id)).toBe(1_000 + added);
      expect(await stockOf(mug)).toBe(1_000 + added - 45);
    });

    test('without it › sets the stock, and what follows counts from there', async () => {
      const mug = await product({ stock: 100 });
      const change = { name: mug.name, priceCents: mug.priceCents, stock: 500 };
      const placing = all(30, () => place([{ productId: mug.id, quantity: 1 }]));
      const { status } = await call('PUT', `/api/products/${mug.id}`, { token: adminToken, body: change });
      expect(status).toBe(200);
      expect(tally(await placing)).toEqual({ 201: 30 });
      expect(await stockOf(mug)).toBeWithin(470, 501);
    });
  });
});

describe('DELETE /api/products/:id', () => {
  describe('when orders come at the same moment', () => {
    test('places each of them whole or not at all, and none later', async () => {
      const [mug, pot] = [await product({ stock: 1_000 }), await product({ stock: 1_000 })];
      const lines = [mug, pot].map(({ id }) => ({ productId: id, quantity: 1 }));
      const [removed, ...answers] = await Promise.all([
        call('DELETE', `/api/products/${mug.id}`, { token: adminToken }),
        ...times(20, (index) => place(index % 2 ? lines : lines.toReversed())),
      ]);
      expect(removed.status).toBe(204);
      const { 201: placed = 0, '422 unknown_product': refused = 0, ...others } = tally(answers);
      expect(others).toEqual({});
      expect(placed + refused).toBe(20);
      expect(tally([await place(lines)])).toEqual({ '422 unknown_product': 1 });
      expect([await unitsOf(shop.db, mug.id), await unitsOf(shop.db, pot.id)]).toEqual([1_000, 1_000]);
      expect(await stockOf(pot)).toBe(1_000 - placed);
    });
  });
});

describe('GET /api/orders', () => {
  describe('when the order changes at the same moment', () => {
    test('answers it as it is at one moment, alone and in lists', async () => {
      // Each order can be restored a few times only.
      const orders = await all(2, oldOrder);
      let id = '';
      const seen: Pick<OrderBody, 'status' | 'history' | 'updatedAt'>[] = [];
      let changing = true;
      const readers = times(4, async (index) => {
        while (changing) {
          if (index % 2 && id) seen.push(await read(id));
          else seen.push(...(await call<{ data: OrderBody[] }>('GET', '/api/orders?limit=2')).body.data);
        }
      });
      for (const order of orders) {
        id = order.id;
        for (let round = 0; round < 5; round += 1) {
          for (const change of [cancel, restore]) expect(await change(id)).toMatchObject({ status: 200 });
        }
      }
      changing = false;
      await Promise.all(readers);
      const torn = seen.filter(({ status, history, updatedAt }) => {
        const last = history.at(-1);
        return last?.status !== status || last.at !== updatedAt;
      });
      expect(torn).toEqual([]);
    });
  });
});

describe('all changes of orders', () => {
  describe('when they come all at once, again and again', () => {
    test('are answered, and no unit is made or lost', async () => {
      const mugs = await all(3, () => product({ stock: 40 }));
      const lines = mugs.map(({ id }) => ({ productId: id, quantity: 2 }));
      const ids = await all(10, async (index) => {
        const { id } = await placeOrder(shop.url, customer.token, index % 2 ? lines : lines.toReversed());
        await makeOld(shop.db, id);
        return id;
      });
      // Every other order: one that is delivered at once can be neither cancelled nor deleted.
      const overdue = shop.db`
        update orders set next_status_at = now() - interval '1 hour'
        where id in ${shop.db(ids.filter((_, index) => index % 2))} and next_status_at is not null`.execute();
      const answers: Answer<{ code?: string } | null>[] = [];
      // Four for each order at a time: where the machine is busy, those behind more of them are told 503.
      while (answers.length < 120) {
        const first = answers.length;
        const wave = times(40, (offset) => {
          const index = first + offset;
          const id = ids[Math.floor(index / 4) % ids.length] ?? '';
          const action = [cancel, restore, remove, restore][index % 4] ?? cancel;
          if (index % 7 === 1) return index % 2 ? hold(id) : release(id);
          if (index % 7 === 3) return move(id, { status: index % 2 ? 'processing' : 'shipped' });
          return index % 5 === 0 ? place(index % 2 ? lines : lines.toReversed()) : action(id);
        });
        answers.push(...(await Promise.all(wave)));
      }
      await overdue;
      const { 200: changed = 0, 201: placed = 0, 204: removed = 0, ...refusals } = tally(answers);
      expect(Math.min(changed, placed + removed)).toBeGreaterThan(0);
      expect(Object.keys(refusals).filter((outcome) => !/^(404|409) /.test(outcome))).toEqual([]);
      for (const mug of mugs) expect(await unitsOf(shop.db, mug.id)).toBe(40);
    });
  });
});

describe('the progress of orders', () => {
  describe('when somebody holds one that is due', () => {
    test('moves the others meanwhile, and that one afterwards', async () => {
      const mug = await product({ stock: 10 });
      const orders = await all(4, () => placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 1 }]));
      const [held = '', ...others] = orders.map(({ id }) => id);
      // A little in the future, so that it is locked before it is due; the others come after it.
      await shop.db`update orders set next_status_at = now() + interval '2 seconds' where id = ${held}`;
      const untilProcessing = (id: string) =>
        eventually(async () => (await read(id)).status === 'processing', { withinMs: patienceMs });
      await shop.db.begin(async (sql) => {
        await sql`select 1 from orders where id = ${held} for update`;
        await eventually(async () => {
          const due = await shop.db`select 1 from orders where id = ${held} and next_status_at <= now()`;
          return due.length > 0;
        });
        await shop.db`update orders set next_status_at = now() where id in ${shop.db(others)}`;
        await Promise.all(others.map(untilProcessing));
        expect((await read(held)).status).toBe('pending');
      });
      await untilProcessing(held);
      expect(await mailsOf(shop.db, held)).toEqual(['1 pending', '1 processing']);
    });
  });
});

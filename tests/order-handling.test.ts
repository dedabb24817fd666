import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { orderNumber } from '../src/schema/order-numbers.ts';
import type { OrderBody, OrderStatus } from '../src/schema/orders.ts';
import { orderStatuses } from '../src/schema/orders.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, type RequestOptions, request, signInAdmin } from './support/client.ts';
import { expectInvalid } from './support/document.ts';
import { bringTo, mailsOf, makeOld } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

const hourMs = 3_600_000;
const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';
const address = {
  name: 'Ada Lovelace',
  line1: '12 St James’s Square',
  line2: 'Second floor',
  city: 'London',
  region: 'Greater London',
  postalCode: 'SW1Y 4JH',
  country: 'GB',
};
const shortAddress = { name: 'Ada', line1: 'Unter den Linden 1', city: 'Berlin', country: 'DE' };
const empty = { line2: null, region: null, postalCode: null };

let shop: Shop;
let adminToken: string;
let customer: Account;
let stranger: Account;
let turn = 0;

beforeAll(async () => {
  shop = await startShop({ apis: 2 });
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
  stranger = await openAccount(shop);
});

afterAll(() => shop.stop());

/** Sends a request to the API processes by turns. */
function call<Body = OrderBody>(method: string, path: string, options: RequestOptions = {}) {
  turn += 1;
  return request<Body>(shop.api(turn % 2).url, method, path, { token: customer.token, ...options });
}

const { cancel, hold, move, place, product, read, redirect, release, remove, restore, stockOf } = createShopClient(
  call,
  () => ({ url: shop.url, customerToken: customer.token, adminToken }),
);

/** Places an order of three of ten mugs. */
async function ordered(more: { shippingAddress?: unknown; note?: unknown } = {}): Promise<OrderBody> {
  const mug = await product({ stock: 10 });
  const items = [{ productId: mug.id, quantity: 3 }];
  const { status, body } = await place(items, { body: { items, ...more } });
  expect(status).toBe(201);
  return body;
}

/** An order that has come to `status`, as an admin sees it. */
async function orderIn(status: OrderStatus): Promise<OrderBody> {
  const { id } = await ordered();
  if (status === 'cancelled') await cancel(id);
  else await bringTo(shop.db, id, status);
  return read(id);
}

async function eventsOf(orderId: string): Promise<unknown[]> {
  const { body } = await call<{ data: { action: string; changes: unknown; actor: { kind: string } }[] }>(
    'GET',
    `/api/audit-events?subjectId=${orderId}`,
    { token: adminToken },
  );
  return body.data.map(({ action, changes, actor }) => ({ action, changes, by: actor.kind })).reverse();
}

/** Expects that a refused change, or one of nothing, has left an order as it was. */
async function expectUntouched(order: OrderBody, work: () => Promise<unknown>): Promise<void> {
  const before = [await mailsOf(shop.db, order.id), await eventsOf(order.id)];
  await work();
  expect(await read(order.id)).toEqual(order);
  expect([await mailsOf(shop.db, order.id), await eventsOf(order.id)]).toEqual(before);
}

const found = async (number: string, token = customer.token) => {
  const { status, body } = await call<{ data: OrderBody[] }>(
    'GET',
    `/api/orders?number=${encodeURIComponent(number)}`,
    { token },
  );
  expect(status).toBe(200);
  return body.data.map(({ id }) => id);
};

describe('the number of an order', () => {
  describe('when it is placed', () => {
    test('is ten digits of base 32 from the random end of its id, in every answer and in the database', async () => {
      const order = await ordered();
      expect(order.number).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}$/);
      expect(order.number).toBe(orderNumber(order.id));
      expect((await read(order.id)).number).toBe(order.number);
      const [row] = await shop.db`select number, order_number(id) as made from orders where id = ${order.id}`;
      expect(row).toEqual({ number: order.number, made: order.number });
    });

    test('by code that knows of none › is made by the database', async () => {
      const [row] = await shop.db`
        insert into orders (id, customer_id, status, total_cents, currency, created_at, updated_at)
        values (uuid_v7(), ${stranger.id}, 'cancelled', 0, 'USD', now(), now()) returning id, number`;
      expect(row?.number).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}$/);
      expect(await found(row?.number, stranger.token)).toEqual([row?.id]);
    });
  });

  describe('when it is that of another order already', () => {
    test('the order gets another id and number, and is placed once', async () => {
      const taken = await ordered();
      // The first insert comes to a number that is taken; a sequence counts on through the transaction that is undone.
      await shop.db.unsafe(`
        create sequence insertions;
        create function collide() returns trigger language plpgsql security definer as $$ begin
          if nextval('insertions') = 1 then new.number := '${taken.number}'; end if;
          return new;
        end $$;
        create trigger collide before insert on orders for each row execute function collide()`);
      const mug = await product({ stock: 10 });
      const { status, body } = await place([{ productId: mug.id, quantity: 4 }]);
      const [tries] = await shop.db`select last_value::int as count from insertions`;
      await shop.db.unsafe('drop trigger collide on orders; drop function collide; drop sequence insertions');
      expect({ status, tries: tries?.count }).toEqual({ status: 201, tries: 2 });
      expect(body.number).toBe(orderNumber(body.id));
      expect(body.number).not.toBe(taken.number);
      expect(await stockOf(mug)).toBe(6);
      expect(await found(body.number)).toEqual([body.id]);
      expect(await mailsOf(shop.db, body.id)).toEqual(['1 pending']);
    });
  });

  describe('when it is asked for', () => {
    test('finds the order in any case, with or without hyphens, and as people misread it', async () => {
      const { id } = await ordered();
      await shop.db`update orders set number = '01AB-10CD-E0' where id = ${id}`;
      for (const written of ['01AB-10CD-E0', '01ab10cde0', 'OlaB-iOCd-eo', 'oIAB1-0CD-E-0', '-01AB10CDE0-']) {
        expect([written, await found(written)]).toEqual([written, [id]]);
      }
      expect(await found('01AB-10CD-E0', stranger.token)).toEqual([]);
      expect(await found('01AB-10CD-E0', adminToken)).toEqual([id]);
      await shop.db`update orders set number = order_number(id) where id = ${id}`;
    });

    test.each([
      '01AB-10CD-E1',
      'UUUU-UUUU-UU',
      'K7Q2',
      'K7Q2-94XM-5TT',
      "' or 1=1",
      'K7Q2\u201394XM\u20135T',
      '🛒',
      '-',
    ])('and none can be meant by %j › finds nothing', async (written) => {
      await ordered();
      expect(await found(written)).toEqual([]);
    });

    test('with other filters › keeps to them, and empty is as if it were not sent', async () => {
      const { id, number } = await ordered();
      const { body } = await call<{ data: OrderBody[] }>('GET', `/api/orders?number=${number}&status=cancelled`);
      expect(body.data).toEqual([]);
      expect((await found('')).includes(id)).toBe(true);
    });
  });
});

describe('address and note', () => {
  describe('when an order is placed with them', () => {
    test('are in every answer, with null for what was left out', async () => {
      const given = await ordered({ shippingAddress: address, note: 'Ring twice.\nThank you' });
      expect(given).toMatchObject({ shippingAddress: address, note: 'Ring twice.\nThank you' });
      expect(await read(given.id)).toEqual(given);
      const bare = await ordered({ shippingAddress: shortAddress });
      expect(bare).toMatchObject({ shippingAddress: { ...shortAddress, ...empty }, note: null });
      const noted = await ordered({ note: '' });
      expect(noted).toMatchObject({ shippingAddress: null, note: '' });
      const { body } = await call<{ data: OrderBody[] }>('GET', '/api/orders?limit=3');
      expect(body.data).toEqual([noted, bare, given]);
    });

    test('and there are none, or null › are null, and leave nothing beside the order', async () => {
      const orders = [await ordered(), await ordered({ shippingAddress: null, note: null })];
      for (const order of orders) expect(order).toMatchObject({ shippingAddress: null, note: null, shipment: null });
      const rows = await shop.db`select 1 from order_details where order_id in ${shop.db(orders.map(({ id }) => id))}`;
      expect(rows).toHaveLength(0);
    });
  });

  describe('when they cannot be taken', () => {
    const long = 'x'.repeat(201);
    test.each([
      ['shippingAddress', { shippingAddress: 'London' }],
      ['shippingAddress.country', { shippingAddress: { ...address, country: 'gb' } }],
      ['shippingAddress.country', { shippingAddress: { ...address, country: 'XX' } }],
      ['shippingAddress.country', { shippingAddress: { ...address, country: undefined } }],
      ['shippingAddress.name', { shippingAddress: { ...address, name: ' ' } }],
      ['shippingAddress.line1', { shippingAddress: { ...address, line1: null } }],
      ['shippingAddress.line2', { shippingAddress: { ...address, line2: '' } }],
      ['shippingAddress.city', { shippingAddress: { ...address, city: long } }],
      ['shippingAddress.region', { shippingAddress: { ...address, region: 'a\nb' } }],
      ['shippingAddress.postalCode', { shippingAddress: { ...address, postalCode: 12_345 } }],
      ['shippingAddress.phone', { shippingAddress: { ...address, phone: '+49' } }],
      ['note', { note: 'x'.repeat(501) }],
      ['note', { note: 'a\0b' }],
    ])('answers 422 at %s: %j', async (path, more) => {
      const mug = await product({ stock: 10 });
      const items = [{ productId: mug.id, quantity: 3 }];
      expectInvalid(await place(items, { body: { items, ...more } }), path);
      expect(await stockOf(mug)).toBe(10);
    });

    test('takes them at their limits', async () => {
      const part = '\u{1f6d2}'.repeat(200);
      const shippingAddress = {
        name: part,
        line1: part,
        line2: part,
        city: part,
        region: part,
        postalCode: part,
        country: 'ZW',
      };
      const note = '\u{1f6d2}'.repeat(500);
      expect(await ordered({ shippingAddress, note })).toMatchObject({ shippingAddress, note });
    });
  });

  describe('when the order is repeated under its key', () => {
    test('belong to what is compared, and where there are none nothing has changed', async () => {
      const mug = await product({ stock: 10 });
      const items = [{ productId: mug.id, quantity: 1 }];
      const send = (key: string, more: object) =>
        place(items, { body: { items, ...more }, headers: { 'Idempotency-Key': `${key} ${mug.id}` } });
      const first = await send('addressed', { shippingAddress: shortAddress, note: 'Hi' });
      const again = await send('addressed', { note: 'Hi', shippingAddress: { ...shortAddress, ...empty } });
      expect(again).toMatchObject({ status: 201, body: first.body });
      for (const more of [{}, { note: 'Hi' }, { shippingAddress: shortAddress }]) {
        expectProblem(await send('addressed', more), 422, 'idempotency_key_reused');
      }
      const bare = await send('bare', {});
      expect((await send('bare', { shippingAddress: null, note: null })).body).toEqual(bare.body);
      expectProblem(await send('bare', { note: '' }), 422, 'idempotency_key_reused');
    });

    test('and its record is of the release before › is answered with what it lacks', async () => {
      const mug = await product({ stock: 10 });
      const items = [{ productId: mug.id, quantity: 1 }];
      const options = { headers: { 'Idempotency-Key': `old ${mug.id}` } };
      const { body } = await place(items, options);
      const { number, shippingAddress, note, shipment, hold, ...before } = body;
      const hash = new Bun.CryptoHasher('sha256').update(JSON.stringify(items)).digest('base64url');
      const changed = await shop.db`
        update idempotency_records set response = ${JSON.stringify(before)}
        where key = ${`old ${mug.id}`} and request_hash = ${hash} returning 1`;
      expect(changed).toHaveLength(1);
      const again = await place(items, options);
      expect(again.headers.get('Idempotent-Replayed')).toBe('true');
      expect(again.body).toEqual(body);
    });
  });
});

describe('PATCH /api/orders/address/:id', () => {
  describe('when the order has not been shipped', () => {
    test('by its customer or an admin › answers 200 with it, keeps the note, and leaves an event without its words', async () => {
      const { id, note } = await ordered({ note: 'Ring twice.' });
      const first = await redirect(id, address);
      expect(first).toMatchObject({ status: 200, body: { shippingAddress: address, note } });
      await bringTo(shop.db, id, 'processing');
      const second = await redirect(id, shortAddress, { token: adminToken });
      expect(second).toMatchObject({ status: 200, body: { shippingAddress: { ...shortAddress, ...empty }, note } });
      expect(Date.parse(second.body.updatedAt)).toBeGreaterThan(Date.parse(first.body.updatedAt));
      expect(await read(id)).toEqual(second.body);
      const third = await redirect(id, null);
      expect(third).toMatchObject({ status: 200, body: { shippingAddress: null, note } });
      const event = { action: 'order.address_changed', changes: { shippingAddress: {} } };
      expect(await eventsOf(id)).toEqual(['customer', 'admin', 'customer'].map((by) => ({ ...event, by })));
      expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 processing']);
    });

    test('and it goes there already › answers 200 and changes nothing', async () => {
      const addressed = await ordered({ shippingAddress: shortAddress });
      await expectUntouched(await read(addressed.id), async () => {
        const { status } = await redirect(addressed.id, { ...shortAddress, ...empty });
        expect(status).toBe(200);
      });
      const bare = await ordered();
      await expectUntouched(await read(bare.id), async () => expect((await redirect(bare.id, null)).status).toBe(200));
    });
  });

  describe('when it has been shipped or has ended', () => {
    test.each(['shipped', 'delivered', 'cancelled'] as const)(
      '%s › answers 409 and leaves it alone',
      async (status) => {
        const order = await orderIn(status);
        await expectUntouched(order, async () => {
          expectProblem(await redirect(order.id, address), 409, 'order_not_changeable');
        });
      },
    );
  });

  describe('when it may not be, is not there, or says nothing', () => {
    test('answers 403, 401, 404 and 422, and leaves it alone', async () => {
      const order = await read((await ordered()).id);
      await expectUntouched(order, async () => {
        expectProblem(await redirect(order.id, address, { token: stranger.token }), 403, 'forbidden');
        expectProblem(await redirect(order.id, address, { token: '' }), 401, 'unauthenticated');
        expectInvalid(await call('PATCH', `/api/orders/address/${order.id}`, { body: {} }), 'shippingAddress');
        expectInvalid(await redirect(order.id, { ...address, city: '' }), 'shippingAddress.city');
      });
      expectProblem(await redirect(nowhere, address), 404, 'not_found');
      await cancel(order.id);
      await makeOld(shop.db, order.id);
      await remove(order.id);
      expectProblem(await redirect(order.id, address, { token: adminToken }), 404, 'not_found');
    });
  });
});

describe('PATCH /api/orders/status/:id', () => {
  const shipment = { carrier: 'DHL', trackingNumber: 'JD0146', trackingUrl: 'https://dhl.example/JD0146?a=1&b=2' };

  describe('when it names the next status', () => {
    test('takes the order there, with its mail and an event, and the next step comes an interval later', async () => {
      const { id } = await ordered();
      await shop.db`update orders set next_status_at = now() + interval '5 minutes' where id = ${id}`;
      const expected: string[] = ['1 pending'];
      const path = ['pending', 'processing', 'shipped', 'delivered'] as const;
      for (const [index, status] of path.slice(1).entries()) {
        const { status: code, body } = await move(id, { status });
        expect({ code, status: body.status }).toEqual({ code: 200, status });
        expect(body.history.map((entry) => entry.status)).toEqual(path.slice(0, index + 2));
        expect(body.history.at(-1)?.at).toBe(body.updatedAt);
        const next = status === 'delivered' ? null : new Date(Date.parse(body.updatedAt) + hourMs).toISOString();
        expect(body.nextStatusAt).toBe(next);
        expect(await read(id)).toEqual(body);
        expected.push(`1 ${status}`);
        expect(await mailsOf(shop.db, id)).toEqual(expected);
      }
      expect(await eventsOf(id)).toEqual(
        path.slice(1).map((to, index) => ({
          action: 'order.status_changed',
          changes: { status: { from: path[index], to } },
          by: 'admin',
        })),
      );
      await eventually(() => {
        const own = shop.mail.messages.filter(({ headers }) => headers['x-order-id'] === id);
        return own.length === path.length;
      });
    });
  });

  describe('when it names the one that the order has', () => {
    test.each(orderStatuses)('%s › answers 200 and changes nothing', async (status) => {
      const order = await orderIn(status);
      await expectUntouched(order, async () => expect((await move(order.id, { status })).body).toEqual(order));
    });
  });

  describe('when it names any other', () => {
    test.each([
      ['pending', ['shipped', 'delivered', 'cancelled']],
      ['processing', ['pending', 'delivered', 'cancelled']],
      ['shipped', ['pending', 'processing', 'cancelled']],
      ['delivered', ['pending', 'processing', 'shipped', 'cancelled']],
      ['cancelled', ['pending', 'processing', 'shipped', 'delivered']],
    ] as const)('from %s to any of %j › answers 409 with the status it has', async (status, others) => {
      const order = await orderIn(status);
      await expectUntouched(order, async () => {
        for (const other of others) {
          expectProblem(await move(order.id, { status: other }), 409, 'order_status_conflict', {
            currentStatus: status,
          });
        }
      });
    });
  });

  describe('when it tells of the shipment', () => {
    test('keeps what is left out, clears what is null, and tells of no mail but that of its status', async () => {
      const { id } = await orderIn('processing');
      expect((await move(id, { status: 'shipped', ...shipment })).body.shipment).toEqual(shipment);
      const renamed = await move(id, { status: 'shipped', carrier: 'UPS', trackingNumber: null });
      expect(renamed.body.shipment).toEqual({ ...shipment, carrier: 'UPS', trackingNumber: null });
      expect((await move(id, { status: 'shipped', carrier: 'UPS' })).body).toEqual(renamed.body);
      expect((await move(id, { status: 'delivered' })).body.shipment).toEqual(renamed.body.shipment);
      const cleared = await move(id, { status: 'delivered', carrier: null, trackingUrl: null });
      expect(cleared.body.shipment).toBeNull();
      expect((await call('GET', `/api/orders/${id}`)).body).toEqual({ ...cleared.body, hold: null });
      expect(await mailsOf(shop.db, id)).toEqual(['1 pending', '1 processing', '1 shipped', '1 delivered']);
      const changes = (await eventsOf(id)).map((event) => (event as { changes: object }).changes);
      expect(changes).toEqual([
        {
          status: { from: 'processing', to: 'shipped' },
          carrier: { from: null, to: 'DHL' },
          trackingNumber: { from: null, to: shipment.trackingNumber },
          trackingUrl: { from: null, to: shipment.trackingUrl },
        },
        { carrier: { from: 'DHL', to: 'UPS' }, trackingNumber: { from: shipment.trackingNumber, to: null } },
        { status: { from: 'shipped', to: 'delivered' } },
        { carrier: { from: 'UPS', to: null }, trackingUrl: { from: shipment.trackingUrl, to: null } },
      ]);
    });

    test('restoring the order › clears it', async () => {
      const { id } = await orderIn('processing');
      await move(id, { status: 'shipped', ...shipment });
      await makeOld(shop.db, id);
      await remove(id);
      expect((await restore(id)).body).toMatchObject({ status: 'pending', shipment: null });
    });
  });

  describe('when it cannot be taken', () => {
    test.each([
      ['status', {}],
      ['status', { status: 'next' }],
      ['status', { status: null }],
      ['carrier', { status: 'processing', carrier: 'DHL' }],
      ['trackingNumber', { status: 'cancelled', trackingNumber: null }],
      ['trackingUrl', { status: 'pending', trackingUrl: 'https://dhl.example/' }],
      ['carrier', { status: 'shipped', carrier: '' }],
      ['carrier', { status: 'shipped', carrier: 'x'.repeat(101) }],
      ['trackingNumber', { status: 'shipped', trackingNumber: 'a\nb' }],
      ['trackingUrl', { status: 'shipped', trackingUrl: 'javascript:alert(1)' }],
      ['trackingUrl', { status: 'shipped', trackingUrl: 'ftp://dhl.example/' }],
      ['trackingUrl', { status: 'shipped', trackingUrl: 'https://' }],
      ['trackingUrl', { status: 'shipped', trackingUrl: 'https://dhl.example/a b' }],
      ['trackingUrl', { status: 'shipped', trackingUrl: 'https://dhl.example/\u202e' }],
      ['trackingUrl', { status: 'shipped', trackingUrl: `https://dhl.example/${'x'.repeat(2_029)}` }],
      ['tracking', { status: 'shipped', tracking: 'JD0146' }],
    ])('answers 422 at %s: %j', async (path, body) => {
      const order = await read((await ordered()).id);
      await expectUntouched(order, async () => expectInvalid(await move(order.id, body), path));
    });

    test('takes them at their limits', async () => {
      const { id } = await orderIn('processing');
      const most = {
        carrier: 'x'.repeat(100),
        trackingNumber: '\u{1f6d2}'.repeat(100),
        trackingUrl: `HTTP://dhl.example/${'x'.repeat(2_029)}`,
      };
      expect((await move(id, { status: 'shipped', ...most })).body.shipment).toEqual(most);
    });
  });

  describe('when the caller may not, or it is not there', () => {
    test('answers 403, 401 and 404, and leaves it alone', async () => {
      const order = await read((await ordered()).id);
      const body = { status: 'processing' };
      await expectUntouched(order, async () => {
        expectProblem(await move(order.id, body, { token: customer.token }), 403, 'forbidden');
        expectProblem(await move(order.id, body, { token: '' }), 401, 'unauthenticated');
      });
      expectProblem(await move(nowhere, body), 404, 'not_found');
      expectProblem(await move('none', body), 404, 'not_found');
      await makeOld(shop.db, order.id);
      await remove(order.id);
      expectProblem(await move(order.id, { status: 'cancelled' }), 404, 'not_found');
    });
  });
});

describe('PATCH /api/orders/hold/:id', () => {
  const reason = 'Is the address right?\nAsk them.';

  describe('when the order has still to reach its customer', () => {
    test.each(['pending', 'processing', 'shipped'] as const)(
      '%s › stops it, tells admins why, and leaves an event without the reason',
      async (status) => {
        const { id } = await orderIn(status);
        const { status: code, body } = await hold(id, reason);
        expect({ code, status: body.status, next: body.nextStatusAt }).toEqual({ code: 200, status, next: null });
        expect(body.hold).toEqual({ reason, since: body.updatedAt });
        expect(await read(id)).toEqual(body);
        const seen = (await call('GET', `/api/orders/${id}`)).body;
        expect(seen).toEqual({ ...body, hold: null });
        const { data } = (await call<{ data: OrderBody[] }>('GET', `/api/orders?number=${body.number}`)).body;
        expect(data).toEqual([seen]);
        expect(await eventsOf(id)).toEqual([{ action: 'order.held', changes: { hold: {} }, by: 'admin' }]);
      },
    );

    test('and is held already › answers 409 and leaves the first hold', async () => {
      const { id } = await ordered();
      const held = (await hold(id)).body;
      await expectUntouched(held, async () => {
        expectProblem(await hold(id, 'Another reason'), 409, 'order_on_hold');
      });
    });
  });

  describe('when it has come to its end', () => {
    test.each(['delivered', 'cancelled'] as const)('%s › answers 409 and leaves it alone', async (status) => {
      const order = await orderIn(status);
      await expectUntouched(order, async () => {
        expectProblem(await hold(order.id), 409, 'order_not_changeable');
      });
    });
  });

  describe('when staff would move it on', () => {
    test('answers 409 for the next status, 200 for its own, and 409 with its own for any other', async () => {
      const { id } = await orderIn('processing');
      const held = (await hold(id)).body;
      await expectUntouched(held, async () => {
        expectProblem(await move(id, { status: 'shipped' }), 409, 'order_on_hold');
        expect((await move(id, { status: 'processing' })).body).toEqual(held);
        const conflict = { currentStatus: 'processing' };
        expectProblem(await move(id, { status: 'delivered' }), 409, 'order_status_conflict', conflict);
      });
    });

    test('and it is shipped › takes what is said of the shipment', async () => {
      const { id } = await orderIn('shipped');
      await hold(id);
      const { body } = await move(id, { status: 'shipped', carrier: 'UPS' });
      expect(body).toMatchObject({
        shipment: { carrier: 'UPS' },
        nextStatusAt: null,
        hold: { since: expect.any(String) },
      });
    });
  });

  describe('when it is cancelled or deleted, and restored', () => {
    test.each(['cancelled', 'deleted'] as const)('%s › is held as before, with its stock taken', async (way) => {
      const { id, items } = await ordered();
      const since = (await hold(id, reason)).body.hold?.since ?? '';
      if (way === 'deleted') await makeOld(shop.db, id);
      const ended = way === 'cancelled' ? await cancel(id) : await remove(id);
      expect(ended.status).toBe(way === 'cancelled' ? 200 : 204);
      expect((await read(id)).hold).toEqual({ reason, since });
      const mug = { id: items[0]?.productId ?? '' };
      expect(await stockOf(mug)).toBe(10);
      await restore(id);
      expect(await read(id)).toMatchObject({ status: 'pending', nextStatusAt: null, hold: { reason, since } });
      expect(await stockOf(mug)).toBe(7);
    });
  });

  describe('when it cannot be taken', () => {
    test('answers 422, 403, 401 and 404, and leaves it alone', async () => {
      const order = await read((await ordered()).id);
      await expectUntouched(order, async () => {
        for (const bad of ['', 'x'.repeat(501), 'a\0b']) expectInvalid(await hold(order.id, bad), 'reason');
        expectInvalid(await hold(order.id, reason, { body: {} }), 'reason');
        expectProblem(await hold(order.id, reason, { token: customer.token }), 403, 'forbidden');
        expectProblem(await hold(order.id, reason, { token: '' }), 401, 'unauthenticated');
      });
      expectProblem(await hold(nowhere), 404, 'not_found');
      expect((await hold(order.id, 'x'.repeat(500))).status).toBe(200);
    });
  });
});

describe('PATCH /api/orders/release/:id', () => {
  describe('when the order is on hold', () => {
    test('gives it one whole interval, and leaves an event', async () => {
      const { id } = await ordered();
      await hold(id);
      const { status, body } = await release(id);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        hold: null,
        nextStatusAt: new Date(Date.parse(body.updatedAt) + hourMs).toISOString(),
      });
      expect(await read(id)).toEqual(body);
      expect(await eventsOf(id)).toEqual([
        { action: 'order.held', changes: { hold: {} }, by: 'admin' },
        { action: 'order.released', changes: { hold: {} }, by: 'admin' },
      ]);
      await bringTo(shop.db, id, 'processing');
    });

    test('and cancelled › releases it, and nothing moves', async () => {
      const { id } = await ordered();
      await hold(id);
      await cancel(id);
      expect(await release(id)).toMatchObject({
        status: 200,
        body: { status: 'cancelled', hold: null, nextStatusAt: null },
      });
      expect((await restore(id)).body.nextStatusAt).toBeString();
    });
  });

  describe('when it is not, or may not be', () => {
    test('answers 409, 403, 401 and 404, and leaves it alone', async () => {
      const order = await read((await ordered()).id);
      await expectUntouched(order, async () => {
        expectProblem(await release(order.id), 409, 'order_not_on_hold');
        expectProblem(await release(order.id, { token: customer.token }), 403, 'forbidden');
        expectProblem(await release(order.id, { token: '' }), 401, 'unauthenticated');
      });
      expectProblem(await release(nowhere), 404, 'not_found');
      const delivered = await orderIn('delivered');
      expectProblem(await release(delivered.id), 409, 'order_not_on_hold');
    });
  });
});

describe('a shop that requires an address', () => {
  describe('when there is none', () => {
    test('answers 422 beside all else, for placing and for changing, but restores', async () => {
      const strict = await shop.startApi({ SHIPPING_ADDRESS: 'required' });
      const ask = (method: string, path: string, body?: unknown) =>
        request<OrderBody>(strict.url, method, path, {
          token: customer.token,
          ...(body === undefined ? {} : { body }),
        });
      const mug = await product({ stock: 10 });
      const items = [{ productId: mug.id, quantity: 1 }];
      for (const more of [{}, { shippingAddress: null }]) {
        expectInvalid(await ask('POST', '/api/orders', { items, ...more }), 'shippingAddress');
      }
      expectInvalid(await ask('POST', '/api/orders', { items: [] }), 'items', 'shippingAddress');
      const { status, body } = await ask('POST', '/api/orders', { items, shippingAddress: shortAddress });
      expect(status).toBe(201);
      expectInvalid(await ask('PATCH', `/api/orders/address/${body.id}`, { shippingAddress: null }), 'shippingAddress');
      expect((await ask('PATCH', `/api/orders/address/${body.id}`, { shippingAddress: address })).status).toBe(200);
      const { id } = await ordered();
      await cancel(id);
      expect((await ask('PATCH', `/api/orders/restore/${id}`)).status).toBe(200);
    });
  });
});

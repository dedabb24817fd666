import { afterAll, describe, expect, test } from 'bun:test';
import type { OrderBody } from '../src/schema/orders.ts';
import { createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { clockOff } from './support/clock.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const hour = 3_600;
const slowMailMs = 3_000;
const patienceMs = 60_000;
/** The start of the others included, which are started one by one. */
const testMsMax = 5 * patienceMs;

/** Several, because the tests wait at the same time. */
const shops: Shop[] = [];

afterAll(() => Promise.all(shops.map((shop) => shop.stop())));

/** A shop whose APIs are the one that is right, and then those with a clock that is off. */
async function startOff(clocks: { apis?: number[]; workers?: number[] }, env: Record<string, string> = {}) {
  const shop = await startShop({ apis: 1, workers: 0, env });
  shops.push(shop);
  for (const seconds of clocks.apis ?? []) await shop.startApi(await clockOff(seconds));
  await Promise.all((clocks.workers ?? []).map(async (seconds) => shop.startWorker(await clockOff(seconds))));
  const { url } = shop.api(0);
  const [adminToken, { token }] = await Promise.all([signInAdmin(url), registerCustomer(url)]);
  const mug = await createProduct(url, adminToken, { stock: 1_000 });
  return {
    shop,
    token,
    items: [{ productId: mug.id, quantity: 1 }],
    read: async (id: string) => (await request<OrderBody>(url, 'GET', `/api/orders/${id}`, { token })).body,
    async mailsLeft(): Promise<number> {
      const [row] = await shop.db`select count(*)::int as count from mails where state <> 'sent'`;
      return row?.count;
    },
  };
}

describe('two workers', () => {
  test.concurrent.each([20, hour])(
    'when their clocks are %i s too fast and too slow › every mail goes out once, from a slow mail server and after a refusal',
    async (seconds) => {
      const { shop, token, items, mailsLeft } = await startOff({ workers: [seconds, -seconds] });
      shop.mail.become({ acceptAfterMs: slowMailMs });
      await Promise.all(Array.from({ length: 12 }, () => placeOrder(shop.api(0).url, token, items)));
      await eventually(async () => (await mailsLeft()) === 0, { withinMs: patienceMs });
      expect(shop.mail.attempts()).toBe(12);

      shop.mail.become({ refuseWith: 450 });
      const { id } = await placeOrder(shop.api(0).url, token, items);
      await eventually(() => shop.mail.attempts() > 12);
      shop.mail.become('accept');
      // Within the pause before the next try.
      await eventually(async () => (await mailsLeft()) === 0, { withinMs: 10_000 });
      expect(shop.mail.messages.slice(12).map(({ headers }) => headers['x-order-id'])).toEqual([id]);
    },
    testMsMax,
  );

  test.concurrent(
    'when one was an hour fast and is gone › the other takes every step and mail in time',
    async () => {
      const { shop, token, items, read, mailsLeft } = await startOff(
        { workers: [hour] },
        { ORDER_STATUS_INTERVAL: '1s' },
      );
      const early = await placeOrder(shop.api(0).url, token, items);
      await eventually(async () => (await read(early.id)).status !== 'pending');
      await shop.worker(0).kill();
      await shop.startWorker();
      // A step that comes late by its clock comes late each time, and one of a busy machine does not.
      await eventually(
        async () => {
          const { id, createdAt } = await placeOrder(shop.api(0).url, token, items);
          const { history } = await eventually(async () => {
            const order = await read(id);
            return order.status === 'delivered' && order;
          });
          history.forEach(({ at }, step) => {
            expect(Date.parse(at) - Date.parse(createdAt) - step * 1_000).toBeWithin(0, 2_001);
          });
          return true;
        },
        { withinMs: patienceMs / 2 },
      );
      await eventually(async () => (await mailsLeft()) === 0, { withinMs: 30_000 });
    },
    testMsMax,
  );
});

describe('an API', () => {
  const env = { ORDER_STATUS_INTERVAL: '2s', ORDER_DELETE_AFTER: '3s' };
  let opened: ReturnType<typeof startOff> | undefined;
  /** One for all of these tests. */
  const openShop = () => {
    opened ??= startOff({ apis: [hour, -hour], workers: [0] }, env);
    return opened;
  };

  test.concurrent.each([
    [hour, 1],
    [-hour, 2],
  ])(
    'when its clock is off by %i s › orders are dated, take their steps and become deletable in time',
    async (_seconds, place) => {
      const { shop, token, items, read } = await openShop();
      const { url } = shop.api(place);
      const remove = (id: string) => request<{ code?: string } | null>(url, 'DELETE', `/api/orders/${id}`, { token });
      // What goes by a wrong clock is wrong each time, and what a busy machine is late with is not.
      const { id, deletableAt } = await eventually(
        async () => {
          const order = await placeOrder(url, token, items);
          const { id, createdAt, nextStatusAt, deletableAt } = order;
          expect(Date.now() - Date.parse(createdAt)).toBeWithin(-50, 5_000);
          expect(Date.parse(nextStatusAt ?? '') - Date.parse(createdAt)).toBe(2_000);
          // The id holds the moment of creation, and lists go by it.
          expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBeWithin(
            Date.parse(createdAt),
            Date.parse(createdAt) + 50,
          );
          const early = await remove(id);
          if (Date.now() < Date.parse(deletableAt)) expect(early.body).toMatchObject({ code: 'order_too_recent' });
          const { history } = await eventually(async () => {
            const seen = await read(id);
            return seen.history.length > 1 && seen;
          });
          expect(Date.parse(history[1]?.at ?? '') - Date.parse(nextStatusAt ?? '')).toBeWithin(0, 2_001);
          return order;
        },
        { withinMs: patienceMs / 2 },
      );
      await eventually(async () => (await remove(id)).status === 204);
      const [row] = await shop.db`select deleted_at from orders where id = ${id}`;
      expect(row?.deleted_at.getTime()).toBeWithin(Date.parse(deletableAt), Date.now() + 50);
    },
    testMsMax,
  );

  test.concurrent(
    'when its clock is off by an hour › a key is kept for 24 hours, no less and no more',
    async () => {
      const { shop, token, items } = await openShop();
      const place = (api: number, key: string) =>
        request<OrderBody>(shop.api(api).url, 'POST', '/api/orders', {
          token,
          body: { items },
          headers: { 'Idempotency-Key': key },
        });
      const age = (key: string, minutes: number) =>
        shop.db`update idempotency_records set created_at = now() - make_interval(mins => ${minutes}) where key = ${key}`;
      for (const api of [1, 2]) {
        const first = await place(0, `young ${api}`);
        await age(`young ${api}`, 24 * 60 - 30);
        expect(await place(api, `young ${api}`)).toMatchObject({ status: 201, body: { id: first.body.id } });
        const old = await place(0, `old ${api}`);
        await age(`old ${api}`, 24 * 60 + 30);
        const next = await place(api, `old ${api}`);
        expect(next.status).toBe(201);
        expect(next.body.id).not.toBe(old.body.id);
      }
    },
    testMsMax,
  );
});

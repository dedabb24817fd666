import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { OrderBody, OrderStatus } from '../src/schema/orders.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, createProduct, placeOrder, request, signInAdmin } from './support/client.ts';
import { mailsOf } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

const intervalMs = 500;
const latenessMsMax = 2_000;
const path: OrderStatus[] = ['pending', 'processing', 'shipped', 'delivered'];

describe.each(['redis', 'postgres'] as const)('order progress over a queue in %s', (queue) => {
  let shop: Shop;
  let customer: Account;
  let mugId: string;

  beforeAll(async () => {
    shop = await startShop({ queue, workers: 2, env: { ORDER_STATUS_INTERVAL: `${intervalMs}ms` } });
    customer = await openAccount(shop);
    mugId = (await createProduct(shop.url, await signInAdmin(shop.url), { stock: 10_000 })).id;
  });

  afterAll(() => shop.stop());

  const place = () => placeOrder(shop.url, customer.token, [{ productId: mugId, quantity: 1 }]);

  async function call(method: string, path: string): Promise<OrderBody> {
    return (await request<OrderBody>(shop.url, method, path, { token: customer.token })).body;
  }

  const untilIn = (status: OrderStatus, id: string) =>
    eventually(
      async () => {
        const order = await call('GET', `/api/orders/${id}`);
        return order.status === status && order;
      },
      { withinMs: 15_000, everyMs: 50 },
    );

  /** How late each step of a run came, in ms; the run began at `startedAt`. */
  function lateness(history: OrderBody['history'], startedAt: string): number[] {
    return history.map(({ at }, step) => Date.parse(at) - Date.parse(startedAt) - step * intervalMs);
  }

  /** The mails that have come for an order, as `run status`, once there are as many as expected. */
  const untilMailed = (id: string, count: number) =>
    eventually(() => {
      const headersOfOrder = shop.mail.messages
        .map(({ headers }) => headers)
        .filter((each) => each['x-order-id'] === id);
      const mails = headersOfOrder.map((headers) => `${headers['x-order-run']} ${headers['x-order-status']}`);
      return mails.length >= count && mails.sort();
    });

  describe('when orders come due', () => {
    test('takes each of them every step in time, with one mail for each', async () => {
      const orders = await Promise.all(Array.from({ length: 12 }, place));
      for (const { id, createdAt, nextStatusAt: firstStepAt } of orders) {
        expect(Date.parse(firstStepAt ?? '')).toBe(Date.parse(createdAt) + intervalMs);
        const { history, nextStatusAt, updatedAt } = await untilIn('delivered', id);
        expect(history.map(({ status }) => status)).toEqual(path);
        for (const lateMs of lateness(history, createdAt)) expect(lateMs).toBeWithin(0, givenLoad(latenessMsMax) + 1);
        expect(nextStatusAt).toBeNull();
        expect(updatedAt).toBe(history.at(-1)?.at ?? '');
      }
      const expected = path.map((status) => `1 ${status}`);
      for (const { id } of orders) {
        expect(await untilMailed(id, expected.length)).toEqual(expected.toSorted());
        expect(await mailsOf(shop.db, id)).toEqual(expected);
      }
    });
  });

  describe('when an order is cancelled and restored', () => {
    test('stops it, then takes it every step of a new run', async () => {
      const { id } = await place();
      const cancelled = await call('PATCH', `/api/orders/cancel/${id}`);
      const later = await place();
      await untilIn('delivered', later.id);
      expect(await call('GET', `/api/orders/${id}`)).toEqual(cancelled);

      const restored = await call('PATCH', `/api/orders/restore/${id}`);
      const firstRun = cancelled.history.map(({ status }) => status);
      const { history } = await untilIn('delivered', id);
      expect(history.map(({ status }) => status)).toEqual(path);
      for (const lateMs of lateness(history, restored.updatedAt)) {
        expect(lateMs).toBeWithin(0, givenLoad(latenessMsMax) + 1);
      }
      const expected = [...firstRun.map((status) => `1 ${status}`), ...path.map((status) => `2 ${status}`)];
      expect(await untilMailed(id, expected.length)).toEqual(expected.toSorted());
    });
  });
});

describe.each(['redis', 'postgres'] as const)(
  'order progress after the workers were away, over a queue in %s',
  (queue) => {
    const hourMs = 3_600_000;
    let shop: Shop;
    let onTime: string[];
    let late: { id: string; dueAt: Date };
    let veryLate: string;

    beforeAll(async () => {
      shop = await startShop({ queue, workers: 0 });
      const { token } = await openAccount(shop);
      const { id: productId } = await createProduct(shop.url, await signInAdmin(shop.url), { stock: 10_000 });
      const orders = await Promise.all(
        Array.from({ length: 60 }, () => placeOrder(shop.url, token, [{ productId, quantity: 1 }])),
      );
      const dueAgo = async (ids: string[], agoMs: number) => {
        const dueAt = new Date(Date.now() - agoMs);
        await shop.db`update orders set next_status_at = ${dueAt} where id in ${shop.db(ids)}`;
        return dueAt;
      };
      const [first = '', second = '', ...others] = orders.map(({ id }) => id);
      [veryLate, onTime] = [first, others];
      late = { id: second, dueAt: await dueAgo([second], 0.5 * hourMs) };
      await dueAgo([veryLate], 2.5 * hourMs);
      await dueAgo(onTime, 0);
      await Promise.all([shop.startWorker(), shop.startWorker()]);
      await eventually(
        async () => {
          const waiting = await shop.db`select 1 from mails where state <> 'sent'`;
          const due = await shop.db`select 1 from orders where next_status_at <= now()`;
          return waiting.length + due.length === 0;
        },
        { withinMs: 40_000 },
      );
    });

    afterAll(() => shop.stop());

    async function historyOf(orderId: string): Promise<string[]> {
      const rows = await shop.db<{ status: string }[]>`select status from order_history where order_id = ${orderId}`;
      return rows.map(({ status }) => status).sort();
    }

    const firstSteps = (count: number) => path.slice(0, count).toSorted();

    describe('when many orders were due', () => {
      test('moved each by one step, with one mail for each', async () => {
        const rows = await shop.db<{ status: string; count: number }[]>`
        select status, count(*)::int as count from orders where id in ${shop.db(onTime)} group by status`;
        expect([...rows]).toEqual([{ status: 'processing', count: onTime.length }]);
        const sent = shop.mail.messages.filter(({ headers }) => onTime.includes(headers['x-order-id'] ?? ''));
        const ids = new Set(sent.map(({ headers }) => headers['message-id']));
        expect({ sent: sent.length, different: ids.size }).toEqual({
          sent: 2 * onTime.length,
          different: 2 * onTime.length,
        });
      });
    });

    describe('when an order was late by less than an interval', () => {
      test('moved it by one step, and the next is due when it would have been', async () => {
        const [row] = await shop.db`select status, next_status_at from orders where id = ${late.id}`;
        expect(row).toEqual({ status: 'processing', next_status_at: new Date(late.dueAt.getTime() + hourMs) });
        expect(await historyOf(late.id)).toEqual(firstSteps(2));
      });
    });

    describe('when an order was late by several intervals', () => {
      test('took it through every step that was due, with every mail', async () => {
        expect(await historyOf(veryLate)).toEqual(firstSteps(4));
        const sent = shop.mail.messages.filter(({ headers }) => headers['x-order-id'] === veryLate);
        expect(sent.map(({ headers }) => headers['x-order-status'] ?? '').sort()).toEqual(firstSteps(4));
      });
    });
  },
);

describe('a shop whose orders never move by themselves', () => {
  const hourMs = 3_600_000;
  let shop: Shop;
  let adminToken: string;
  let customer: Account;
  let mugId: string;

  beforeAll(async () => {
    shop = await startShop({ apis: 1, workers: 1, env: { ORDER_STATUS_INTERVAL: 'never', LOG_LEVEL: 'debug' } });
    adminToken = await signInAdmin(shop.url);
    customer = await openAccount(shop);
    mugId = (await createProduct(shop.url, adminToken, { stock: 10_000 })).id;
  });

  afterAll(() => shop.stop());

  const place = () => placeOrder(shop.url, customer.token, [{ productId: mugId, quantity: 1 }]);
  const change = async (path: string, body?: unknown) =>
    (await request<OrderBody>(shop.url, 'PATCH', path, { token: adminToken, ...(body ? { body } : {}) })).body;
  const read = async (id: string) =>
    (await request<OrderBody>(shop.url, 'GET', `/api/orders/${id}`, { token: customer.token })).body;
  const planFor = (id: string, at: Date | null) => shop.db`update orders set next_status_at = ${at} where id = ${id}`;
  const rowOf = async (id: string) => (await shop.db`select status, next_status_at from orders where id = ${id}`)[0];

  /** Waits until a worker has looked for what is due, from beginning to end. */
  async function untilSweptTwice(): Promise<void> {
    const sweeps = () => shop.log().filter(({ msg }) => msg === 'sweep').length;
    const before = sweeps();
    await eventually(() => sweeps() >= before + 2);
  }

  describe('when orders are placed, moved by staff, restored or released', () => {
    test('plans no step for them, and sends the mails of those that staff take', async () => {
      const placed = await place();
      expect(placed.nextStatusAt).toBeNull();
      const moved = await change(`/api/orders/status/${placed.id}`, { status: 'processing' });
      expect(moved).toMatchObject({ status: 'processing', nextStatusAt: null });
      await change(`/api/orders/hold/${placed.id}`, { reason: 'Wait' });
      expect((await change(`/api/orders/release/${placed.id}`)).nextStatusAt).toBeNull();
      await change(`/api/orders/cancel/${placed.id}`);
      expect((await change(`/api/orders/restore/${placed.id}`)).nextStatusAt).toBeNull();
      expect(await rowOf(placed.id)).toMatchObject({ status: 'pending', next_status_at: null });
      await eventually(async () => {
        const waiting = await shop.db`select 1 from mails where order_id = ${placed.id} and state <> 'sent'`;
        return waiting.length === 0;
      });
    });
  });

  describe('when a step was planned before', () => {
    test('tells of none and takes none, and nothing counts as due; under an interval again it takes one whole interval', async () => {
      const orders = await Promise.all(Array.from({ length: 5 }, place));
      const [late, unplanned, held, future, cancelled] = orders.map(({ id }) => id) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const farAhead = new Date(Date.now() + 5 * hourMs);
      await planFor(late, new Date(Date.now() - 3 * hourMs));
      await planFor(future, farAhead);
      await change(`/api/orders/hold/${held}`, { reason: 'Wait' });
      await change(`/api/orders/cancel/${cancelled}`);
      await untilSweptTwice();
      expect(await read(late)).toMatchObject({ status: 'pending', nextStatusAt: null });
      // A scrape that takes too long on a busy machine shows no figure, and the next one does.
      const [, due] = await eventually(async () => {
        const scraped = await request<string>(shop.url, 'GET', '/metrics');
        return /^shop_orders_due (\d+)$/m.exec(scraped.body);
      });
      expect(due).toBe('0');

      const before = Date.now();
      await shop.worker(0).kill();
      const env = { ORDER_STATUS_INTERVAL: '1h' };
      const workers = await Promise.all([shop.startWorker(env), shop.startWorker(env)]);
      await shop.startApi(env);
      // Each has its own first round, which puts off what was planned before.
      await eventually(() => workers.every((worker) => worker.log().some(({ msg }) => msg === 'sweep')));
      await eventually(async () => (await shop.db`select 1 from schedule_pauses`).length === 0 || null);
      await untilSweptTwice();
      for (const id of [late, unplanned]) {
        const row = await rowOf(id);
        expect(row?.status).toBe('pending');
        expect(row?.next_status_at.getTime()).toBeWithin(before + hourMs, Date.now() + hourMs + 1);
      }
      expect(await rowOf(held)).toEqual({ status: 'pending', next_status_at: null });
      expect(await rowOf(future)).toEqual({ status: 'pending', next_status_at: farAhead });
      expect(await rowOf(cancelled)).toEqual({ status: 'cancelled', next_status_at: null });
      // What an API leaves without a plan that still says never is planned by the next round, and nothing else.
      await planFor(late, new Date(Date.now() + 60_000));
      const straggler = await place();
      expect(straggler.nextStatusAt).toBeNull();
      const planned = await eventually(async () => (await rowOf(straggler.id))?.next_status_at);
      expect(planned.getTime()).toBeWithin(before + hourMs, Date.now() + hourMs + 1);
      expect((await rowOf(late))?.next_status_at.getTime()).toBeLessThan(Date.now() + 60_001);
      // A worker that starts under the same interval leaves the plan alone.
      await planFor(late, new Date(Date.now() - 1_000));
      await shop.startWorker(env);
      await eventually(async () => (await rowOf(late))?.status === 'processing');
      expect(await mailsOf(shop.db, late)).toEqual(['1 pending', '1 processing']);
    });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { OrderBody } from '../src/schema/orders.ts';
import { type Account, registerCustomer, request, signInAdmin, untilServed } from './support/client.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';
import { createWebhookClient, verify, type WebhookWithSecret } from './support/webhooks.ts';

let shop: Shop;
let adminToken: string;
let customer: Account;
let nth = 0;
const receivers: Receiver[] = [];

const callers = () => ({ url: shop.url, customerToken: customer.token, adminToken });
// Every other request goes to the second process.
const { place, product } = createShopClient((method, path, options) => {
  nth += 1;
  return request(shop.api(nth % 2).url, method, path, options);
}, callers);
const webhooks = createWebhookClient(callers);

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 2, env: { WEBHOOK_TARGETS: 'any' } });
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
});

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
  await shop.db`update webhooks set deleted_at = now() where deleted_at is null`;
});

afterAll(() => shop.stop());

async function receive(): Promise<{ receiver: Receiver; webhook: WebhookWithSecret }> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  return { receiver, webhook: await webhooks.add(receiver.url, ['order.pending']) };
}

async function placeMany(count: number): Promise<OrderBody[]> {
  const { id: productId } = await product({ stock: 1_000 });
  const answers = await Promise.all(
    Array.from({ length: count }, () => untilServed(() => place([{ productId, quantity: 1 }]))),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  return answers.map(({ body }) => body);
}

const told = ({ events }: Receiver) => events.map(({ body }) => JSON.parse(body).data.id as string);
const idsOf = (orders: OrderBody[]) => orders.map(({ id }) => id).toSorted();
/** Lets the pauses before next attempts pass. */
const letPausesPass = () =>
  shop.db`update webhook_deliveries set due_at = now() where state = 'queued' and due_at > now() + interval '1 second'`;
/** Lets the leases of workers end. */
const letLeasesEnd = () => shop.db`update webhook_deliveries set due_at = now() where state = 'sending'`;

describe('a receiver that hangs', () => {
  describe('when others, and customers, are owed something, too', () => {
    test('keeps neither them nor the mails waiting, and has few requests at once', async () => {
      const [slow, quick] = [await receive(), await receive()];
      slow.receiver.become('hang');
      const mailsBefore = shop.mail.messages.length;
      const orders = await placeMany(60);
      // As soon as one attempt takes that hangs, by the measure of the machine.
      const withinMs = 10_000;
      await eventually(() => new Set(told(quick.receiver)).size === 60, { withinMs });
      await eventually(() => shop.mail.messages.length - mailsBefore >= 60, { withinMs });
      expect([...new Set(told(quick.receiver))].toSorted()).toEqual(idsOf(orders));
      // Four of each worker.
      expect(slow.receiver.openMax()).toBeWithin(1, 9);
      expect(await webhooks.deliveries(slow.webhook.id, '&state=sent')).toEqual([]);

      // And it gets all of it, once it answers.
      slow.receiver.become(204);
      await eventually(
        async () => {
          await letPausesPass();
          return new Set(told(slow.receiver)).size === 60;
        },
        { withinMs: 60_000, everyMs: 500 },
      );
    }, 120_000);
  });
});

describe('a receiver that is down', () => {
  describe('when it comes back', () => {
    test('gets what it missed, each once', async () => {
      const { receiver, webhook } = await receive();
      receiver.become(500);
      const orders = await placeMany(10);
      await eventually(async () => {
        const deliveries = await webhooks.deliveries(webhook.id, '&state=queued');
        return deliveries.length === 10 && deliveries.some(({ attempts }) => attempts > 0);
      });
      receiver.become(204);
      const missed = receiver.events.length;
      await eventually(async () => {
        await letPausesPass();
        return (await webhooks.deliveries(webhook.id, '&state=sent')).length === 10;
      });
      expect(receiver.events.slice(missed).length).toBeWithin(10, 12);
      expect([...new Set(told(receiver))].toSorted()).toEqual(idsOf(orders));
    });
  });
});

describe('a worker', () => {
  describe('when it is killed with a delivery in its hands', () => {
    test('leaves it to another one, which sends the same again', async () => {
      const { receiver, webhook } = await receive();
      receiver.become('hang');
      const { id } = await webhooks.test(webhook.id);
      await eventually(() => receiver.open() === 1);
      await Promise.all([shop.worker(0).kill(), shop.worker(1).kill()]);
      receiver.become(204);
      await shop.startWorker();
      await letLeasesEnd();
      await eventually(async () => (await webhooks.deliveries(webhook.id, '&state=sent')).length === 1);
      expect(receiver.events.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
      for (const event of receiver.events) verify(event, webhook.secret);
    });
  });
});

describe('Redis', () => {
  describe('when it is wiped while deliveries are under way', () => {
    test('makes none of them get lost', async () => {
      const { receiver } = await receive();
      const placing = placeMany(60);
      for (let count = 0; count < 5; count += 1) await shop.redis.flushdb();
      const orders = await placing;
      await shop.redis.flushdb();
      // What was in the queue is enqueued again after a while.
      await letPausesPass();
      await eventually(() => new Set(told(receiver)).size === 60, { withinMs: 30_000 });
      expect([...new Set(told(receiver))].toSorted()).toEqual(idsOf(orders));
    }, 60_000);
  });
});

describe('a webhook', () => {
  describe('when it is made and deleted while orders are placed by two processes', () => {
    test('is owed all that began after the one and ended before the other, and nothing from outside', async () => {
      const { id: productId } = await product({ stock: 100_000 });
      const seen: { id: string; begunAt: number; endedAt: number }[] = [];
      let running = true;
      const keepPlacing = async () => {
        while (running) {
          const begunAt = performance.now();
          const { status, body } = await place([{ productId, quantity: 1 }]);
          // A starved shop says so; what it did not place is owed to nobody.
          if (status === 503) continue;
          expect(status).toBe(201);
          seen.push({ id: body.id, begunAt, endedAt: performance.now() });
        }
      };
      const crowd = Promise.all(Array.from({ length: 12 }, keepPlacing));
      const untilMore = async (count: number) => {
        const atLeast = seen.length + count;
        await eventually(() => seen.length >= atLeast);
      };
      const lives: { id: string; asked: number; made: number; leaving: number; gone: number }[] = [];
      await untilMore(20);
      for (let count = 0; count < 4; count += 1) {
        const asked = performance.now();
        // Nobody is there: what is owed is what counts.
        const { id } = await webhooks.add('http://127.0.0.1:1/', ['order.pending']);
        const made = performance.now();
        await untilMore(40);
        const leaving = performance.now();
        await webhooks.remove(id);
        lives.push({ id, asked, made, leaving, gone: performance.now() });
        await untilMore(10);
      }
      running = false;
      await crowd;
      for (const { id, asked, made, leaving, gone } of lives) {
        const rows = await shop.db<{ subject_id: string }[]>`
          select subject_id from webhook_deliveries where webhook_id = ${id}`;
        const owed = new Set(rows.map(({ subject_id }) => subject_id));
        expect(owed.size).toBe(rows.length);
        for (const order of seen) {
          if (order.begunAt > made && order.endedAt < leaving) expect(owed.has(order.id)).toBeTrue();
          if (order.endedAt < asked || order.begunAt > gone) expect(owed.has(order.id)).toBeFalse();
        }
        expect(owed.size).toBeGreaterThan(20);
      }
    }, 60_000);
  });
});

describe('webhooks over a queue in Postgres', () => {
  let small: Shop;

  beforeAll(async () => {
    small = await startShop({ queue: 'postgres', env: { WEBHOOK_TARGETS: 'any' } });
  });

  afterAll(() => small.stop());

  test('when an order is placed › are told of it', async () => {
    const receiver = await startReceiver();
    receivers.push(receiver);
    const token = await signInAdmin(small.url);
    const buyer = await registerCustomer(small.url);
    const there = () => ({ url: small.url, customerToken: buyer.token, adminToken: token });
    const { secret } = await createWebhookClient(there).add(receiver.url);
    const client = createShopClient((method, path, options) => request(small.url, method, path, options), there);
    const { body: order } = await client.place([{ productId: (await client.product()).id, quantity: 1 }]);
    const event = await eventually(() => receiver.of('order.pending')[0]);
    expect(verify(event, secret).data).toMatchObject({ id: order.id });
  });
});

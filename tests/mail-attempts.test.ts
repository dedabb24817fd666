import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { pino } from 'pino';
import { openDatabase } from '../src/db/client.ts';
import { readBacklog } from '../src/domain/outbox/backlog.ts';
import { mailOutbox } from '../src/domain/outbox/kinds.ts';
import { type AttemptOutcome, createDelivery } from '../src/jobs/delivery.ts';
import { createMailer } from '../src/jobs/mailer.ts';
import { openOutboxQueue } from '../src/jobs/queues.ts';
import { createScheduler } from '../src/jobs/scheduler.ts';
import { mailDelivery } from '../src/jobs/send-mail.ts';
import { openQueueConnection } from '../src/lib/redis.ts';
import type { MailBody } from '../src/schema/mails.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import { readSettings } from '../src/settings.ts';
import { freePort } from '../standalone/ports.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, createProduct, placeOrder, request, signInAdmin } from './support/client.ts';
import { newestToken } from './support/mail-tokens.ts';
import { scrape } from './support/metrics.ts';
import { mailsOf } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const silentLog = pino({ level: 'silent' });

/** A worker's way with mails in this process, so that a test says when it sends which. */
type Hand = {
  send: (...ids: string[]) => Promise<void>;
  outcomes: AttemptOutcome[];
  /** The `application_name` of its sessions. */
  name: string;
};

let shop: Shop;
let buyer: Account;
let adminToken: string;
let mugId: string;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  // Nobody else sends.
  shop = await startShop({ workers: 0 });
  adminToken = await signInAdmin(shop.url);
  buyer = await openAccount(shop);
  mugId = (await createProduct(shop.url, adminToken, { stock: 1_000 })).id;
});

afterEach(async () => {
  shop.mail.become('accept');
  await shop.mail.link.restore();
  for (const close of closers.splice(0)) await close();
});

afterAll(() => shop.stop());

function openHand(name = 'hand', unverifiedMailsPerHour = 0): Hand {
  const { db, close } = openDatabase(shop.databaseUrl, { poolSize: 4, applicationName: name });
  const settings = readSettings({ SMTP_URL: shop.smtpUrl, MAIL_FROM: 'Shop <shop@example.com>' });
  const { mailServer, mailFrom } = settings;
  if (!mailServer) throw new Error('There is no mail server.');
  const mailer = createMailer(mailServer, mailFrom, 20);
  const terms = { ...settings, tokenSecret: 'known to every suite and to nobody else', unverifiedMailsPerHour };
  const outcomes: AttemptOutcome[] = [];
  const onOutcome = (outcome: AttemptOutcome) => outcomes.push(outcome);
  const { take, drained } = createDelivery(mailDelivery(mailOutbox, mailer, terms, { urgent: false }), {
    db,
    log: silentLog,
    onOutcome,
    onEnd: () => {},
    onError: () => {},
    stopping: () => false,
  });
  closers.push(
    () => mailer.close(),
    () => close(1_000),
  );
  const send = async (...ids: string[]) => {
    await take({ rows: ids.map((id) => ({ id })) });
    await drained();
  };
  return { send, outcomes, name };
}

type Row = { id: string; state: string; attempts: number; last_error: string | null; due_at: Date | null };

const place = () => placeOrder(shop.url, buyer.token, [{ productId: mugId, quantity: 1 }]);

/** The newest mail of an order. */
async function mailOf({ id }: Pick<OrderBody, 'id'>): Promise<Row> {
  const [row] = await shop.db<Row[]>`
    select id, state, attempts, last_error, due_at from mails where order_id = ${id} order by id desc limit 1`;
  if (!row) throw new Error(`The order ${id} has no mail.`);
  return row;
}

const messagesOf = ({ id }: Pick<OrderBody, 'id'>) =>
  shop.mail.messages.filter(({ headers }) => headers['x-order-id'] === id);

describe('the mail of a job', () => {
  describe('when two workers claim it at the same time', () => {
    test('is sent by one of them', async () => {
      const hands = [openHand('hand one'), openHand('hand other')];
      const order = await place();
      const { id } = await mailOf(order);
      let sending: Promise<void>[] = [];
      await shop.db.begin(async (sql) => {
        await sql`select 1 from mails where id = ${id} for update`;
        sending = hands.map(({ send }) => send(id));
        await eventually(async () => {
          const waiting = await shop.db`
            select 1 from pg_stat_activity
            where datname = current_database() and application_name like 'hand %' and wait_event_type = 'Lock'`;
          return waiting.length === hands.length;
        });
      });
      await Promise.all(sending);
      expect(hands.flatMap(({ outcomes }) => outcomes)).toEqual(['sent']);
      expect(messagesOf(order)).toHaveLength(1);
      expect(await mailOf(order)).toMatchObject({ state: 'sent', attempts: 1 });
    });
  });

  describe('when one worker is given it twice at once', () => {
    test('is sent once', async () => {
      const { send, outcomes } = openHand();
      const order = await place();
      const { id } = await mailOf(order);
      await Promise.all([send(id), send(id), send(id)]);
      expect(outcomes).toEqual(['sent']);
      expect(messagesOf(order)).toHaveLength(1);
    });
  });

  describe('when it fails after it has passed into other hands', () => {
    test.each([
      ['is being sent by another', { state: 'sending', attempts: 2 }],
      ['has been sent by another', { state: 'sent', attempts: 2 }],
      ['is to be tried again', { state: 'queued', attempts: 1 }],
      ['has been sent, which was thought lost', { state: 'sent', attempts: 1 }],
    ])('and %s › changes nothing about it', async (_how, { state, attempts }) => {
      const { send } = openHand();
      const order = await place();
      const { id } = await mailOf(order);
      shop.mail.link.hang();
      const sending = send(id);
      await eventually(async () => (await mailOf(order)).state === 'sending');
      await shop.db`update mails set state = ${state}, attempts = ${attempts} where id = ${id}`;
      const before = await mailOf(order);
      shop.mail.become({ refuseWith: 550 });
      await shop.mail.link.restore();
      await sending;
      expect(await mailOf(order)).toEqual(before);
    });
  });

  describe('when it has been refused for a day', () => {
    test.each([
      ['23 hours', 'is to be tried again', { state: 'queued', due_at: expect.any(Date) }],
      ['25 hours', 'is given up', { state: 'failed', due_at: null }],
    ])('or rather %s › %s', async (age, _becomes, expected) => {
      const { send } = openHand();
      const order = await place();
      const { id } = await mailOf(order);
      await shop.db`
        update mails set attempts = 99, created_at = created_at - ${age}::interval where id = ${id}`;
      shop.mail.become({ refuseWith: 451 });
      await send(id);
      expect(await mailOf(order)).toMatchObject({ attempts: 100, last_error: expect.any(String), ...expected });
    });
  });

  describe('when it is sent after it was refused', () => {
    test('no longer has an error', async () => {
      const { send, outcomes } = openHand();
      const order = await place();
      const { id } = await mailOf(order);
      shop.mail.become({ refuseWith: 451 });
      await send(id);
      expect(await mailOf(order)).toMatchObject({ state: 'queued', last_error: expect.stringContaining('451') });
      shop.mail.become('accept');
      await send(id);
      expect(await mailOf(order)).toMatchObject({ state: 'sent', last_error: null, due_at: null });
      expect(outcomes).toEqual(['refused', 'sent']);
    });
  });
});

describe('mails to an address that nobody has confirmed', () => {
  type Kept = { id: string; state: string; attempts: number; last_error: string | null; until: string | null };
  const mailsOf = async (orders: OrderBody[]) =>
    shop.db<Kept[]>`
      select id, state, attempts, last_error, deferred_until::text as until from mails
      where order_id in ${shop.db(orders.map(({ id }) => id))} order by id`;
  const placeFor = async (account: Account, count: number) => {
    const orders: OrderBody[] = [];
    for (let placed = 0; placed < count; placed += 1) {
      orders.push(await placeOrder(shop.url, account.token, [{ productId: mugId, quantity: 1 }]));
    }
    return orders;
  };
  const ids = (rows: Kept[]) => rows.map(({ id }) => id);
  /** As if so much time had gone by since they went. */
  const pass = (interval: string) => shop.db`
    update unconfirmed_mails set claimed_at = claimed_at - ${interval}::interval`;

  describe('when there are more than may go in an hour', () => {
    test('go as far as they may, the oldest first; the others wait, untried, until there is room', async () => {
      const { send } = openHand('hand', 3);
      const orders = await placeFor(await openAccount(shop), 5);
      await send(...ids(await mailsOf(orders)));
      const rows = await mailsOf(orders);
      expect(rows.map(({ state }) => state)).toEqual(['sent', 'sent', 'sent', 'queued', 'queued']);
      for (const { attempts, last_error, until } of rows.slice(3)) {
        expect({ attempts, last_error }).toEqual({ attempts: 0, last_error: null });
        expect(Date.parse(until ?? '') - Date.now()).toBeWithin(59 * 60_000, 61 * 60_000);
      }
      // Those that take them up before find no room, at whatever minute.
      await pass('59 minutes');
      await send(...ids(rows));
      expect((await mailsOf(orders)).filter(({ state }) => state === 'sent')).toHaveLength(3);
      await pass('2 minutes');
      await send(...ids(rows));
      expect((await mailsOf(orders)).map(({ state }) => state)).toEqual(orders.map(() => 'sent'));
      for (const order of orders) expect(messagesOf(order)).toHaveLength(1);
    });

    test('are counted by address, whichever accounts have had it, and however many workers send', async () => {
      const first = await openAccount(shop);
      const orders = await placeFor(first, 3);
      await shop.db`update customers set deleted_at = now() where id = ${first.id}`;
      const second = await openAccount(shop, { email: first.email.toUpperCase() });
      orders.push(...(await placeFor(second, 3)));
      const hands = ['one', 'other'].map((name) => openHand(name, 4));
      const all = ids(await mailsOf(orders));
      await Promise.all(hands.flatMap(({ send }) => all.map((id) => send(id))));
      expect((await mailsOf(orders)).filter(({ state }) => state === 'sent')).toHaveLength(4);
      expect(orders.flatMap(messagesOf)).toHaveLength(4);
    });

    test('do not keep back those of others, of confirmed addresses, or that a person waits for', async () => {
      const { send } = openHand('hand', 1);
      const ada = await openAccount(shop);
      const bob = await openAccount(shop);
      const orders = await placeFor(ada, 2);
      const others = await placeFor(bob, 2);
      await shop.db`update customers set email_verified_at = now() where id = ${bob.id}`;
      await send(...ids(await mailsOf([...orders, ...others])));
      const states = async (of: OrderBody[]) => (await mailsOf(of)).map(({ state }) => state);
      expect(await states(orders)).toEqual(['sent', 'queued']);
      expect(await states(others)).toEqual(['sent', 'sent']);
      const [last] = (await mailsOf(orders)).slice(1);
      // As far as the limit is concerned; its text is that of the order.
      await shop.db`
        update mails set kind = 'password_reset', customer_id = ${ada.id} where id = ${last?.id ?? ''}`;
      await send(last?.id ?? '');
      expect(await states(orders)).toEqual(['sent', 'sent']);
    });
  });

  describe('when one of them would confirm the address', () => {
    const verificationOf = async ({ token, email }: Account) => {
      const asked = await request(shop.url, 'POST', '/api/auth/email/send-verification', { token });
      expect(asked.status).toBe(202);
      const [row] = await shop.db<{ id: string }[]>`
        select id from mails where kind = 'email_verification' and address = ${email}`;
      return row?.id ?? '';
    };
    const stateOf = async (id: string) => (await shop.db`select state from mails where id = ${id}`)[0]?.state;

    test('goes before all others, whoever takes them up', async () => {
      const ada = await openAccount(shop);
      const orders = await placeFor(ada, 3);
      const id = await verificationOf(ada);
      const all = ids(await mailsOf(orders));
      // A worker that has only the others keeps a place free for it.
      await openHand('one', 2).send(...all);
      expect((await mailsOf(orders)).map(({ state }) => state)).toEqual(['sent', 'queued', 'queued']);
      await openHand('other', 2).send(...all, id);
      expect(await stateOf(id)).toBe('sent');
      expect((await mailsOf(orders)).map(({ state }) => state)).toEqual(['sent', 'queued', 'queued']);

      const bob = await openAccount(shop);
      const others = await placeFor(bob, 2);
      const second = await verificationOf(bob);
      await openHand('third', 2).send(...ids(await mailsOf(others)), second);
      expect(await stateOf(second)).toBe('sent');
      expect((await mailsOf(others)).map(({ state }) => state)).toEqual(['sent', 'queued']);
    });

    test('counts, and is kept back when there is no room', async () => {
      const ada = await openAccount(shop);
      const orders = await placeFor(ada, 2);
      await openHand('one', 2).send(...ids(await mailsOf(orders)));
      const id = await verificationOf(ada);
      const { send } = openHand('other', 2);
      await send(id);
      expect(await stateOf(id)).toBe('queued');
      await pass('2 hours');
      const more = await placeFor(ada, 2);
      await send(...ids(await mailsOf(more)));
      await send(id);
      expect(await stateOf(id)).toBe('sent');
      expect((await mailsOf(more)).map(({ state }) => state)).toEqual(['sent', 'queued']);
    });
  });

  describe('when their address is confirmed', () => {
    test.each([
      ['by a mail for it', 'email_verification', 'email/send-verification', 'email/verify', {}],
      ['by a new password', 'password_reset', 'password/forgot', 'password/reset', { newPassword: 'a new secret' }],
    ] as const)('%s › are due at once', async (_how, kind, askPath, usePath, more) => {
      const ada = await openAccount(shop);
      const orders = await placeFor(ada, 3);
      const { send } = openHand('hand', 1);
      await send(...ids(await mailsOf(orders)));
      const due = () => shop.db<{ due: boolean }[]>`
        select due_at <= clock_timestamp() as due from mails
        where order_id = any(${orders.map(({ id }) => id)}) and state = 'queued'`;
      expect((await due()).map((row) => row.due)).toEqual([false, false]);
      const options = kind === 'password_reset' ? { body: { email: ada.email } } : { token: ada.token };
      expect((await request(shop.url, 'POST', `/api/auth/${askPath}`, options)).status).toBe(202);
      const body = { token: await newestToken(shop.db, kind, ada.id), ...more };
      expect((await request(shop.url, 'POST', `/api/auth/${usePath}`, { body })).status).toBe(204);
      expect((await due()).map((row) => row.due)).toEqual([true, true]);
      await send(...ids(await mailsOf(orders)));
      expect((await mailsOf(orders)).map(({ state }) => state)).toEqual(['sent', 'sent', 'sent']);
    });
  });

  describe('when they have waited', () => {
    test('are neither late, as the metrics have it, nor given up for that', async () => {
      const { send } = openHand('hand', 1);
      const orders = await placeFor(await openAccount(shop), 2);
      await send(...ids(await mailsOf(orders)));
      const [, kept] = await mailsOf(orders);
      const id = kept?.id ?? '';
      const { db, close } = openDatabase(shop.databaseUrl, { poolSize: 1, applicationName: 'test' });
      closers.push(() => close(1_000));
      // What others have left behind.
      await shop.db`update mails set state = 'sent', due_at = null where id <> ${id}`;
      await shop.db`update mails set created_at = created_at - interval '3 days' where id = ${id}`;
      expect((await readBacklog(db)).oldestUnsentMailSeconds).toBeLessThan(3_600);
      await shop.db`update mails set deferred_until = now() - interval '90 minutes' where id = ${id}`;
      expect((await readBacklog(db)).oldestUnsentMailSeconds).toBeWithin(5_400, 6_000);
      await pass('2 hours');
      shop.mail.become({ refuseWith: 451 });
      await send(id);
      expect((await mailsOf(orders))[1]).toMatchObject({ state: 'queued', attempts: 1 });
    });
  });
});

describe('a mail that nobody enqueues', () => {
  /** The mails of an order by status, and how long after their making they are due, in ms. */
  async function handovers({ id }: Pick<OrderBody, 'id'>): Promise<[string, number | null][]> {
    const rows = await shop.db<{ label: string; ms: number | null }[]>`
      select run || ' ' || status as label, extract(epoch from due_at - created_at)::float8 * 1000 as ms
      from mails where order_id = ${id} order by id`;
    return rows.map(({ label, ms }) => [label, ms]);
  }

  /** Moves what is due, and loses its mails. */
  async function sweepInVain(): Promise<void> {
    const { db, close } = openDatabase(shop.databaseUrl, { poolSize: 2, applicationName: 'test' });
    const sweep = createScheduler({
      db,
      orderStatusIntervalMs: 3_600_000,
      enqueue: async () => {},
      onMoved: () => {},
      relays: {},
      log: silentLog,
      stopping: () => false,
    });
    await sweep();
    await close(1_000);
  }

  describe('when an order is placed, cancelled, restored, moved on or deleted', () => {
    test('is due within seconds, whatever it is of', async () => {
      const order = await place();
      const { token } = buyer;
      await request(shop.url, 'PATCH', `/api/orders/cancel/${order.id}`, { token });
      await request(shop.url, 'PATCH', `/api/orders/restore/${order.id}`, { token });
      await shop.db`
        update orders set next_status_at = now(), created_at = created_at - interval '25 hours' where id = ${order.id}`;
      await eventually(async () => {
        await sweepInVain();
        const [row] = await shop.db`select 1 from orders where id = ${order.id} and status = 'processing'`;
        return row;
      });
      expect((await request(shop.url, 'DELETE', `/api/orders/${order.id}`, { token })).status).toBe(204);
      const found = await handovers(order);
      expect(found.map(([label]) => label).toSorted()).toEqual(
        ['1 cancelled', '1 pending', '2 cancelled', '2 pending', '2 processing'].toSorted(),
      );
      // The first ones may have been taken up by the sweep already, and are due again later then.
      for (const [label, ms] of found) expect([label, ms]).toEqual([label, expect.any(Number)]);
      const ofStep = found.find(([label]) => label === '2 processing')?.[1];
      expect(ofStep).toBeWithin(1, 10_001);
    });
  });
});

describe('the queue of mails', () => {
  describe('when many are enqueued', () => {
    test('has a job for some dozens of them, and a lone one in a job of its own', async () => {
      const { redis } = readSettings({ REDIS_URL: shop.redisUrl });
      if (!redis) throw new Error('There is no Redis.');
      const errors: unknown[] = [];
      const onError = (error: unknown) => void errors.push(error);
      const connection = openQueueConnection(redis, 'request', onError);
      const queue = await openOutboxQueue(
        'test-batches',
        { kind: 'redis', skipVersionCheck: false, ...connection },
        onError,
      );
      closers.push(() => queue.close(), connection.close);
      const ids = Array.from({ length: 60 }, () => crypto.randomUUID());
      await eventually(() => queue.depth());
      await queue.enqueue(ids, 'test');
      expect((await queue.depth()).waiting).toBe(3);
      await queue.enqueue(ids.slice(0, 1), 'test');
      expect((await queue.depth()).waiting).toBe(4);
      expect(errors).toEqual([]);
    });
  });
});

// Each has a shop of its own, and they wait at the same time.
describe('POST /api/mails/:id/send', () => {
  describe('when Redis is away', () => {
    test.concurrent('is answered, and the mail arrives once Redis is back, empty', async () => {
      const own = await startShop();
      try {
        const token = await signInAdmin(own.url);
        const ada = await openAccount(own);
        const { id: productId } = await createProduct(own.url, token);
        own.mail.become({ refuseWith: 550 });
        const order = await placeOrder(own.url, ada.token, [{ productId, quantity: 1 }]);
        const failed = () =>
          request<{ data: MailBody[] }>(own.url, 'GET', `/api/mails?state=failed&orderId=${order.id}`, { token });
        const mail = await eventually(async () => (await failed()).body.data[0]);
        own.mail.become('accept');
        await own.redisLink.cut();
        const { status, body } = await request<MailBody>(own.url, 'POST', `/api/mails/${mail.id}/send`, { token });
        expect({ status, state: body.state }).toEqual({ status: 200, state: 'queued' });
        await own.redis.flushdb();
        await own.redisLink.restore();
        await eventually(() => own.mail.messages.length > 0, { withinMs: 20_000 });
        await eventually(async () => {
          const [row] = await own.db`select 1 from mails where id = ${mail.id} and state = 'sent'`;
          return row;
        });
        expect(own.mail.messages).toHaveLength(1);
      } finally {
        await own.stop();
      }
    });
  });
});

describe('the mails of a shop', () => {
  describe('when its worker lives in another time zone', () => {
    test.concurrent('name the day in UTC', async () => {
      const own = await startShop({ workers: 0 });
      try {
        const ada = await openAccount(own);
        const { id: productId } = await createProduct(own.url, await signInAdmin(own.url));
        const orders = [];
        for (const at of ['2026-01-31T00:30:00Z', '2026-01-31T23:30:00Z']) {
          const order = await placeOrder(own.url, ada.token, [{ productId, quantity: 1 }]);
          await own.db`update orders set created_at = ${at} where id = ${order.id}`;
          orders.push(order);
        }
        // A day ahead of UTC for 14 hours, and a day behind for 11.
        for (const TZ of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
          await own.db`update mails set state = 'queued', due_at = now()`;
          const before = own.mail.messages.length;
          const worker = await own.startWorker({ TZ });
          await eventually(() => own.mail.messages.length === before + orders.length);
          expect(await worker.stop()).toBe(0);
        }
        for (const { text } of own.mail.messages) expect(text).toContain('31 January 2026');
      } finally {
        await own.stop();
      }
    });
  });

  describe('when Postgres goes away while a failure is to be recorded', () => {
    test.concurrent('are tried again once it is back, and sent once', async () => {
      const own = await startShop({ workers: 0 });
      try {
        const port = await freePort();
        const worker = await own.startWorker({ METRICS_PORT: String(port) });
        const ada = await openAccount(own);
        const { id: productId } = await createProduct(own.url, await signInAdmin(own.url));
        own.mail.link.hang();
        const order = await placeOrder(own.url, ada.token, [{ productId, quantity: 1 }]);
        await eventually(() => own.db`select 1 from mails where order_id = ${order.id} and state = 'sending'`);
        await own.postgresLink.cut();
        own.mail.become({ refuseWith: 451 });
        await own.mail.link.restore();
        await eventually(() => worker.log().some(({ msg }) => msg === 'mail refused'), { withinMs: 10_000 });
        // Not the first job that fails without Postgres, which is the sweep: this one waits for it as long as it may.
        await eventually(
          async () => {
            const samples = await scrape(`http://127.0.0.1:${port}`);
            return samples.value('shop_job_duration_seconds_count', { name: 'send-mail', ok: 'false' }) === 1;
          },
          { withinMs: 30_000 },
        );
        own.mail.become('accept');
        await own.postgresLink.restore();
        await eventually(() => own.db`select 1 from mails where order_id = ${order.id} and state = 'sent'`, {
          withinMs: 30_000,
        });
        expect(own.mail.messages).toHaveLength(1);
      } finally {
        await own.stop();
      }
    });
  });
});

describe('a step of an order', () => {
  describe('when its worker is killed in the middle of it', () => {
    test.concurrent('is made by another one, once, with its mail', async () => {
      const own = await startShop();
      try {
        const ada = await openAccount(own);
        const { id: productId } = await createProduct(own.url, await signInAdmin(own.url));
        const order = await placeOrder(own.url, ada.token, [{ productId, quantity: 1 }]);
        await eventually(() => own.mail.messages.length === 1);
        await own.db.begin(async (sql) => {
          // The order has moved by then, and its mail cannot be written.
          await sql`lock table mails in share row exclusive mode`;
          await sql`select 1`;
          await own.db`update orders set next_status_at = now() where id = ${order.id}`;
          await eventually(
            () => own.db`
              select 1 from pg_stat_activity
              where datname = current_database() and application_name = 'shop worker' and wait_event_type = 'Lock'
                and query like '%order_history%'`,
          );
          await own.worker(0).kill();
        });
        await own.startWorker();
        await eventually(() => own.db`select 1 from orders where id = ${order.id} and status = 'processing'`);
        const history = () =>
          own.db`select status from order_history where order_id = ${order.id} order by at`.values();
        expect((await history()).flat()).toEqual(['pending', 'processing']);
        expect(await mailsOf(own.db, order.id)).toEqual(['1 pending', '1 processing']);
        await eventually(() => own.mail.messages.length === 2, { withinMs: 30_000 });
        const statuses = own.mail.messages.map(({ headers }) => headers['x-order-status']);
        expect(statuses).toEqual(['pending', 'processing']);
      } finally {
        await own.stop();
      }
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type SQL, sql } from 'drizzle-orm';
import { pino } from 'pino';
import { type DatabaseClient, openDatabase, type Transaction } from '../src/db/client.ts';
import { withTransaction } from '../src/db/transaction.ts';
import { pauseSchedule } from '../src/domain/orders/lifecycle.ts';
import { orderMailOutbox, webhookOutbox } from '../src/domain/outbox/kinds.ts';
import type { OutboxKind } from '../src/domain/outbox/outbox.ts';
import { createRelay } from '../src/jobs/relay.ts';
import { createScheduler } from '../src/jobs/scheduler.ts';
import { openTestbed, type Testbed } from './support/testbed.ts';
import { eventually } from './support/wait.ts';

const orderCount = 5_000;
/** How many mails one sweep enqueues at most, as often as it turns to them. */
const mailsPerTurnMax = 3_000;

let bed: Testbed;
let client: DatabaseClient;

beforeAll(async () => {
  bed = await openTestbed();
  client = openDatabase(bed.databaseUrl, { poolSize: 2, applicationName: 'test' });
  await bed.db`
    with buyer as (
      insert into customers (id, name, email, password_hash, created_at, updated_at)
      values (uuid_v7(), 'Ada', 'ada@example.com', '', now(), now()) returning id
    )
    insert into orders (id, customer_id, status, total_cents, currency, next_status_at, created_at, updated_at)
    select uuid_v7(), id, 'pending', 100, 'USD', now() - interval '1 minute', now(), now()
    from buyer, generate_series(1, ${orderCount})`;
});

afterAll(async () => {
  await client.close(1_000);
  await bed.close();
});

type SweepOptions = { waiting?: number; kind?: OutboxKind; looksFor?: OutboxKind };

/** One sweep, and the mails that it enqueued, into a queue where so many jobs wait. */
async function sweep(options: SweepOptions = {}): Promise<string[]> {
  const { waiting = 0, kind = orderMailOutbox, looksFor = kind } = options;
  const queued: string[] = [];
  const queue = {
    enqueue: async (ids: string[]) => void queued.push(...ids),
    depth: async () => ({ waiting }),
  };
  const stopping = () => false;
  const onError = (error: unknown) => {
    throw error;
  };
  const run = createScheduler({
    db: client.db,
    orderStatusIntervalMs: 3_600_000,
    enqueue: queue.enqueue,
    onMoved: () => {},
    relays: { mails: { ...createRelay({ db: client.db, kind, queue, onError, stopping }), kind: looksFor } },
    log: pino({ level: 'silent' }),
    stopping,
  });
  await run();
  return queued;
}

describe('a sweep', () => {
  describe('when a long backlog of orders is due', () => {
    test('moves all of them once, and leaves mails to later sweeps that the queue cannot carry off', async () => {
      const startedAt = Date.now();
      const queued = await sweep();
      // Only on a machine so busy that what was enqueued is due again by then.
      const againMax = Math.floor((Date.now() - startedAt) / orderMailOutbox.handoverMs);
      const rows = await bed.db<{ status: string; count: number }[]>`
        select status, count(*)::int as count from orders group by status`;
      expect([...rows]).toEqual([{ status: 'processing', count: orderCount }]);
      const [mails] = await bed.db<{ count: number }[]>`select count(*)::int as count from mails`;
      expect(mails?.count).toBe(orderCount);
      expect(queued.length).toBeWithin(1, mailsPerTurnMax * (1 + 2 * againMax) + 1);
      const times = new Map<string, number>();
      for (const id of queued) times.set(id, (times.get(id) ?? 0) + 1);
      expect(Math.max(...times.values())).toBeLessThanOrEqual(1 + againMax);

      // Whatever has become of what was enqueued, each is due by itself soon.
      const [waiting] = await bed.db<{ count: number }[]>`
        select count(*)::int as count from mails
        where due_at between created_at and clock_timestamp() + make_interval(secs => ${orderMailOutbox.handoverMs / 1_000 + 1})`;
      expect(waiting?.count).toBe(orderCount);

      const takenUp = new Set<string>();
      await eventually(
        async () => {
          for (const id of await sweep()) takenUp.add(id);
          return takenUp.size === orderCount;
        },
        { withinMs: 60_000, everyMs: 200 },
      );
    });
  });

  describe('when one kind of the outbox cannot be looked at', () => {
    const broken = { ...orderMailOutbox, due: () => sql`select id from mails where 1 / (select 0) = 1` };
    test.each([
      ['or taken up', { kind: broken }],
      ['but taken up', { looksFor: broken }],
    ])('%s › fails for that, and moves orders all the same', async (_how, kinds) => {
      const [order] = await bed.db`
        update orders set next_status_at = now()
        where id = (select id from orders where status = 'processing' limit 1) returning id`;
      await expect(sweep(kinds)).rejects.toThrow();
      expect(await bed.db`select status from orders where id = ${order?.id}`).toMatchObject([{ status: 'shipped' }]);
    });
  });

  describe('when more is owed than the workers can carry off', () => {
    test.each([
      [120, 0],
      [119, 25],
    ])('with %d jobs that wait already › enqueues what there is room for: %d', async (waiting, expected) => {
      await bed.db`update mails set due_at = now() - interval '1 second'`;
      expect(await sweep({ waiting })).toHaveLength(expected);
    });
  });
});

describe('a schedule that stands still', () => {
  describe('when an order is to be left without a plan', () => {
    test('notes it again where somebody has resumed it meanwhile', async () => {
      await bed.db`delete from schedule_pauses`;
      await withTransaction(client.db, pauseSchedule);
      let isResumed = false;
      await withTransaction(client.db, (tx) =>
        pauseSchedule({
          execute: async (query: SQL) => {
            const rows = await tx.execute(query);
            if (!isResumed) await bed.db`delete from schedule_pauses`;
            isResumed = true;
            return rows;
          },
        } as unknown as Transaction),
      );
      expect(await bed.db`select 1 from schedule_pauses`).toHaveLength(1);
      await bed.db`delete from schedule_pauses`;
    });
  });
});

describe('the relay of webhooks', () => {
  const queued: string[] = [];
  const relay = () =>
    createRelay({
      db: client.db,
      kind: webhookOutbox,
      queue: { enqueue: async (ids) => void queued.push(...ids), depth: async () => ({}) },
      onError: () => {},
      stopping: () => false,
    }).takeUp('test');

  async function owe(count: number, minutesAgo: number, state = 'live'): Promise<string> {
    const [row] = await bed.db<{ id: string }[]>`
      with made as (
        insert into webhooks (id, url, events, secret, failing_since, disabled_at, created_at, updated_at)
        values (uuid_v7(), 'http://127.0.0.1:1/', '{*}', 's', ${state === 'failing' ? new Date() : null},
          ${state === 'disabled' ? new Date() : null}, now(), now())
        returning id
      ), owed as (
        insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, created_at, due_at)
        select id, 'webhook.test', gen_random_uuid(), 1, '{}', now(), now() - make_interval(mins => ${minutesAgo})
        from made, generate_series(1, ${count})
      )
      select id from made`;
    return row?.id ?? '';
  }

  const takenUpOf = async (webhookId: string) =>
    (
      await bed.db`
      select 1 from webhook_deliveries where webhook_id = ${webhookId} and id = any(${queued.splice(0)}::uuid[])`
    ).length;

  describe('when a webhook that fails is owed more than there is room for, for longer than the others', () => {
    test('takes up all of theirs, and a few of what the other is owed', async () => {
      const failing = await owe(4_000, 60, 'failing');
      const busy = await owe(250, 30);
      const quiet = await owe(1, 0);
      const found: Record<string, number> = {};
      await relay();
      const taken = [...queued];
      for (const id of [failing, busy, quiet]) {
        queued.splice(0, queued.length, ...taken);
        found[id] = await takenUpOf(id);
      }
      expect(found[quiet]).toBe(1);
      expect(found[busy]).toBeWithin(200, 251);
      expect(found[failing]).toBeWithin(1, 13);
    });
  });

  describe('when webhooks are disabled or deleted', () => {
    test('gives up all that they are owed, and leaves what others are', async () => {
      await bed.db`truncate webhook_deliveries`;
      const disabled = await owe(1_200, 10, 'disabled');
      // Whose worker died with it.
      await bed.db`
        update webhook_deliveries set state = 'sending'
        where id = (select id from webhook_deliveries where webhook_id = ${disabled} limit 1)`;
      const live = await owe(5, 10);
      const deleted = await owe(5, -60);
      await bed.db`update webhooks set deleted_at = now() where id = ${deleted}`;
      queued.splice(0);
      expect(await relay()).toBe(5);
      const rows = await bed.db<{ webhook_id: string; state: string; count: number }[]>`
        select webhook_id, state, count(*)::int as count from webhook_deliveries group by 1, 2`;
      expect(rows.toSorted((a, b) => b.count - a.count || a.webhook_id.localeCompare(b.webhook_id))).toEqual(
        [
          { webhook_id: disabled, state: 'failed', count: 1_200 },
          { webhook_id: live, state: 'queued', count: 5 },
          { webhook_id: deleted, state: 'failed', count: 5 },
        ].toSorted((a, b) => b.count - a.count || a.webhook_id.localeCompare(b.webhook_id)),
      );
    });
  });
});

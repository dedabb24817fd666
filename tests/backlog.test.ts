import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { pino } from 'pino';
import { type DatabaseClient, openDatabase } from '../src/db/client.ts';
import { mailOutbox } from '../src/domain/outbox/kinds.ts';
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

/** One sweep, and the mails that it enqueued, into a queue where so many jobs wait. */
async function sweep({ waiting = 0 } = {}): Promise<string[]> {
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
    relays: { mails: createRelay({ db: client.db, kind: mailOutbox, queue, onError, stopping }) },
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
      const againMax = Math.floor((Date.now() - startedAt) / mailOutbox.handoverMs);
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
        where due_at between created_at and clock_timestamp() + make_interval(secs => ${mailOutbox.handoverMs / 1_000 + 1})`;
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

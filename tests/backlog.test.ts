import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { pino } from 'pino';
import { type DatabaseClient, openDatabase } from '../src/db/client.ts';
import { createSweep } from '../src/jobs/sweep.ts';
import { openTestbed, type Testbed } from './support/testbed.ts';

const orderCount = 12_000;

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

/** One sweep, and the mails that it enqueued. */
async function sweep(): Promise<string[]> {
  const queued: string[] = [];
  const run = createSweep({
    db: client.db,
    orderStatusIntervalMs: 3_600_000,
    enqueue: async (mails) => void queued.push(...mails.map(({ id }) => id)),
    onMoved: () => {},
    log: pino({ level: 'silent' }),
    stopping: () => false,
  });
  await run();
  return queued;
}

describe('a sweep', () => {
  describe('when a long backlog of orders is due', () => {
    test('moves all of them once, and leaves mails to later sweeps that the queue cannot carry off', async () => {
      const queued = await sweep();
      const rows = await bed.db<{ status: string; count: number }[]>`
        select status, count(*)::int as count from orders group by status`;
      expect([...rows]).toEqual([{ status: 'processing', count: orderCount }]);
      const [mails] = await bed.db<{ count: number }[]>`select count(*)::int as count from mails`;
      expect(mails?.count).toBe(orderCount);
      expect(queued.length).toBeWithin(1, orderCount / 2);
      expect(new Set(queued).size).toBe(queued.length);

      await bed.db`update mails set due_at = now()`;
      const takenUp = new Set<string>();
      for (let sweeps = 0; takenUp.size < orderCount && sweeps < 10; sweeps += 1) {
        for (const id of await sweep()) takenUp.add(id);
      }
      expect(takenUp.size).toBe(orderCount);
    });
  });
});

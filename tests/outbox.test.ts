import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { pgTable } from 'drizzle-orm/pg-core';
import { pino } from 'pino';
import { type DatabaseClient, openDatabase } from '../src/db/client.ts';
import { mailOutbox } from '../src/domain/outbox/kinds.ts';
import { type Claim, claiming, type OutboxKind, type Outcome } from '../src/domain/outbox/outbox.ts';
import { createDelivery } from '../src/jobs/delivery.ts';
import type { QueueBackend } from '../src/jobs/queue-backend.ts';
import { openOutboxQueue } from '../src/jobs/queues.ts';
import { createRelay } from '../src/jobs/relay.ts';
import { startWorkers } from '../src/jobs/workers.ts';
import { createClosers } from '../src/lib/closers.ts';
import { openQueueConnection } from '../src/lib/redis.ts';
import { readSettings } from '../src/settings.ts';
import { openTestbed, type Testbed } from './support/testbed.ts';
import { eventually } from './support/wait.ts';

/** A kind of the outbox beside the mails, in a table of its own. */
const parcels: OutboxKind = { ...mailOutbox, table: pgTable('parcels', {}) };
const letters: OutboxKind = { ...mailOutbox, table: pgTable('letters', {}) };

let bed: Testbed;
let client: DatabaseClient;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  bed = await openTestbed();
  client = openDatabase(bed.databaseUrl, { poolSize: 4, applicationName: 'test' });
  for (const table of ['parcels', 'letters']) await bed.db.unsafe(`create table ${table} (like mails including all)`);
});

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  await bed.db`delete from parcels`;
  await bed.db`delete from letters`;
});

afterAll(async () => {
  await client.close(1_000);
  await bed.close();
});

/** What is owed of a kind, due in a while, so that nobody but its job takes it up. */
async function owe(table: 'parcels' | 'letters', count: number): Promise<{ id: string }[]> {
  const rows = await bed.db<{ id: string }[]>`
    insert into ${bed.db(table)} (order_id, run, status, created_at, due_at)
    select gen_random_uuid(), 1, 'pending', now(), now() + interval '1 hour' from generate_series(1, ${count})
    returning id`;
  return [...rows];
}

const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id);

const sentOf = async (table: 'parcels' | 'letters') =>
  (await bed.db`select 1 from ${bed.db(table)} where state = 'sent'`).length;

/** One kind's part of a worker, which hands over as it is told. */
function openDelivery(kind: OutboxKind, word: string, handOver: (claim: Claim) => Promise<Outcome>) {
  const claim = async (tx: Parameters<Parameters<typeof client.db.transaction>[0]>[0], ids: string[]) => {
    const rows = await tx.execute<{ id: string; attempts: number }>(
      sql`with ${claiming(kind, ids)} select id, attempts from claimed`,
    );
    return new Map(rows.map((row) => [row.id, row]));
  };
  return createDelivery(
    { ...kind, word, plural: `${word}s`, claim, handOver, inHandMax: () => 60, facts: () => ({}) },
    {
      db: client.db,
      log: pino({ level: 'silent' }),
      onOutcome: () => {},
      onEnd: () => {},
      onError: () => {},
      stopping: () => false,
    },
  );
}

const payloadOf = (rows: { id: string }[]) => ({ rows: rows.map(({ id }) => ({ id })) });

/** A receiver that answers nobody, or nobody but some, until it is let go. */
function openSilence(hangs: (id: string) => boolean) {
  const waiting: (() => void)[] = [];
  let silent = true;
  const handOver = async ({ id }: Claim): Promise<Outcome> => {
    if (silent && hangs(id)) await new Promise<void>((resolve) => waiting.push(resolve));
    return { result: 'sent' };
  };
  const letGo = () => {
    silent = false;
    for (const each of waiting.splice(0)) each();
  };
  return { handOver, letGo, waiting: () => waiting.length };
}

describe('a batch', () => {
  describe('when one of it takes long', () => {
    test('has the others handed over and recorded meanwhile, and the next batches, too', async () => {
      const rows = await owe('parcels', 75);
      const slow = rows[3]?.id;
      const silence = openSilence((id) => id === slow);
      const { take, drained } = openDelivery(parcels, 'parcel', silence.handOver);
      endings.push(drained, silence.letGo);
      // Resolved by the claim: the job is no longer needed, because the leases stand for it.
      for (const from of [0, 25, 50]) await take(payloadOf(rows.slice(from, from + 25)));
      await eventually(async () => (await sentOf('parcels')) === 74);
      const [row] = await bed.db`select state, attempts from parcels where id = ${slow ?? ''}`;
      expect(row).toEqual({ state: 'sending', attempts: 1 });
    });
  });

  describe('when it is claimed', () => {
    test('is claimed as a whole, and recorded in fewer transactions than it has rows', async () => {
      const rows = await owe('parcels', 25);
      const silence = openSilence(() => true);
      const { take, drained } = openDelivery(parcels, 'parcel', silence.handOver);
      await take(payloadOf(rows));
      const writers = () => bed.db`select distinct xmin from parcels`;
      await eventually(() => silence.waiting() === 25);
      expect(await writers()).toHaveLength(1);
      silence.letGo();
      await drained();
      expect(await sentOf('parcels')).toBe(25);
      expect((await writers()).length).toBeLessThan(5);
    });
  });

  describe('when its rows come twice, or others have them', () => {
    test('hands over each once', async () => {
      const rows = await owe('parcels', 10);
      const handed: string[] = [];
      const hands = [1, 2].map(() =>
        openDelivery(parcels, 'parcel', async ({ id }) => {
          handed.push(id);
          return { result: 'sent' };
        }),
      );
      await Promise.all([...hands, ...hands].map(({ take }) => take(payloadOf([...rows, ...rows]))));
      await Promise.all(hands.map(({ drained }) => drained()));
      expect(handed.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
    });
  });

  describe('when the turn of one does not come', () => {
    test('leaves it due at once, without an attempt or an error', async () => {
      const rows = await owe('parcels', 1);
      const { take, drained } = openDelivery(parcels, 'parcel', async () => ({ result: 'untried' }));
      await take(payloadOf(rows));
      await drained();
      const found = await bed.db`
        select state, attempts, last_error, due_at <= clock_timestamp() as due from parcels`;
      expect([...found]).toEqual([{ state: 'queued', attempts: 0, last_error: null, due: true }]);
    });
  });

  describe('when it is no batch', () => {
    test.each([[null], [{}], [{ rows: [{ id: 'x' }] }]])('is refused, and not tried again: %p', async (payload) => {
      const { take } = openDelivery(parcels, 'parcel', async () => ({ result: 'sent' }));
      await expect(take(payload)).rejects.toThrow('names no rows');
    });
  });
});

describe('a kind of the outbox', () => {
  describe('when the receiver of another hangs', () => {
    test('goes at its own pace, from its row to its record', async () => {
      const { redis } = readSettings({ REDIS_URL: bed.redisUrl });
      if (!redis) throw new Error('There is no Redis.');
      const closers = createClosers();
      endings.push(() => closers.close(() => {}));
      const onError = () => {};
      const connection = openQueueConnection(redis, 'worker', onError);
      closers.add('connection', connection.close);
      const backend: QueueBackend = { kind: 'redis', skipVersionCheck: false, ...connection };
      const silence = openSilence(() => true);
      const hanging = openDelivery(parcels, 'parcel', silence.handOver);
      const quick = openDelivery(letters, 'letter', async () => ({ result: 'sent' }));
      const queues = {
        parcels: await openOutboxQueue('parcel-batches', backend, onError),
        letters: await openOutboxQueue('letter-batches', backend, onError),
      };
      for (const [name, queue] of Object.entries(queues)) closers.add(name, queue.close);
      await startWorkers(
        backend,
        {
          sweep: async () => {},
          cleanUp: async () => {},
          batches: { 'parcel-batches': hanging.take, 'letter-batches': quick.take },
          drained: async () => void (await Promise.all([hanging.drained(), quick.drained()])),
        },
        { onQueueError: onError, onJobFailure: onError, onJobEnd: () => {} },
        closers,
      );
      // More than the hanging one can have in hand and fetched ahead.
      await queues.parcels.enqueue(idsOf(await owe('parcels', 400)), 'test');
      await eventually(() => silence.waiting() === 60);
      await queues.letters.enqueue(idsOf(await owe('letters', 100)), 'test');
      await eventually(async () => (await sentOf('letters')) === 100, { withinMs: 10_000 });
      expect(await sentOf('parcels')).toBe(0);

      // What was lost on the way is enqueued again by the relay of its kind alone.
      const lost = await owe('letters', 30);
      await bed.db`update letters set due_at = now() where state = 'queued'`;
      const relay = createRelay({
        db: client.db,
        kind: letters,
        queue: queues.letters,
        onError,
        stopping: () => false,
      });
      expect(await relay.takeUp('test')).toBe(lost.length);
      await eventually(async () => (await sentOf('letters')) === 130, { withinMs: 10_000 });
      silence.letGo();
      await eventually(async () => (await sentOf('parcels')) === 400, { withinMs: 10_000 });
    }, 45_000);
  });
});

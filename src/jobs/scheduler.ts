import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withReader, withTransaction } from '../db/transaction.ts';
import { advanceDueOrders, firstStepAfterPause, pauseSchedule, resumeSchedule } from '../domain/orders/lifecycle.ts';
import { type Due, findDue } from '../domain/outbox/backlog.ts';
import { msSince } from '../lib/elapsed.ts';
import type { OrderStatus } from '../schema/orders.ts';
import type { OutboxQueue } from './queues.ts';
import type { Relay } from './relay.ts';

const ordersPerBatch = 1_000;
/** After so many batches of a backlog of orders it is the turn of the mails. */
const orderBatchesMax = 20;
/** The mails of a longer backlog wait in the outbox, where they cost little, until the relay takes them up. */
const enqueuedAtOnceMax = 2_000;

type SchedulerNeeds = {
  db: Database;
  /** Null when no order moves by itself. */
  orderStatusIntervalMs: number | null;
  enqueue: OutboxQueue['enqueue'];
  onMoved: (entered: OrderStatus[]) => void;
  /** By the word for what it enqueues in log lines: `mails`. */
  relays: Record<string, Relay>;
  log: Logger;
  /** True once the process is to end; the rest is left to the next round. */
  stopping: () => boolean;
};

/**
 * What is done twice a second: the scheduler moves every order that is due, then the relays enqueue what is owed. Where
 * it cannot look for what there is to do, it tries all of it, and fails for that at the end.
 */
export function createScheduler(needs: SchedulerNeeds): () => Promise<void> {
  const { db, orderStatusIntervalMs, enqueue, onMoved, relays, log, stopping } = needs;

  const kinds = Object.fromEntries(Object.entries(relays).map(([name, { kind }]) => [name, kind]));
  const anything: Due = { schedulePaused: true, orders: true, owed: new Set(Object.keys(relays)) };
  let begun = false;

  /**
   * Notes at the first round that the schedule stands still, or has it go on after such a time. Later rounds plan what a
   * process whose interval is `never` has left without a plan.
   */
  async function keepSchedule({ schedulePaused }: Due): Promise<void> {
    if (orderStatusIntervalMs === null) {
      if (!begun) await withTransaction(db, pauseSchedule);
    } else if (schedulePaused) {
      const firstStepAt = await withTransaction(db, (tx) => firstStepAfterPause(tx, orderStatusIntervalMs));
      const plannedBefore = begun ? 'stay' : 'are put off';
      for (let more = firstStepAt !== null; firstStepAt && more && !stopping(); ) {
        more = await withTransaction(db, (tx) =>
          resumeSchedule(tx, { firstStepAt, plannedBefore, batchSizeMax: ordersPerBatch }),
        );
      }
    }
    begun = true;
  }

  async function moveDueOrders(due: Due, roundId: string): Promise<number> {
    await keepSchedule(due);
    if (orderStatusIntervalMs === null || !due.orders) return 0;
    let movedInAll = 0;
    for (let batches = 0; batches < orderBatchesMax && !stopping(); batches += 1) {
      const batch = await withTransaction(db, (tx) =>
        advanceDueOrders(tx, { batchSizeMax: ordersPerBatch, orderStatusIntervalMs }),
      );
      // Until nothing is due, because an order that is several steps late becomes due again at once.
      if (batch.entered.length === 0) break;
      movedInAll += batch.entered.length;
      onMoved(batch.entered);
      if (movedInAll <= enqueuedAtOnceMax) void enqueue(batch.mailIds, roundId);
    }
    return movedInAll;
  }

  return async () => {
    const requestId = randomUUID();
    const startedAt = performance.now();
    let moved = 0;
    const taken: Record<string, number> = {};
    let unseen: unknown = null;
    for (let movedNow = 1; movedNow > 0 && !stopping(); moved += movedNow) {
      // What keeps it from looking for one kind, as a right or a table that is missing, must not hold up the others.
      const due = await withReader(db, (reader) => findDue(reader, kinds)).catch((error: unknown) => {
        unseen = error;
        return anything;
      });
      movedNow = await moveDueOrders(due, requestId);
      // At the same time, so that none waits for a queue that another one asks.
      const relayed = Object.entries(relays).map(async ([name, { takeUp }]) => {
        const takenUp = due.owed.has(name) ? await takeUp(requestId) : 0;
        taken[name] = (taken[name] ?? 0) + takenUp;
      });
      await Promise.all(relayed);
    }
    // Most rounds find nothing, twice a second.
    const level = moved > 0 || Object.values(taken).some((count) => count > 0) ? 'info' : 'debug';
    log[level]({ requestId, moved, ...taken, durationMs: msSince(startedAt) }, 'sweep');
    if (unseen) throw unseen;
  };
}

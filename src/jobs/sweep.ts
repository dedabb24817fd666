import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { advanceDueOrders } from '../domain/orders/lifecycle.ts';
import { collectDueMails } from '../domain/outbox/mails.ts';
import { msSince } from '../lib/elapsed.ts';
import type { OrderStatus } from '../schema/orders.ts';
import type { MailQueue } from './queues.ts';

const ordersPerBatch = 1_000;
const mailsPerBatch = 500;
/** Enough to keep every worker busy until the next sweep, without enqueuing a whole backlog again and again. */
const mailBatchesMax = 4;
/** After so many batches of a backlog of orders it is the turn of the mails. */
const orderBatchesMax = 20;

type SweepNeeds = {
  db: Database;
  orderStatusIntervalMs: number;
  enqueue: MailQueue['enqueue'];
  onMoved: (entered: OrderStatus[]) => void;
  log: Logger;
  /** True once the process is to end; the rest is left to the next sweep. */
  stopping: () => boolean;
};

/** Moves every order that is due, then takes up the mails that are due and in nobody's hands. */
export function createSweep(needs: SweepNeeds): () => Promise<void> {
  const { db, orderStatusIntervalMs, enqueue, onMoved, log, stopping } = needs;

  async function advanceOrders(sweepId: string): Promise<number> {
    let movedInAll = 0;
    for (let batches = 0; batches < orderBatchesMax && !stopping(); batches += 1) {
      const batch = await withTransaction(db, (tx) =>
        advanceDueOrders(tx, { batchSizeMax: ordersPerBatch, orderStatusIntervalMs }),
      );
      // Until nothing is due, because an order that is several steps late becomes due again at once.
      if (batch.entered.length === 0) break;
      movedInAll += batch.entered.length;
      onMoved(batch.entered);
      // The mails of a backlog wait in the ledger, where they are cheap, until they are taken up below.
      if (movedInAll <= mailsPerBatch * mailBatchesMax) {
        const queued = batch.mailIds.map((id) => ({ id, attempts: 0 }));
        void enqueue(queued, sweepId);
      }
    }
    return movedInAll;
  }

  async function enqueueDueMails(sweepId: string): Promise<number> {
    let takenUp = 0;
    for (let batches = 0; batches < mailBatchesMax && !stopping(); batches += 1) {
      const due = await withTransaction(db, (tx) => collectDueMails(tx, { batchSizeMax: mailsPerBatch }));
      await enqueue(due, sweepId);
      takenUp += due.length;
      if (due.length < mailsPerBatch) break;
    }
    return takenUp;
  }

  return async () => {
    const requestId = randomUUID();
    const startedAt = performance.now();
    let [moved, mails] = [0, 0];
    for (let movedNow = 1; movedNow > 0 && !stopping(); moved += movedNow) {
      movedNow = await advanceOrders(requestId);
      mails += await enqueueDueMails(requestId);
    }
    // Most sweeps find nothing, twice a second.
    const level = moved + mails > 0 ? 'info' : 'debug';
    log[level]({ requestId, moved, mails, durationMs: msSince(startedAt) }, 'sweep');
  };
}

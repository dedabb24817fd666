import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { advanceDueOrders } from '../domain/lifecycle.ts';
import { collectDueMails } from '../domain/mails.ts';
import type { QueuedMail } from './queues.ts';

const ordersPerBatch = 500;
const mailsPerBatch = 500;
/** Enough to keep every worker busy until the next sweep, without enqueuing a whole backlog again and again. */
const mailBatchesMax = 4;

type SweepNeeds = {
  db: Database;
  orderStatusIntervalMs: number;
  enqueue: (mails: QueuedMail[]) => Promise<void>;
  /** True once the process is to end; the rest is left to the next sweep. */
  stopping: () => boolean;
};

/** Moves every order that is due, then takes up the mails that are due and in nobody's hands. */
export function createSweep({ db, orderStatusIntervalMs, enqueue, stopping }: SweepNeeds): () => Promise<void> {
  async function advanceOrders(): Promise<void> {
    // Until nothing is due, because an order that is several steps late becomes due again at once.
    for (let moved = 1; moved > 0 && !stopping(); ) {
      const batch = await withTransaction(db, (tx) =>
        advanceDueOrders(tx, { now: new Date(), batchSizeMax: ordersPerBatch, orderStatusIntervalMs }),
      );
      moved = batch.moved;
      void enqueue(batch.mailIds.map((id) => ({ id, attempts: 0 })));
    }
  }

  async function enqueueDueMails(): Promise<void> {
    for (let batches = 0; batches < mailBatchesMax && !stopping(); batches += 1) {
      const due = await withTransaction(db, (tx) =>
        collectDueMails(tx, { now: new Date(), batchSizeMax: mailsPerBatch }),
      );
      await enqueue(due);
      if (due.length < mailsPerBatch) return;
    }
  }

  return async () => {
    await advanceOrders();
    await enqueueDueMails();
  };
}

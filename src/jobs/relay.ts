import type { Database, Transaction } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { type OutboxKind, takeUpDue } from '../domain/outbox/outbox.ts';
import { databaseWaitMsMax, withDeadline } from '../lib/deadline.ts';
import { type OutboxQueue, rowsPerJob } from './queues.ts';

const rowsPerBatch = 500;
/**
 * So many jobs may wait: enough to keep every worker busy until its next round. What the queue cannot carry off stays in
 * the outbox, where it costs little; enqueued again and again, its jobs would be without number.
 */
const jobsWaitingMax = 120;

type RelayNeeds = {
  db: Database;
  kind: OutboxKind;
  /** What is to be seen to before rows are taken up; fewer than `batchSizeMax` means that it is done. */
  before?: (tx: Transaction, batch: { batchSizeMax: number }) => Promise<number>;
  queue: Pick<OutboxQueue, 'enqueue' | 'depth'>;
  onError: (error: unknown) => void;
  stopping: () => boolean;
};

/** Enqueues the rows of a kind that are owed and in nobody's hands. @returns how many */
export type Relay = (requestId: string) => Promise<number>;

/** Makes the relay of one kind of the outbox. */
export function createRelay({ db, kind, before, queue, onError, stopping }: RelayNeeds): Relay {
  /** A queue that does not answer has no room; the next round asks again. */
  async function room(): Promise<number> {
    try {
      const { waiting = 0 } = await withDeadline(queue.depth(), databaseWaitMsMax);
      return (jobsWaitingMax - waiting) * rowsPerJob;
    } catch (error) {
      onError(error);
      return 0;
    }
  }

  return async (requestId) => {
    for (let done = rowsPerBatch; before && done === rowsPerBatch && !stopping(); ) {
      done = await withTransaction(db, (tx) => before(tx, { batchSizeMax: rowsPerBatch }));
    }
    let takenUp = 0;
    for (let left = await room(); left > 0 && !stopping(); ) {
      const batchSizeMax = Math.min(rowsPerBatch, left);
      const ids = await withTransaction(db, (tx) => takeUpDue(tx, kind, { batchSizeMax }));
      await queue.enqueue(ids, requestId);
      takenUp += ids.length;
      left = ids.length < batchSizeMax ? 0 : left - ids.length;
    }
    return takenUp;
  };
}

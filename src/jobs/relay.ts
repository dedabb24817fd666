import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { giveUpLost, type OutboxKind, takeUpDue } from '../domain/outbox/outbox.ts';
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
  queue: Pick<OutboxQueue, 'enqueue' | 'depth'>;
  onError: (error: unknown) => void;
  stopping: () => boolean;
};

export type Relay = {
  kind: OutboxKind;
  /** Enqueues the rows of the kind that are owed and in nobody's hands. @returns how many */
  takeUp: (requestId: string) => Promise<number>;
};

/** Makes the relay of one kind of the outbox. */
export function createRelay({ db, kind, queue, onError, stopping }: RelayNeeds): Relay {
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

  async function takeUp(requestId: string): Promise<number> {
    for (let lost = rowsPerBatch; kind.lost && lost === rowsPerBatch && !stopping(); ) {
      lost = await withTransaction(db, (tx) => giveUpLost(tx, kind, { batchSizeMax: rowsPerBatch }));
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
  }

  return { kind, takeUp };
}

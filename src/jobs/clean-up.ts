import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { deleteOldIdempotencyRecords } from '../domain/clean-up.ts';

const batchSizeMax = 1_000;

/** Removes what has served its time, in batches small enough to hold no lock for long. */
export function createCleanUp(db: Database): () => Promise<void> {
  return async () => {
    for (let deleted = batchSizeMax; deleted === batchSizeMax; ) {
      deleted = await withTransaction(db, (tx) => deleteOldIdempotencyRecords(tx, { now: new Date(), batchSizeMax }));
    }
  };
}

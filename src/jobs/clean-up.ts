import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { deleteOldRequests } from '../domain/customers/mail-tokens.ts';
import { deleteExpiredSessions } from '../domain/customers/sessions.ts';
import { deleteOldIdempotencyRecords } from '../domain/orders/clean-up.ts';
import { deleteOldCounts } from '../domain/outbox/unconfirmed.ts';
import { deleteLostDeliveries, deleteOldDeliveries } from '../domain/outbox/webhook-deliveries.ts';
import { removeDeletedWebhooks } from '../domain/webhooks/webhooks.ts';
import { msSince } from '../lib/elapsed.ts';

const batchSizeMax = 1_000;
const steps = [
  deleteOldIdempotencyRecords,
  deleteOldCounts,
  deleteExpiredSessions,
  deleteOldRequests,
  deleteOldDeliveries,
  deleteLostDeliveries,
  removeDeletedWebhooks,
];

/** Removes what has served its time, in batches small enough to hold no lock for long. */
export function createCleanUp(db: Database, log: Logger): () => Promise<void> {
  return async () => {
    const startedAt = performance.now();
    let deletedInAll = 0;
    for (const deleteOld of steps) {
      for (let deleted = batchSizeMax; deleted === batchSizeMax; ) {
        deleted = await withTransaction(db, (tx) => deleteOld(tx, { batchSizeMax }));
        deletedInAll += deleted;
      }
    }
    log.info({ deleted: deletedInAll, durationMs: msSince(startedAt) }, 'clean-up');
  };
}

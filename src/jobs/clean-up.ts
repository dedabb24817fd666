import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { deleteOldRequests } from '../domain/customers/mail-tokens.ts';
import { eraseLongClosed } from '../domain/customers/privacy.ts';
import { deleteExpiredSessions } from '../domain/customers/sessions.ts';
import { deleteOldIdempotencyRecords } from '../domain/idempotency.ts';
import { deleteOldCounts } from '../domain/outbox/unconfirmed.ts';
import { deleteLostDeliveries, deleteOldDeliveries } from '../domain/outbox/webhook-deliveries.ts';
import { removeDeletedWebhooks } from '../domain/webhooks/webhooks.ts';
import { msSince } from '../lib/elapsed.ts';
import type { Settings } from '../settings.ts';

const batchSizeMax = 1_000;
/** Each takes a dozen statements, and all of a transaction have 4.5 s: enough for a Postgres that is 50 ms away. */
const erasedAtOnce = 5;

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
export function createCleanUp(
  db: Database,
  { customerEraseAfterMs: closedMs }: Pick<Settings, 'customerEraseAfterMs'>,
  log: Logger,
): () => Promise<void> {
  return async () => {
    const startedAt = performance.now();
    let deletedInAll = 0;
    for (const deleteOld of steps) {
      for (let deleted = batchSizeMax; deleted === batchSizeMax; ) {
        deleted = await withTransaction(db, (tx) => deleteOld(tx, { batchSizeMax }));
        deletedInAll += deleted;
      }
    }
    let erasedInAll = 0;
    if (closedMs !== undefined) {
      for (let erased = erasedAtOnce; erased === erasedAtOnce; ) {
        erased = await withTransaction(db, (tx) => eraseLongClosed(tx, { closedMs, batchSizeMax: erasedAtOnce }));
        erasedInAll += erased;
      }
    }
    const erased = closedMs === undefined ? {} : { erased: erasedInAll };
    log.info({ deleted: deletedInAll, ...erased, durationMs: msSince(startedAt) }, 'clean-up');
  };
}

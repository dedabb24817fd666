import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withReader, withTransaction } from '../db/transaction.ts';
import { deleteOldRequests } from '../domain/customers/mail-tokens.ts';
import { eraseLongClosed, findLongClosed } from '../domain/customers/privacy.ts';
import { deleteExpiredSessions } from '../domain/customers/sessions.ts';
import { deleteOldIdempotencyRecords } from '../domain/idempotency.ts';
import { deleteOldCounts } from '../domain/outbox/unconfirmed.ts';
import { deleteLostDeliveries, deleteOldDeliveries } from '../domain/outbox/webhook-deliveries.ts';
import { removeDeletedWebhooks } from '../domain/webhooks/webhooks.ts';
import { msSince } from '../lib/elapsed.ts';
import type { Settings } from '../settings.ts';

const batchSizeMax = 1_000;
const foundAtOnce = 100;
/** So many are passed over in a round, because they cannot be erased, or are held. */
const passedOverMax = 100;

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
  stopping: () => boolean,
): () => Promise<void> {
  /** Each in a transaction of its own, so that one of whom there is too much to be erased in its time holds up no other. */
  async function eraseAll(closedMs: number): Promise<number> {
    const passedOver: string[] = [];
    const find = () =>
      withReader(db, (reader) => findLongClosed(reader, { closedMs, except: passedOver, limit: foundAtOnce }));
    let erased = 0;
    for (let due = await find(); due.length > 0 && passedOver.length < passedOverMax; due = await find()) {
      for (const id of due) {
        if (stopping()) return erased;
        try {
          if (await withTransaction(db, (tx) => eraseLongClosed(tx, id, closedMs))) erased += 1;
          else passedOver.push(id);
        } catch (error) {
          log.error({ err: error, customerId: id }, 'an account could not be erased');
          passedOver.push(id);
          // They are looked for again, which tells whether it is Postgres that is away.
          break;
        }
      }
    }
    return erased;
  }

  return async () => {
    const startedAt = performance.now();
    let deletedInAll = 0;
    for (const deleteOld of steps) {
      for (let deleted = batchSizeMax; deleted === batchSizeMax && !stopping(); ) {
        deleted = await withTransaction(db, (tx) => deleteOld(tx, { batchSizeMax }));
        deletedInAll += deleted;
      }
    }
    const erased = closedMs === undefined ? {} : { erased: await eraseAll(closedMs) };
    log.info({ deleted: deletedInAll, ...erased, durationMs: msSince(startedAt) }, 'clean-up');
  };
}

import type { Transaction } from '../../db/client.ts';
import { idempotencyRecords } from '../../db/tables.ts';
import { deleteAged } from '../clean-up.ts';
import { idempotencyKeptMs } from '../idempotency.ts';

const aged = { table: idempotencyRecords, at: idempotencyRecords.createdAt, keptMs: idempotencyKeptMs };

/** Deletes idempotency records that no repeat can use any more; see `deleteAged`. */
export function deleteOldIdempotencyRecords(tx: Transaction, batch: { batchSizeMax: number }): Promise<number> {
  return deleteAged(tx, aged, batch);
}

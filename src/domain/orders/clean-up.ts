import { sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { later, statementTime } from '../../db/sql.ts';
import { idempotencyKeptMs } from './place.ts';

/**
 * Deletes idempotency records that no repeat can use any more.
 * @returns how many went; fewer than `batchSizeMax` means that none is left
 */
export async function deleteOldIdempotencyRecords(
  tx: Transaction,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<number> {
  const rows = await tx.execute(sql`
    delete from idempotency_records where ctid = any(array(
      select ctid from idempotency_records
      where created_at < ${later(statementTime, -idempotencyKeptMs)}
      order by created_at limit ${batchSizeMax} for update skip locked
    )) returning 1`);
  return rows.length;
}

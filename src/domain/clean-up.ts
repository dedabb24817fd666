import { type SQLWrapper, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Transaction } from '../db/client.ts';
import { later, statementTime } from '../db/sql.ts';

/** Rows that have served their time so many ms after the moment in a column. */
type Aged = { table: PgTable; at: SQLWrapper; keptMs: number };

/**
 * Deletes rows that have served their time, the oldest first; what somebody holds is left to the next time.
 * @returns how many went; fewer than `batchSizeMax` means that none is left
 */
export async function deleteAged(
  tx: Transaction,
  { table, at, keptMs }: Aged,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<number> {
  const rows = await tx.execute(sql`
    delete from ${table} where ctid = any(array(
      select ctid from ${table}
      where ${at} < ${later(statementTime, -keptMs)}
      order by ${at} limit ${batchSizeMax} for update skip locked
    )) returning 1`);
  return rows.length;
}

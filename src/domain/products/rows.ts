import { eq, getTableColumns } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { clockMicros } from '../../db/sql.ts';
import { type ProductRow, products } from '../../db/tables.ts';
import { isId } from '../../lib/ids.ts';

const { search: _search, ...columns } = getTableColumns(products);

/** What is read of a product: all but what only searches use. */
export const productColumns = columns;

/**
 * Locks one product for the rest of the transaction.
 * @returns its row, deleted or not, and when it was locked, by Postgres' clock, in Unix µs; null when there is none
 */
export async function lockProduct(
  tx: Transaction,
  id: string,
): Promise<{ row: ProductRow; lockedAtMicros: number } | null> {
  if (!isId(id)) return null;
  // The clock is read above the lock, because below it the reading would be older than the wait.
  const locked = tx
    .$with('locked')
    .as(tx.select(columns).from(products).where(eq(products.id, id)).for('no key update'));
  const [found] = await tx
    .with(locked)
    .select({ ...locked._.selectedFields, lockedMicros: clockMicros.as('locked_micros') })
    .from(locked);
  if (!found) return null;
  const { lockedMicros, ...row } = found;
  return { row, lockedAtMicros: Number(lockedMicros) };
}

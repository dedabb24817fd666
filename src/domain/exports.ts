import { and, asc, gt, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../db/client.ts';
import { timestamp } from '../db/sql.ts';
import { type Order, orders, type ProductRow, products } from '../db/tables.ts';
import { oldestOrders } from './orders/reads.ts';
import { productColumns } from './products/rows.ts';
import { type Read, walkIds } from './walk.ts';

/** A product may have a description of 10 000 characters, and while a batch is written out others wait. */
const productsPerBatch = 200;
/** An order may have a hundred lines. */
const ordersPerBatch = 100;

/**
 * The catalogue, by id, in batches. Each is a read of its own, so that an export of hours keeps no old rows from being
 * vacuumed; what changes meanwhile is as it is when its batch is read.
 */
export function exportProducts(read: Read): AsyncGenerator<ProductRow[], void> {
  return walkIds(read, productsPerBatch, (reader, after) =>
    reader
      .select(productColumns)
      .from(products)
      .where(and(isNull(products.deletedAt), gt(products.id, after)))
      .orderBy(asc(products.id))
      .limit(productsPerBatch),
  );
}

/** Undeleted orders that were placed from one moment on and before another, likewise. */
export async function* exportOrders(
  read: Read,
  { from, before }: { from: Date | undefined; before: Date | undefined },
): AsyncGenerator<Order[], void> {
  const placed = and(
    from && sql`${orders.createdAt} >= ${timestamp(from)}`,
    before && sql`${orders.createdAt} < ${timestamp(before)}`,
  );
  const ends = placed ? await read((reader) => idsOf(reader, placed)) : undefined;
  if (ends === null) return;
  const within = ends && sql`${orders.id} >= ${ends.first} and ${orders.id} <= ${ends.last}`;
  const matching = and(isNull(orders.deletedAt), placed, within);
  yield* walkIds(read, ordersPerBatch, (reader, after) =>
    oldestOrders(reader, and(matching, gt(orders.id, after)), ordersPerBatch),
  );
}

/** Between which ids the orders of some days are; null when there are none. By the index of moments, not by a walk. */
async function idsOf(reader: Reader, placed: SQL): Promise<{ first: string; last: string } | null> {
  const [ends] = await reader.execute<{ first: string | null; last: string | null }>(sql`
    select min(id::text collate "C") as first, max(id::text collate "C") as last from orders where ${placed}`);
  return ends?.first && ends.last ? { first: ends.first, last: ends.last } : null;
}

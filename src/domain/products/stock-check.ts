import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { beforeAllIds } from '../../lib/ids.ts';
import type { Read } from '../walk.ts';

const batchSizeMax = 500;

/** A product whose stock and units in live orders are not the sum of its stock changes. */
export type StockMismatch = { id: string; stock: number; ordered: number; booked: number };

type Row = { id: string; stock: number; ordered: string; booked: string };

/**
 * Goes through all products in the order of their ids, a batch a statement, which locks nothing: each sees one moment,
 * and so do what orders hold and what was booked.
 * @param read runs the statement of one batch
 * @returns what each batch finds
 */
export async function* stockMismatches(read: Read): AsyncGenerator<StockMismatch[]> {
  for (let after: string | null = beforeAllIds; after !== null; ) {
    const behind: string = after;
    const { last, found } = await read((reader) => checkBatch(reader, behind));
    after = last;
    yield found;
  }
}

/** Checks the products behind an id; `last` is where the batch ends, null at the end of all. */
async function checkBatch(reader: Reader, after: string): Promise<{ last: string | null; found: StockMismatch[] }> {
  const rows = await reader.execute<Row & { differs: boolean }>(sql`
    with batch as materialized (
      select id, stock from products where id > ${after} order by id limit ${batchSizeMax}
    ), ordered as materialized (
      select product_id, sum(quantity) as units from order_items join orders on orders.id = order_id
      where product_id = any(array(select id from batch)) and orders.status <> 'cancelled' and orders.deleted_at is null
      group by product_id
    ), booked as materialized (
      select product_id, sum(change) as units from stock_changes where product_id = any(array(select id from batch))
      group by product_id
    ), checked as (
      select batch.id, stock, coalesce(ordered.units, 0) as ordered, coalesce(booked.units, 0) as booked
      from batch left join ordered on ordered.product_id = batch.id left join booked on booked.product_id = batch.id
    )
    select *, stock + ordered <> booked as differs from checked
    where stock + ordered <> booked or id = (select id from batch order by id desc limit 1)
    order by id`);
  const found = rows
    .filter(({ differs }) => differs)
    .map(({ id, stock, ordered, booked }) => ({ id, stock, ordered: Number(ordered), booked: Number(booked) }));
  return { last: rows.at(-1)?.id ?? null, found };
}

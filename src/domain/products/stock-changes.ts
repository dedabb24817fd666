import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { bigints, dateAtMicros, integers, statementTime, texts, timestamp, timestamps, uuids } from '../../db/sql.ts';
import { type StockChangeRow, stockChanges } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import { idAtMicros } from '../../lib/ids.ts';
import {
  type StockChangeBody,
  type StockChangeInput,
  type StockChangeQuery,
  serializeStockChange,
  stockChangeSchema,
  stockMax,
} from '../../schema/stock-changes.ts';
import { writeEvent } from '../audit/events.ts';
import type { Actor } from '../customers/actor.ts';
import { answerRepeat, columnsOfRecords, type KeyedAttempt, newRecords, type SentKey } from '../idempotency.ts';
import { deliveriesOf, selectEvents } from '../outbox/webhook-deliveries.ts';
import { newestPage, type Page } from '../paging.ts';
import { lockProduct } from './rows.ts';
import { stockChanged } from './stock.ts';

/** What is booked of a product that this transaction has locked, or has made. */
export type Booking = Pick<StockChangeRow, 'productId' | 'change' | 'reason' | 'note' | 'stockAfter'>;

/** A booking's row. @param atMicros when its product was locked, in Unix µs, so that ids rise with a product's bookings */
export function stockChangeRow(booking: Booking, actor: Actor, atMicros: number): StockChangeRow {
  return {
    ...booking,
    id: idAtMicros(atMicros),
    actorKind: actor.kind,
    actorId: actor.id,
    createdAt: dateAtMicros(atMicros),
  };
}

/**
 * Expressions `new_stock_changes`, which books, and `new_stock_deliveries`, which owes it to webhooks; the statement that
 * they stand in changes the stock.
 */
export function newStockChanges(rows: StockChangeRow[]): SQL {
  const events = rows.map((row) => ({
    type: 'stock.changed' as const,
    subjectId: row.id,
    occurrence: 1,
    data: serializeStockChange(row),
  }));
  return sql`new_stock_changes as (
      insert into stock_changes
        (id, product_id, change, reason, note, stock_after, actor_kind, actor_id, created_at)
      select * from unnest(
        ${uuids(rows.map((row) => row.id))},
        ${uuids(rows.map((row) => row.productId))},
        ${bigints(rows.map((row) => row.change))},
        ${texts(rows.map((row) => row.reason))},
        ${texts(rows.map((row) => row.note))},
        ${integers(rows.map((row) => row.stockAfter))},
        ${texts(rows.map((row) => row.actorKind))},
        ${uuids(rows.map((row) => row.actorId))},
        ${timestamps(rows.map((row) => row.createdAt))}
      )
    ), new_stock_deliveries as (
      ${deliveriesOf(selectEvents(events), statementTime)}
    )`;
}

export type StockChangeRequest = StockChangeInput & {
  idempotency?: SentKey | undefined;
};

/** A booking's first answer: made now, or `replayed` from the record of its key. */
export type BookedChange = { body: StockChangeBody; replayed: boolean };

/**
 * Books a change of stock, under the lock of its product.
 * @throws {ShopError} `idempotency_key_reused`, `idempotency_in_progress`, `unknown_product`, `stock_changed` with
 *   `currentStock`, `insufficient_stock`, `stock_too_high`
 */
export async function bookStockChange(
  tx: Transaction,
  request: StockChangeRequest,
  actor: Actor & { id: string },
): Promise<BookedChange> {
  const { productId, change, reason, note, expectedStock, idempotency } = request;
  const attempt: KeyedAttempt | undefined = idempotency && {
    callerId: actor.id,
    route: 'stock-changes',
    ...idempotency,
  };
  const kept = await answerRepeat(tx, attempt);
  if (kept !== null) return { body: stockChangeSchema.parse(JSON.parse(kept)), replayed: true };

  const locked = await lockProduct(tx, productId);
  if (!locked || locked.row.deletedAt) {
    const message = `There is no product ${productId}.`;
    throw new ShopError('unknown_product', message, { errors: [{ path: 'productId', message, productId }] });
  }
  const { stock } = locked.row;
  const stockAfter = stock + change;
  if (expectedStock !== undefined && expectedStock !== stock) {
    throw new ShopError('stock_changed', `The stock is ${stock}, not ${expectedStock}.`, { currentStock: stock });
  }
  if (stockAfter < 0) {
    const errors = [{ productId, requested: -change, available: stock }];
    throw new ShopError('insufficient_stock', 'The shop does not have so many units.', { errors });
  }
  if (stockAfter > stockMax) throw new ShopError('stock_too_high', `A product has at most ${stockMax} units in stock.`);

  const row = stockChangeRow({ productId, change, reason, note, stockAfter }, actor, locked.lockedAtMicros);
  const body = serializeStockChange(row);
  const records = attempt ? [{ ...attempt, response: JSON.stringify(body) }] : [];
  const at = timestamp(row.createdAt);
  await tx.execute(sql`
    with ${newStockChanges([row])}, ${newRecords(columnsOfRecords(records), at)}
    ${stockChanged({ productIds: [productId], units: [change] }, at)}`);
  await writeEvent(tx, actor, {
    action: 'stock.changed',
    subject: { kind: 'product', id: productId },
    changes: { stock: { from: stock, to: stockAfter } },
  });
  return { body, replayed: false };
}

/** A page of bookings, newest first. */
export async function listStockChanges(reader: Reader, query: StockChangeQuery): Promise<Page<StockChangeRow>> {
  const { productId } = query;
  const matching = productId === undefined ? undefined : and(eq(stockChanges.productId, productId), withCustomPlan);
  return newestPage(reader, query, stockChanges, matching, (where, order, limit) =>
    reader.select().from(stockChanges).where(where).orderBy(order).limit(limit),
  );
}

import { eq, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { clockMs, timestamp } from '../../db/sql.ts';
import { type Order, type OrderRow, orderItems, orders } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId, newId } from '../../lib/ids.ts';
import type { AuditAction } from '../../schema/audit-events.ts';
import { lifecycle, type OrderView, restoresMax } from '../../schema/orders.ts';
import { differences, writeEvent } from '../audit/events.ts';
import { holdAccounts } from '../customers/accounts.ts';
import { type Actor, requireOwner } from '../customers/actor.ts';
import {
  columnsOfStockChanges,
  lockProducts,
  returned,
  type StockChange,
  stockChanged,
  taken,
  takeStock,
} from '../products/stock.ts';
import { nextStepAt, pauseSchedule, recordsOfEntered } from './lifecycle.ts';
import { withDetails } from './reads.ts';

/** An order after a change, and the id of its mail, if it sends one. */
export type ChangedOrder = { order: Order; mailId: string | null };

/** When an order becomes old enough to be deleted. */
export function deletableAt(order: { createdAt: Date }, orderDeleteAfterMs: number): Date {
  return new Date(order.createdAt.getTime() + orderDeleteAfterMs);
}

/** The settings that say when orders may go, and how long each of their steps takes; null for orders that time never moves. */
export type OrderTerms = { orderDeleteAfterMs: number; orderStatusIntervalMs: number | null };

/** What an order shows to staff or to others, beside what is held of it. */
export function orderView(order: { createdAt: Date }, terms: OrderTerms, staff: boolean): OrderView {
  return {
    deletableAt: deletableAt(order, terms.orderDeleteAfterMs),
    staff,
    moving: terms.orderStatusIntervalMs !== null,
  };
}

/**
 * Calls an order off and puts its stock back.
 * @throws {ShopError} `not_found`, `forbidden`, `order_not_cancellable`
 */
export async function cancelOrder(tx: Transaction, id: string, actor: Actor): Promise<ChangedOrder> {
  const { row } = await lockOrder(tx, id);
  if (row.deletedAt) throw notFound('order');
  requireOwner(actor, row.customerId);
  if (!lifecycle[row.status].cancellable) {
    throw new ShopError('order_not_cancellable', `An order that is ${row.status} cannot be cancelled.`);
  }
  const { changed, mailId } = await endRun(tx, row, 'cancelled');
  await writeOrderEvent(tx, actor, 'order.cancelled', row, changed);
  return { order: await withDetails(tx, changed), mailId };
}

/**
 * Deletes an order softly; one that still runs is cancelled by it, from `shipped` too.
 * @param orderDeleteAfterMs how old an order must be
 * @returns the mail of this, if it cancelled the order
 * @throws {ShopError} `not_found`, `forbidden`, `order_delivered`, `order_too_recent` with `deletableAt`
 */
export async function deleteOrder(
  tx: Transaction,
  id: string,
  actor: Actor,
  orderDeleteAfterMs: number,
): Promise<{ mailId: string | null }> {
  const { row, lockedAt: now } = await lockOrder(tx, id);
  if (row.deletedAt) throw notFound('order');
  requireOwner(actor, row.customerId);
  if (!lifecycle[row.status].deletable) throw new ShopError('order_delivered', 'A delivered order cannot be deleted.');
  const allowedAt = deletableAt(row, orderDeleteAfterMs);
  if (now < allowedAt) {
    throw new ShopError('order_too_recent', 'The order is too recent to be deleted.', { deletableAt: allowedAt });
  }
  if (row.status === 'cancelled') {
    await tx.update(orders).set({ deletedAt: now, updatedAt: now }).where(eq(orders.id, row.id));
    await writeOrderEvent(tx, actor, 'order.deleted', row, { ...row, deletedAt: now });
    return { mailId: null };
  }
  const { changed, mailId } = await endRun(tx, row, 'deleted');
  await writeOrderEvent(tx, actor, 'order.deleted', row, changed);
  return { mailId };
}

/**
 * Takes a cancelled or deleted order up again, in a new run, with its stock and without its shipment; at most
 * `restoresMax` times. One that was on hold still is.
 * @throws {ShopError} `not_found`, `forbidden`, `order_not_restorable`, `unknown_product`, `insufficient_stock`
 */
export async function restoreOrder(
  tx: Transaction,
  id: string,
  actor: Actor,
  orderStatusIntervalMs: number | null,
): Promise<ChangedOrder> {
  if (orderStatusIntervalMs === null) await pauseSchedule(tx);
  const { row } = await lockOrder(tx, id);
  requireOwner(actor, row.customerId);
  if (!lifecycle[row.status].restorable) {
    throw new ShopError('order_not_restorable', `An order that is ${row.status} cannot be restored.`);
  }
  // Runs count from 1, so an order in its sixth has been restored five times.
  if (row.run > restoresMax) {
    throw new ShopError('order_not_restorable', `The order has been restored ${restoresMax} times, which is the most.`);
  }
  const openAccounts = await holdAccounts(tx, [row.customerId]);
  if (!openAccounts.has(row.customerId)) {
    throw new ShopError('order_not_restorable', 'The account of this order has been closed.');
  }
  const lines = await linesOf(tx, row.id);
  const { products, lockedAt: now } = await lockProducts(
    tx,
    lines.map((line) => line.productId),
  );
  takeStock(products, lines);
  const nextStatusAt = nextStepAt('pending', now, orderStatusIntervalMs, row.holdSince !== null);
  const begun = { status: 'pending', run: row.run + 1, nextStatusAt, deletedAt: null } as const;
  const restored: OrderRow = { ...row, ...begun, carrier: null, trackingNumber: null, trackingUrl: null };
  const { changed, mailId } = await enterStatus(tx, restored, taken(lines), now);
  await writeOrderEvent(tx, actor, 'order.restored', row, changed);
  return { order: await withDetails(tx, changed), mailId };
}

/** The lock makes all changes of an order and its progress take turns, each seeing what the one before left. */
export async function lockOrder(tx: Transaction, id: string): Promise<{ row: OrderRow; lockedAt: Date }> {
  if (!isId(id)) throw notFound('order');
  const locked = tx.$with('locked').as(tx.select().from(orders).where(eq(orders.id, id)).for('no key update'));
  const [found] = await tx
    .with(locked)
    .select({ ...locked._.selectedFields, lockedMs: clockMs.as('locked_ms') })
    .from(locked);
  if (!found) throw notFound('order');
  const { lockedMs, ...row } = found;
  return { row, lockedAt: new Date(Number(lockedMs)) };
}

/** What an audit event tells of an order; its lines do not change. */
const told = {
  status: 'values',
  run: 'values',
  deletedAt: 'values',
  carrier: 'values',
  trackingNumber: 'values',
  trackingUrl: 'values',
} as const;

/** Writes down who changed an order, with what differs of the fields that events tell. */
export async function writeOrderEvent(
  tx: Transaction,
  actor: Actor,
  action: AuditAction,
  before: OrderRow,
  after: OrderRow,
): Promise<void> {
  const changes = differences<OrderRow>(told, before, after);
  await writeEvent(tx, actor, { action, subject: { kind: 'order', id: before.id }, changes });
}

function linesOf(tx: Transaction, orderId: string) {
  return tx
    .select({ productId: orderItems.productId, quantity: orderItems.quantity })
    .from(orderItems)
    .where(eq(orderItems.orderId, orderId))
    .orderBy(orderItems.position);
}

/** Cancels a running order: its stock comes back, and it leaves the schedule. */
async function endRun(tx: Transaction, row: OrderRow, outcome: 'cancelled' | 'deleted'): Promise<Entered> {
  const lines = await linesOf(tx, row.id);
  const { lockedAt: now } = await lockProducts(
    tx,
    lines.map((line) => line.productId),
  );
  const deletedAt = outcome === 'deleted' ? now : null;
  return enterStatus(tx, { ...row, status: 'cancelled', nextStatusAt: null, deletedAt }, returned(lines), now);
}

type Entered = { changed: OrderRow; mailId: string };

/**
 * Writes an order in the status that it enters, with history, mail and stock, in one statement.
 * @param order as it is to be from `now` on; its lines and whether it is on hold do not change
 */
export async function enterStatus(
  tx: Transaction,
  order: OrderRow,
  stockChanges: StockChange[],
  now: Date,
): Promise<Entered> {
  const mailId = newId(now);
  const at = timestamp(now);
  await tx.execute(sql`
    with entered as (
      update orders set status = ${order.status}, run = ${order.run}, next_status_at = ${timestamp(order.nextStatusAt)},
        carrier = ${order.carrier}, tracking_number = ${order.trackingNumber}, tracking_url = ${order.trackingUrl},
        deleted_at = ${timestamp(order.deletedAt)}, updated_at = ${at}
      where id = ${order.id}
      returning id as order_id, coalesce(number, order_number(id)) as number, run, status, ${mailId}::uuid as mail_id,
        customer_id, total_cents, currency
    ), ${recordsOfEntered(at, 'fails')}
    ${stockChanged(columnsOfStockChanges(stockChanges), at)}`);
  return { changed: { ...order, updatedAt: now }, mailId };
}

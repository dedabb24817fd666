import { and, eq, isNull } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { customers, type Order, type OrderRow, orderHistory, orderItems, orders } from '../db/tables.ts';
import { notFound, ShopError } from '../errors.ts';
import { lifecycle, type OrderStatus } from '../schema/orders.ts';
import { isId } from './ids.ts';
import { recordMail } from './mails.ts';
import { withDetails } from './order-reads.ts';
import { changeStock, lockShelves, takeFromShelves } from './stock.ts';
import { requireOwner, type Viewer } from './viewer.ts';

/** An order after a change, and the ledger row of the mail that the change owes, if it owes one. */
export type ChangedOrder = { order: Order; mailId: string | null };

/** When an order becomes old enough to be deleted. */
export function deletableAt(order: { createdAt: Date }, orderDeleteAfterMs: number): Date {
  return new Date(order.createdAt.getTime() + orderDeleteAfterMs);
}

/**
 * Calls an order off and puts its stock back.
 * @throws {ShopError} `not_found`, `forbidden`, `order_not_cancellable`
 */
export async function cancelOrder(tx: Transaction, id: string, viewer: Viewer, now: Date): Promise<ChangedOrder> {
  const row = await lockOrder(tx, id);
  if (row.deletedAt) throw notFound('order');
  requireOwner(viewer, row.customerId);
  if (!lifecycle[row.status].cancellable) {
    throw new ShopError('order_not_cancellable', `An order that is ${row.status} cannot be cancelled.`);
  }
  const { changed, mailId } = await endRun(tx, row, now);
  return { order: await withDetails(tx, changed), mailId };
}

/**
 * Deletes an order softly; one that still runs is cancelled by it, from `shipped` too.
 * @param orderDeleteAfterMs how old an order must be
 * @returns the mail that a cancellation owes, and whether stock came back
 * @throws {ShopError} `not_found`, `forbidden`, `order_delivered`, `order_too_recent` with `deletableAt`
 */
export async function deleteOrder(
  tx: Transaction,
  id: string,
  viewer: Viewer,
  orderDeleteAfterMs: number,
  now: Date,
): Promise<{ mailId: string | null }> {
  const row = await lockOrder(tx, id);
  if (row.deletedAt) throw notFound('order');
  requireOwner(viewer, row.customerId);
  if (!lifecycle[row.status].deletable) throw new ShopError('order_delivered', 'A delivered order cannot be deleted.');
  const allowedAt = deletableAt(row, orderDeleteAfterMs);
  if (now < allowedAt) {
    throw new ShopError('order_too_recent', 'The order is too recent to be deleted.', {
      deletableAt: allowedAt,
    });
  }
  const { mailId } = row.status === 'cancelled' ? { mailId: null } : await endRun(tx, row, now);
  await tx.update(orders).set({ deletedAt: now, updatedAt: now }).where(eq(orders.id, row.id));
  return { mailId };
}

/**
 * Takes a cancelled or deleted order up again, in a new run, with its stock.
 * @throws {ShopError} `not_found`, `forbidden`, `order_not_restorable`, `unknown_product`, `insufficient_stock`
 */
export async function restoreOrder(
  tx: Transaction,
  id: string,
  viewer: Viewer,
  orderStatusIntervalMs: number,
  now: Date,
): Promise<ChangedOrder> {
  const row = await lockOrder(tx, id);
  requireOwner(viewer, row.customerId);
  if (!lifecycle[row.status].restorable) {
    throw new ShopError('order_not_restorable', `An order that is ${row.status} cannot be restored.`);
  }
  if (!(await holdAccount(tx, row.customerId))) {
    throw new ShopError('order_not_restorable', 'The account of this order has been closed.');
  }
  const lines = await linesOf(tx, row.id);
  takeFromShelves(
    await lockShelves(
      tx,
      lines.map((line) => line.productId),
    ),
    lines,
  );
  await changeStock(tx, lines, -1, now);
  const { changed, mailId } = await enterStatus(tx, row, now, {
    status: 'pending',
    run: row.run + 1,
    nextStatusAt: new Date(now.getTime() + orderStatusIntervalMs),
    deletedAt: null,
  });
  return { order: await withDetails(tx, changed), mailId };
}

/** The lock makes cancelling, deleting, restoring and progress take turns, each seeing what the one before left. */
async function lockOrder(tx: Transaction, id: string): Promise<OrderRow> {
  const [row] = isId(id) ? await tx.select().from(orders).where(eq(orders.id, id)).for('no key update') : [];
  if (!row) throw notFound('order');
  return row;
}

/** Keeps an account from being closed until the transaction ends; false when it is closed already. */
async function holdAccount(tx: Transaction, customerId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: customers.id })
    .from(customers)
    .where(and(eq(customers.id, customerId), isNull(customers.deletedAt)))
    .for('key share');
  return rows.length > 0;
}

function linesOf(tx: Transaction, orderId: string) {
  return tx
    .select({ productId: orderItems.productId, quantity: orderItems.quantity })
    .from(orderItems)
    .where(eq(orderItems.orderId, orderId))
    .orderBy(orderItems.position);
}

/** Cancels a running order: its stock comes back, and it leaves the schedule. */
async function endRun(tx: Transaction, row: OrderRow, now: Date) {
  const lines = await linesOf(tx, row.id);
  await lockShelves(
    tx,
    lines.map((line) => line.productId),
  );
  await changeStock(tx, lines, 1, now);
  return enterStatus(tx, row, now, { status: 'cancelled', nextStatusAt: null });
}

async function enterStatus(
  tx: Transaction,
  row: OrderRow,
  now: Date,
  change: { status: OrderStatus } & Partial<OrderRow>,
): Promise<{ changed: OrderRow; mailId: string }> {
  const changed = { ...row, ...change, updatedAt: now };
  await tx
    .update(orders)
    .set({ ...change, updatedAt: now })
    .where(eq(orders.id, row.id));
  const step = { orderId: row.id, run: changed.run, status: changed.status };
  await tx.insert(orderHistory).values({ ...step, at: now });
  return { changed, mailId: await recordMail(tx, step, now) };
}

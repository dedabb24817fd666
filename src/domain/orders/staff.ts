import { eq } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { type Order, type OrderRow, orders } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { lifecycle, type OrderStatusInput, shipmentFields } from '../../schema/orders.ts';
import { writeEvent } from '../audit/events.ts';
import type { Actor } from '../customers/actor.ts';
import { type ChangedOrder, enterStatus, lockOrder, writeOrderEvent } from './changes.ts';
import { nextStepAt, pauseSchedule } from './lifecycle.ts';
import { withDetails } from './reads.ts';

/** What staff do with an order, which is not deleted. */
async function lockStanding(tx: Transaction, id: string): Promise<{ row: OrderRow; lockedAt: Date }> {
  const locked = await lockOrder(tx, id);
  if (locked.row.deletedAt) throw notFound('order');
  return locked;
}

/**
 * Moves an order to its next status, or leaves it in the one it has; either way with what is said of its shipment.
 * @param orderStatusIntervalMs when it moves on by itself, counted from now; null for never
 * @throws {ShopError} `not_found`, `order_status_conflict` with `currentStatus`, `order_on_hold`
 */
export async function moveOrder(
  tx: Transaction,
  id: string,
  { status, ...said }: OrderStatusInput,
  actor: Actor,
  orderStatusIntervalMs: number | null,
): Promise<ChangedOrder> {
  if (orderStatusIntervalMs === null) await pauseSchedule(tx);
  const { row, lockedAt: now } = await lockStanding(tx, id);
  const told: OrderRow = { ...row };
  for (const field of shipmentFields) told[field] = said[field] === undefined ? row[field] : said[field];
  if (status === row.status) {
    if (shipmentFields.every((field) => told[field] === row[field]))
      return { order: await withDetails(tx, row), mailId: null };
    const changed = await rewrite(tx, told, now);
    await writeOrderEvent(tx, actor, 'order.status_changed', row, changed);
    return { order: await withDetails(tx, changed), mailId: null };
  }
  if (status !== lifecycle[row.status].next) {
    throw new ShopError('order_status_conflict', `The order is ${row.status}, and ${status} does not come next.`, {
      currentStatus: row.status,
    });
  }
  if (row.holdSince) throw new ShopError('order_on_hold', 'The order is on hold: release it first.');
  const nextStatusAt = nextStepAt(status, now, orderStatusIntervalMs, false);
  const { changed, mailId } = await enterStatus(tx, { ...told, status, nextStatusAt }, [], now);
  await writeOrderEvent(tx, actor, 'order.status_changed', row, changed);
  return { order: await withDetails(tx, changed), mailId };
}

/**
 * Stops an order until it is released.
 * @throws {ShopError} `not_found`, `order_not_changeable` at its end, `order_on_hold` already
 */
export async function holdOrder(tx: Transaction, id: string, reason: string, actor: Actor): Promise<Order> {
  const { row, lockedAt: now } = await lockStanding(tx, id);
  if (lifecycle[row.status].next === null) {
    throw new ShopError('order_not_changeable', `An order that is ${row.status} cannot be held.`);
  }
  if (row.holdSince) throw new ShopError('order_on_hold', 'The order is on hold already.');
  const held = await rewrite(tx, { ...row, holdReason: reason, holdSince: now, nextStatusAt: null }, now);
  await writeEvent(tx, actor, { action: 'order.held', subject: { kind: 'order', id: row.id }, changes: { hold: {} } });
  return withDetails(tx, held);
}

/**
 * Lets an order go on that is on hold: one whole interval passes before its next step.
 * @throws {ShopError} `not_found`, `order_not_on_hold`
 */
export async function releaseOrder(
  tx: Transaction,
  id: string,
  actor: Actor,
  orderStatusIntervalMs: number | null,
): Promise<Order> {
  if (orderStatusIntervalMs === null) await pauseSchedule(tx);
  const { row, lockedAt: now } = await lockStanding(tx, id);
  if (!row.holdSince) throw new ShopError('order_not_on_hold', 'The order is not on hold.');
  const nextStatusAt = nextStepAt(row.status, now, orderStatusIntervalMs, false);
  const released = await rewrite(tx, { ...row, holdReason: null, holdSince: null, nextStatusAt }, now);
  const changes = { hold: {} };
  await writeEvent(tx, actor, { action: 'order.released', subject: { kind: 'order', id: row.id }, changes });
  return withDetails(tx, released);
}

/** Writes what staff may change of a locked order without its entering a status. */
async function rewrite(tx: Transaction, order: OrderRow, now: Date): Promise<OrderRow> {
  const { nextStatusAt, holdReason, holdSince, carrier, trackingNumber, trackingUrl } = order;
  await tx
    .update(orders)
    .set({ nextStatusAt, holdReason, holdSince, carrier, trackingNumber, trackingUrl, updatedAt: now })
    .where(eq(orders.id, order.id));
  return { ...order, updatedAt: now };
}

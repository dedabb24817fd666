import { isDeepStrictEqual } from 'node:util';
import { eq } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { type Order, orderDetails, orders } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { lifecycle, type ShippingAddress } from '../../schema/orders.ts';
import { writeEvent } from '../audit/events.ts';
import { type Actor, requireOwner } from '../customers/actor.ts';
import { lockOrder } from './changes.ts';
import { withDetails } from './reads.ts';

const noAddress = { name: null, line1: null, line2: null, city: null, region: null, postalCode: null, country: null };

/**
 * Has an order go to another address, or to none that the shop knows, for as long as it has not been shipped.
 * @throws {ShopError} `not_found`, `forbidden`, `order_not_changeable`
 */
export async function changeAddress(
  tx: Transaction,
  id: string,
  shippingAddress: ShippingAddress | null,
  actor: Actor,
): Promise<Order> {
  const { row, lockedAt: now } = await lockOrder(tx, id);
  if (row.deletedAt) throw notFound('order');
  requireOwner(actor, row.customerId);
  if (!lifecycle[row.status].redirectable) {
    throw new ShopError('order_not_changeable', `An order that is ${row.status} goes to no other address.`);
  }
  const order = await withDetails(tx, row);
  if (isDeepStrictEqual(order.shippingAddress, shippingAddress)) return order;
  const address = shippingAddress ?? noAddress;
  await tx
    .insert(orderDetails)
    .values({ orderId: row.id, ...address })
    .onConflictDoUpdate({ target: orderDetails.orderId, set: address });
  await tx.update(orders).set({ updatedAt: now }).where(eq(orders.id, row.id));
  const changes = { shippingAddress: {} };
  await writeEvent(tx, actor, { action: 'order.address_changed', subject: { kind: 'order', id: row.id }, changes });
  return { ...order, shippingAddress, updatedAt: now };
}

import type { customers, mails, orderHistory, orderItems, orders, products } from '../db/tables.ts';
import type { CustomerBody } from '../schema/customers.ts';
import type { MailBody } from '../schema/mails.ts';
import type { OrderBody } from '../schema/orders.ts';
import type { ProductBody } from '../schema/products.ts';

export type ProductRow = Omit<typeof products.$inferSelect, 'search'>;
export type CustomerRow = Omit<typeof customers.$inferSelect, 'passwordHash' | 'tokenVersion'>;
export type MailRow = typeof mails.$inferSelect;
export type OrderItemRow = typeof orderItems.$inferSelect;
export type OrderHistoryRow = typeof orderHistory.$inferSelect;

/** An order with its lines in the order of the request, and its history in the order of events. */
export type Order = typeof orders.$inferSelect & {
  items: Pick<OrderItemRow, 'productId' | 'name' | 'quantity' | 'unitPriceCents'>[];
  history: Pick<OrderHistoryRow, 'status' | 'at'>[];
};

const wireTime = (moment: Date | null) => moment?.toISOString() ?? null;

/** A product as it goes over the wire; the shop has one currency. */
export function productBody(row: ProductRow, currency: string): ProductBody {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    priceCents: row.priceCents,
    currency,
    stock: row.stock,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    deletedAt: wireTime(row.deletedAt),
  };
}

/** An account as it goes over the wire. */
export function customerBody(row: CustomerRow): CustomerBody {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    phone: row.phone,
    role: row.role,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** When an order becomes old enough to be deleted. */
export function deletableAt(order: { createdAt: Date }, orderDeleteAfterMs: number): Date {
  return new Date(order.createdAt.getTime() + orderDeleteAfterMs);
}

/** An order as it goes over the wire. */
export function orderBody(order: Order, orderDeleteAfterMs: number): OrderBody {
  return {
    id: order.id,
    customerId: order.customerId,
    status: order.status,
    totalCents: order.totalCents,
    currency: order.currency,
    items: order.items.map(({ productId, name, quantity, unitPriceCents }) => ({
      productId,
      name,
      quantity,
      unitPriceCents,
    })),
    history: order.history.map(({ status, at }) => ({ status, at: at.toISOString() })),
    nextStatusAt: wireTime(order.nextStatusAt),
    deletableAt: deletableAt(order, orderDeleteAfterMs).toISOString(),
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
    deletedAt: wireTime(order.deletedAt),
  };
}

/** A row of the mail ledger as it goes over the wire. */
export function mailBody(row: MailRow): MailBody {
  return {
    id: row.id,
    orderId: row.orderId,
    run: row.run,
    status: row.status,
    state: row.state,
    attempts: row.attempts,
    lastError: row.lastError,
    createdAt: row.createdAt.toISOString(),
    nextAttemptAt: wireTime(row.dueAt),
    sentAt: wireTime(row.sentAt),
  };
}

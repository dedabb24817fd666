import type { Sql } from 'postgres';
import type { OrderStatus } from '../../src/schema/orders.ts';

/** An order as it is stored, with its history in the order of events. Moments are Unix ms. */
export type StoredOrder = {
  id: string;
  customerId: string;
  status: OrderStatus;
  totalCents: number;
  deletedAt: number | null;
  items: { productId: string; quantity: number; unitPriceCents: number }[];
  history: { run: number; status: OrderStatus; at: number }[];
  /** What staff did with it, in the order of events. */
  handled: { action: string; at: number }[];
};

/** A mail's row of the outbox. */
export type StoredMail = { orderId: string; run: number; status: OrderStatus; state: string; createdAt: number };

/** `booked` is the sum of its stock changes, null where it has none. */
export type StoredProduct = { id: string; stock: number; ordered: number; booked: number | null };

/** A change of stock with a note. */
export type StoredBooking = { id: string; note: string };

/** A change of stock that orders did not make. */
export type StoredChange = { id: string; at: number };

/** What Postgres holds, as one snapshot. `keys` is how many orders were placed with one. */
export type Records = {
  orders: StoredOrder[];
  mails: StoredMail[];
  products: StoredProduct[];
  bookings: StoredBooking[];
  changes: StoredChange[];
  keys: number;
};

/** Each product's stock, its units in orders that are neither cancelled nor deleted, and what was booked, at one instant. */
export async function readProducts(db: Sql): Promise<StoredProduct[]> {
  return db<StoredProduct[]>`
    select products.id, stock, coalesce(sum(quantity) filter (where orders.id is not null), 0)::int as ordered,
      (select sum(change)::int from stock_changes where product_id = products.id) as booked
    from products
    left join order_items on product_id = products.id
    left join orders on orders.id = order_id and orders.status <> 'cancelled' and orders.deleted_at is null
    group by products.id`;
}

type Unfinished = { orders: number; mails: number; deliveries: number };

/** The orders that are not in a final state, and the mails and deliveries that are not out. */
export async function countUnfinished(db: Sql): Promise<Unfinished> {
  const [row] = await db<Unfinished[]>`
    select
      (select count(*)::int from orders where next_status_at is not null) as orders,
      (select count(*)::int from mails where state <> 'sent') as mails,
      (select count(*)::int from webhook_deliveries where state <> 'sent') as deliveries`;
  return row ?? { orders: 0, mails: 0, deliveries: 0 };
}

/** The orders whose step has been due for longer than `ms`. */
export async function countLateOrders(db: Sql, ms: number): Promise<number> {
  const rows = await db`select 1 from orders where next_status_at < ${new Date(Date.now() - ms)}`;
  return rows.length;
}

export async function readRecords(db: Sql): Promise<Records> {
  const orders = await db<StoredOrder[]>`
    select id, customer_id as "customerId", status, total_cents::float8 as "totalCents",
      extract(epoch from deleted_at)::float8 * 1000 as "deletedAt",
      (
        select coalesce(json_agg(json_build_object(
          'productId', product_id, 'quantity', quantity, 'unitPriceCents', unit_price_cents) order by position), '[]')
        from order_items where order_id = orders.id
      ) as items,
      (
        select coalesce(json_agg(json_build_object(
          'run', run, 'status', status, 'at', extract(epoch from at)::float8 * 1000)
          order by run, array_position(array['pending', 'processing', 'shipped', 'delivered', 'cancelled'], status)), '[]')
        from order_history where order_id = orders.id
      ) as history,
      (
        select coalesce(json_agg(json_build_object('action', action, 'at', extract(epoch from at)::float8 * 1000) order by id), '[]')
        from audit_events
        where subject_id = orders.id and action in ('order.status_changed', 'order.held', 'order.released')
      ) as handled
    from orders`;
  const mails = await db<StoredMail[]>`
    select order_id as "orderId", run, status, state, extract(epoch from created_at)::float8 * 1000 as "createdAt"
    from mails where order_id is not null`;
  const [keys] = await db<{ count: number }[]>`
    select count(*)::int as count from idempotency_records where position(chr(10) in key) = 0`;
  const bookings = await db<StoredBooking[]>`select id, note from stock_changes where note is not null`;
  const changes = await db<StoredChange[]>`
    select id, extract(epoch from created_at)::float8 * 1000 as at from stock_changes`;
  return { orders, mails, products: await readProducts(db), bookings, changes, keys: keys?.count ?? 0 };
}

import type { Sql } from 'postgres';
import type { OrderStatus } from '../../src/schema/orders.ts';
import { eventually } from './wait.ts';

const intervalMs = 3_600_000;
const path: OrderStatus[] = ['pending', 'processing', 'shipped', 'delivered'];

/**
 * Brings a pending order to a later status, by letting as many intervals (of the default length) pass as that takes.
 * A worker has to be at work.
 */
export async function bringTo(db: Sql, orderId: string, status: OrderStatus): Promise<void> {
  const steps = path.indexOf(status);
  if (steps < 1) return;
  const firstDueAt = new Date(Date.now() - (steps - 1) * intervalMs);
  await db`update orders set next_status_at = ${firstDueAt} where id = ${orderId}`;
  await eventually(async () => {
    const [row] = await db`select status from orders where id = ${orderId}`;
    return row?.status === status;
  });
}

/** Makes an order old enough to be deleted. */
export async function makeOld(db: Sql, orderId: string): Promise<void> {
  await db`update orders set created_at = created_at - interval '25 hours' where id = ${orderId}`;
}

/** The units of a product in stock and in live orders, which no request but the product's own PUT may change. */
export async function unitsOf(db: Sql, productId: string): Promise<number> {
  const [row] = await db<{ units: number }[]>`
    select (stock + coalesce((
      select sum(quantity) from order_items join orders on orders.id = order_id
      where product_id = products.id and status <> 'cancelled' and deleted_at is null
    ), 0))::int as units
    from products where id = ${productId}`;
  return row?.units ?? Number.NaN;
}

/** What the outbox holds of mails for an order, as `run status`, in the order of the runs. */
export async function mailsOf(db: Sql, orderId: string): Promise<string[]> {
  const rows = await db<
    { run: number; status: OrderStatus }[]
  >`select run, status from mails where order_id = ${orderId}`;
  const place = ({ run, status }: (typeof rows)[number]) => run * 10 + [...path, 'cancelled'].indexOf(status);
  return [...rows].sort((a, b) => place(a) - place(b)).map(({ run, status }) => `${run} ${status}`);
}

/** How many statements of API processes wait for a lock just now. */
export async function countWaiting(db: Sql): Promise<number> {
  const rows = await db`
    select 1 from pg_stat_activity
    where datname = current_database() and application_name = 'shop api' and wait_event_type = 'Lock'`;
  return rows.length;
}

/** Waits until so many statements of API processes wait for a lock, such as one that the test holds. */
export async function untilOrderWaits(db: Sql, count = 1, options?: Parameters<typeof eventually>[1]): Promise<void> {
  await eventually(async () => (await countWaiting(db)) >= count, options);
}

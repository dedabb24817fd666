import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../db/client.ts';
import { anyUuid } from '../db/sql.ts';
import { type Order, type OrderRow, orderHistory, orderItems, orders } from '../db/tables.ts';
import { notFound } from '../errors.ts';
import { type OrderQuery, type OrderStatus, orderStatuses } from '../schema/orders.ts';
import { isId } from './ids.ts';
import { newestPage, type Page } from './paging.ts';
import { requireOwner, type Viewer } from './viewer.ts';

/**
 * Reads an order, for its owner or an admin; only an admin sees a deleted one.
 * @throws {ShopError} `not_found`, `forbidden`
 */
export async function getOrder(reader: Reader, id: string, viewer: Viewer): Promise<Order> {
  const [row] = isId(id) ? await reader.select().from(orders).where(eq(orders.id, id)) : [];
  if (!row || (row.deletedAt && viewer.role !== 'admin')) throw notFound('order');
  requireOwner(viewer, row.customerId);
  return withDetails(reader, row);
}

/** A page of orders, newest first: the viewer's own, or for an admin everyone's. */
export async function listOrders(reader: Reader, query: OrderQuery, viewer: Viewer): Promise<Page<Order>> {
  const customerId = viewer.role === 'admin' ? query.customerId : viewer.id;
  const matching = and(
    customerId === undefined ? undefined : eq(orders.customerId, customerId),
    query.status && eq(orders.status, query.status),
    query.includeDeleted ? undefined : undeleted(query.status),
  );
  const page = await newestPage(reader, query, orders, matching, (where, order, limit) =>
    reader.select().from(orders).where(where).orderBy(order).limit(limit),
  );
  return { ...page, rows: await withAllDetails(reader, page.rows) };
}

/** Spelt out for the one status that deleted orders are in, because its index holds the same words. */
function undeleted(status: OrderStatus | undefined): SQL | undefined {
  if (status === undefined) return isNull(orders.deletedAt);
  return status === 'cancelled' ? sql`${orders.status} = 'cancelled' and ${orders.deletedAt} is null` : undefined;
}

/** Adds lines and history to an order. */
export async function withDetails(reader: Reader, row: OrderRow): Promise<Order> {
  const [order] = await withAllDetails(reader, [row]);
  return order ?? { ...row, items: [], history: [] };
}

/** Where in an order's life a status stands. That only goes forward: through a run's statuses, then to the next run. */
function stage({ run, status }: Pick<OrderRow, 'run' | 'status'>): number {
  return run * orderStatuses.length + orderStatuses.indexOf(status);
}

/** Adds lines and history to orders. */
export async function withAllDetails(reader: Reader, rows: OrderRow[]): Promise<Order[]> {
  const ids = anyUuid(rows.map((row) => row.id));
  const [items, history] = await Promise.all([
    reader.select().from(orderItems).where(sql`${orderItems.orderId} = ${ids}`).orderBy(orderItems.position),
    reader.select().from(orderHistory).where(sql`${orderHistory.orderId} = ${ids}`).orderBy(orderHistory.run),
  ]);
  const itemsOf = byOrder(items);
  const historyOf = byOrder(history);
  return rows.map((row) => ({
    ...row,
    items: itemsOf.get(row.id) ?? [],
    // The order may have moved on since its row was read; what it did then belongs to another answer.
    history: (historyOf.get(row.id) ?? [])
      .filter((entry) => stage(entry) <= stage(row))
      .toSorted((a, b) => stage(a) - stage(b)),
  }));
}

/** `Map.groupBy`, which Node 20 lacks. */
function byOrder<Row extends { orderId: string }>(rows: Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.orderId);
    if (group) group.push(row);
    else groups.set(row.orderId, [row]);
  }
  return groups;
}

import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { anyUuid, integers, uuids } from '../../db/sql.ts';
import { type Order, type OrderRow, orderHistory, orders } from '../../db/tables.ts';
import { notFound } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import { type OrderQuery, type OrderStatus, orderStatuses } from '../../schema/orders.ts';
import { type Actor, isStaff, requireOwner } from '../customers/actor.ts';
import { newestPage, type Page } from '../paging.ts';

/**
 * Reads an order, for its owner or an admin; only an admin sees a deleted one.
 * @throws {ShopError} `not_found`, `forbidden`
 */
export async function getOrder(reader: Reader, id: string, actor: Actor): Promise<Order> {
  const [row] = isId(id) ? await reader.select().from(orders).where(eq(orders.id, id)) : [];
  if (!row || (row.deletedAt && !isStaff(actor))) throw notFound('order');
  requireOwner(actor, row.customerId);
  return withDetails(reader, row);
}

/** A page of the usual size is read at once; of a larger one, what comes from Postgres keeps everyone waiting. */
const detailedAtOnce = 20;

/** A page of orders, newest first: the actor's own, or for an admin everyone's. */
export async function listOrders(reader: Reader, query: OrderQuery, actor: Actor): Promise<Page<Order>> {
  const customerId = actor.kind === 'customer' ? actor.id : query.customerId;
  const matching = and(
    customerId === undefined ? undefined : eq(orders.customerId, customerId),
    query.status && eq(orders.status, query.status),
    query.includeDeleted ? undefined : undeleted(query.status),
  );
  const page = await newestPage(reader, query, orders, matching, (where, order, limit) =>
    reader.select().from(orders).where(where).orderBy(order).limit(limit),
  );
  const rows: Order[] = [];
  for (let start = 0; start < page.rows.length; start += detailedAtOnce) {
    rows.push(...(await withAllDetails(reader, page.rows.slice(start, start + detailedAtOnce))));
  }
  return { ...page, rows };
}

/** Spelt out for the one status that deleted orders are in, because its index holds the same words. */
function undeleted(status: OrderStatus | undefined): SQL | undefined {
  if (status === undefined) return isNull(orders.deletedAt);
  return status === 'cancelled' ? sql`${orders.status} = 'cancelled' and ${orders.deletedAt} is null` : undefined;
}

/** Adds lines and the history of its run to an order. */
export async function withDetails(reader: Reader, row: OrderRow): Promise<Order> {
  const [order] = await withAllDetails(reader, [row]);
  return order ?? { ...row, items: [], history: [] };
}

/** Where in a run a status stands, which only goes forward. */
const stage = ({ status }: Pick<OrderRow, 'status'>) => orderStatuses.indexOf(status);

/** Adds lines and the history of their run to orders. */
export async function withAllDetails(reader: Reader, rows: OrderRow[]): Promise<Order[]> {
  const rowIds = rows.map((row) => row.id);
  const ids = anyUuid(rowIds);
  const runs = sql`(select * from unnest(${uuids(rowIds)}, ${integers(rows.map(({ run }) => run))}))`;
  const [items, history] = await Promise.all([
    // One row for each order, because a row costs ten times what a line within it does.
    reader.execute<{ order_id: string; lines: string }>(sql`
      select order_id, json_agg(json_build_array(product_id, name, quantity, unit_price_cents) order by position)::text
        as lines
      from order_items where order_id = ${ids} group by order_id`),
    reader.select().from(orderHistory).where(sql`(${orderHistory.orderId}, ${orderHistory.run}) in ${runs}`),
  ]);
  const itemsOf = new Map(items.map(({ order_id, lines }) => [order_id, readLines(lines)]));
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

function readLines(json: string): Order['items'] {
  const lines: [string, string, number, number][] = JSON.parse(json);
  return lines.map(([productId, name, quantity, unitPriceCents]) => ({ productId, name, quantity, unitPriceCents }));
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

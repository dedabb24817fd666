import { and, asc, eq, getTableColumns, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { anyUuid, integers, uuids } from '../../db/sql.ts';
import {
  type Order,
  type OrderDetailsRow,
  type OrderRow,
  orderDetails,
  orderHistory,
  orders,
} from '../../db/tables.ts';
import { notFound } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import { orderNumber } from '../../schema/order-numbers.ts';
import { type OrderQuery, type OrderStatus, orderStatuses, type ShippingAddress } from '../../schema/orders.ts';
import { type Actor, isStaff, requireOwner } from '../customers/actor.ts';
import { newestPage, type Page } from '../paging.ts';

/** An order with where it goes and its note, null where it was given neither. */
type DetailedRow = OrderRow & { details: OrderDetailsRow | null };

/** What is read of an order at once, so that address and row are of one moment. */
const detailed = { ...getTableColumns(orders), details: getTableColumns(orderDetails) };
const ofOrder = eq(orderDetails.orderId, orders.id);

/**
 * Reads an order, for its owner or an admin; only an admin sees a deleted one.
 * @throws {ShopError} `not_found`, `forbidden`
 */
export async function getOrder(reader: Reader, id: string, actor: Actor): Promise<Order> {
  const [row] = isId(id)
    ? await reader.select(detailed).from(orders).leftJoin(orderDetails, ofOrder).where(eq(orders.id, id))
    : [];
  if (!row || (row.deletedAt && !isStaff(actor))) throw notFound('order');
  requireOwner(actor, row.customerId);
  return withLines(reader, row);
}

/** A page of the usual size is read at once; of a larger one, what comes from Postgres keeps everyone waiting. */
const detailedAtOnce = 20;

/** A page of orders, newest first: the actor's own, or for an admin everyone's. */
export async function listOrders(reader: Reader, query: OrderQuery, actor: Actor): Promise<Page<Order>> {
  const customerId = actor.kind === 'customer' ? actor.id : query.customerId;
  const matching = and(
    // What can be no number is no order's.
    query.number === undefined ? undefined : eq(orders.number, query.number ?? ''),
    customerId === undefined ? undefined : eq(orders.customerId, customerId),
    query.status && eq(orders.status, query.status),
    query.includeDeleted ? undefined : undeleted(query.status),
  );
  const page = await newestPage(reader, query, orders, matching, (where, order, limit) =>
    reader.select(detailed).from(orders).leftJoin(orderDetails, ofOrder).where(where).orderBy(order).limit(limit),
  );
  return { ...page, rows: await withLinesInParts(reader, page.rows) };
}

/** Orders that match, oldest first. */
export async function oldestOrders(reader: Reader, matching: SQL | undefined, limit: number): Promise<Order[]> {
  const rows = await reader
    .select(detailed)
    .from(orders)
    .leftJoin(orderDetails, ofOrder)
    .where(matching)
    .orderBy(asc(orders.id))
    .limit(limit);
  return withLinesInParts(reader, rows);
}

async function withLinesInParts(reader: Reader, found: DetailedRow[]): Promise<Order[]> {
  const rows: Order[] = [];
  for (let start = 0; start < found.length; start += detailedAtOnce) {
    rows.push(...(await withAllLines(reader, found.slice(start, start + detailedAtOnce))));
  }
  return rows;
}

/** Spelt out for the one status that deleted orders are in, because its index holds the same words. */
function undeleted(status: OrderStatus | undefined): SQL | undefined {
  if (status === undefined) return isNull(orders.deletedAt);
  return status === 'cancelled' ? sql`${orders.status} = 'cancelled' and ${orders.deletedAt} is null` : undefined;
}

/** Adds all that an order has beside its row, to a row that is locked, so that nothing of it changes meanwhile. */
export async function withDetails(tx: Transaction, row: OrderRow): Promise<Order> {
  const [details = null] = await tx.select().from(orderDetails).where(eq(orderDetails.orderId, row.id));
  return withLines(tx, { ...row, details });
}

/** Adds lines and the history of its run to an order. */
async function withLines(reader: Reader, row: DetailedRow): Promise<Order> {
  const [order] = await withAllLines(reader, [row]);
  if (!order) throw new Error('an order has got lost');
  return order;
}

function addressOf(details: OrderDetailsRow | null): ShippingAddress | null {
  if (!details) return null;
  const { name, line1, line2, city, region, postalCode, country } = details;
  // All of them or none, by `order_details_address_check`.
  if (name === null || line1 === null || city === null || country === null) return null;
  return { name, line1, line2, city, region, postalCode, country };
}

/** Where in a run a status stands, which only goes forward. */
const stage = ({ status }: Pick<OrderRow, 'status'>) => orderStatuses.indexOf(status);

/** Adds lines and the history of their run to orders. */
async function withAllLines(reader: Reader, rows: DetailedRow[]): Promise<Order[]> {
  const rowIds = rows.map((row) => row.id);
  const ids = anyUuid(rowIds);
  const runs = sql`(select * from unnest(${uuids(rowIds)}, ${integers(rows.map(({ run }) => run))}))`;
  const [items, history] = await Promise.all([
    // One row for each order, because a row costs ten times what a line within it does.
    reader.execute<{ order_id: string; lines: string }>(sql`
      select order_id, json_agg(json_build_array(product_id, sku, name, quantity, unit_price_cents) order by position)::text
        as lines
      from order_items where order_id = ${ids} group by order_id`),
    reader.select().from(orderHistory).where(sql`(${orderHistory.orderId}, ${orderHistory.run}) in ${runs}`),
  ]);
  const itemsOf = new Map(items.map(({ order_id, lines }) => [order_id, readLines(lines)]));
  const historyOf = byOrder(history);
  return rows.map(({ details, ...row }) => ({
    ...row,
    number: row.number ?? orderNumber(row.id),
    shippingAddress: addressOf(details),
    note: details?.note ?? null,
    items: itemsOf.get(row.id) ?? [],
    // The order may have moved on since its row was read; what it did then belongs to another answer.
    history: (historyOf.get(row.id) ?? [])
      .filter((entry) => stage(entry) <= stage(row))
      .toSorted((a, b) => stage(a) - stage(b)),
  }));
}

function readLines(json: string): Order['items'] {
  const lines: [string, string | null, string, number, number][] = JSON.parse(json);
  return lines.map(([productId, sku, name, quantity, unitPriceCents]) => ({
    productId,
    sku,
    name,
    quantity,
    unitPriceCents,
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

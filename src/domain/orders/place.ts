import { type Placeholder, type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { anyUuid, bigints, integers, smallints, statement, texts, timestamp, uuids } from '../../db/sql.ts';
import { type Order, orders as orderTable } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import { newId } from '../../lib/ids.ts';
import { orderNumber } from '../../schema/order-numbers.ts';
import {
  keptOrderSchema,
  type OrderBody,
  type OrderInput,
  type OrderLine,
  type ShippingAddress,
  serializeOrder,
} from '../../schema/orders.ts';
import { holdAccounts } from '../customers/accounts.ts';
import { answerRepeats, columnsOfRecords, type KeyedAttempt, newRecords, type SentKey } from '../idempotency.ts';
import {
  columnsOfStockChanges,
  type LockedProduct,
  lockProducts,
  type StockChange,
  stockChanged,
  takeStock,
} from '../products/stock.ts';
import { type OrderTerms, orderView } from './changes.ts';
import { nextStepAt, pauseSchedule, recordsOfEntered } from './lifecycle.ts';

export type OrderRequest = Pick<OrderInput, 'shippingAddress' | 'note'> & {
  customerId: string;
  lines: OrderLine[];
  idempotency?: SentKey | undefined;
};

/** An order's first answer: made now, or `replayed` from the record of its key. `mailId` is what is to be sent now. */
export type Placement = { body: OrderBody; replayed: boolean; mailId: string | null };

/** The settings that a new order goes by. */
export type PlacingTerms = OrderTerms & { currency: string };

type NewOrder = { order: Order; body: OrderBody; mailId: string; request: OrderRequest };

/**
 * Places orders in the order they are given, all in this transaction: each takes its stock and is written with its
 * lines, history, mail and idempotency record, or is refused alone and leaves nothing.
 * @returns one outcome for each request: the placement, or the refusal as a {@link ShopError}: `unknown_product`,
 *   `insufficient_stock`, `idempotency_key_reused`, `idempotency_in_progress`, `unauthenticated` for a closed account
 */
export async function placeOrders(
  tx: Transaction,
  requests: OrderRequest[],
  terms: PlacingTerms,
): Promise<(Placement | ShopError)[]> {
  const answered = await answersOfRepeats(tx, requests);
  const open = requests.filter((request) => !answered.has(request));
  if (open.length === 0) return requests.flatMap((request) => answered.get(request) ?? []);
  if (terms.orderStatusIntervalMs === null) await pauseSchedule(tx);
  const customerIds = new Set(open.map((request) => request.customerId));
  const wanted = new Set(open.flatMap((request) => request.lines.map((line) => line.productId)));
  // Sent together, done in this order: one way to Postgres and back.
  const [openAccounts, { products, lockedAt }] = await Promise.all([
    holdAccounts(tx, [...customerIds]),
    lockProducts(tx, wanted),
  ]);
  const stockBefore = new Map([...products].map(([id, { stock }]) => [id, stock]));

  const placed: NewOrder[] = [];
  const outcomes = requests.map((request) => {
    const answer = answered.get(request);
    if (answer) return answer;
    try {
      if (!openAccounts.has(request.customerId)) {
        throw new ShopError('unauthenticated', 'The account has been closed.');
      }
      const order = decide(request, products, lockedAt, terms);
      placed.push(order);
      return { body: order.body, replayed: false, mailId: order.mailId };
    } catch (error) {
      if (error instanceof ShopError) return error;
      throw error;
    }
  });

  if (placed.length > 0) await write(tx, placed, stockChanges(stockBefore, products), lockedAt, terms);
  return outcomes;
}

const attemptOf = ({ customerId, idempotency }: OrderRequest): KeyedAttempt | undefined =>
  idempotency && { callerId: customerId, route: 'orders', ...idempotency };

async function answersOfRepeats(
  tx: Transaction,
  requests: OrderRequest[],
): Promise<Map<OrderRequest, Placement | ShopError>> {
  const answers = await answerRepeats(tx, requests, attemptOf);
  const bodyOf = await keptBodies(
    tx,
    [...answers.values()].flatMap((kept) => (kept instanceof ShopError ? [] : [kept])),
  );
  const replayed = (kept: string) => ({ body: bodyOf(kept), replayed: true, mailId: null });
  return new Map([...answers].map(([request, kept]) => [request, kept instanceof ShopError ? kept : replayed(kept)]));
}

/** Reads first answers as they are kept, those of the release before with what they lack, its number above all. */
async function keptBodies(tx: Transaction, kept: string[]): Promise<(kept: string) => OrderBody> {
  const bodies = new Map(kept.map((response) => [response, keptOrderSchema.parse(JSON.parse(response))]));
  const unnumbered = [...bodies.values()].flatMap(({ id, number }) => (number === undefined ? [id] : []));
  const rows =
    unnumbered.length === 0
      ? []
      : await tx
          .select({ id: orderTable.id, number: orderTable.number })
          .from(orderTable)
          .where(sql`${orderTable.id} = ${anyUuid(unnumbered)}`);
  const numbers = new Map(rows.map(({ id, number }) => [id, number]));
  return (response) => {
    const body = bodies.get(response);
    if (!body) throw new Error('an answer that was not read has been asked for');
    return { ...body, number: body.number ?? numbers.get(body.id) ?? orderNumber(body.id) };
  };
}

/** Adds up lines of the same product, keeping the order in which products first appear. */
function mergeLines(lines: OrderLine[]): OrderLine[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** A transaction that is tried again decides again, so an id whose number is taken gives way to another. */
function decide(request: OrderRequest, products: Map<string, LockedProduct>, now: Date, terms: PlacingTerms): NewOrder {
  const lines = mergeLines(request.lines);
  takeStock(products, lines);
  const items = lines.flatMap(({ productId, quantity }) => {
    const product = products.get(productId);
    if (!product) return [];
    const { sku, name, priceCents: unitPriceCents } = product;
    return [{ productId, sku, name, quantity, unitPriceCents }];
  });
  const id = newId(now);
  const order: Order = {
    id,
    number: orderNumber(id),
    customerId: request.customerId,
    status: 'pending',
    run: 1,
    totalCents: items.reduce((total, item) => total + item.quantity * item.unitPriceCents, 0),
    currency: terms.currency,
    nextStatusAt: nextStepAt('pending', now, terms.orderStatusIntervalMs, false),
    holdReason: null,
    holdSince: null,
    carrier: null,
    trackingNumber: null,
    trackingUrl: null,
    shippingAddress: request.shippingAddress ?? null,
    note: request.note ?? null,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
    items,
    history: [{ status: 'pending', at: now }],
  };
  const body = serializeOrder(order, orderView(order, terms, false));
  return { order, request, mailId: newId(now), body };
}

function stockChanges(before: Map<string, number>, products: Map<string, LockedProduct>): StockChange[] {
  return [...products.values()]
    .map(({ id, stock }) => ({ productId: id, units: stock - (before.get(id) ?? stock) }))
    .filter(({ units }) => units !== 0);
}

/** All that was decided in one statement: one round trip, however many orders. */
function writing(value: Record<keyof ReturnType<typeof columnsOf>, Placeholder>, newDetails: SQL): SQL {
  const at = timestamp(value.at);
  return sql`
    with entered as (
      select placed.*, ${value.currency} as currency, 1 as run, 'pending' as status from unnest(
        ${uuids(value.orderIds)}, ${uuids(value.customerIds)}, ${bigints(value.totals)}, ${texts(value.numbers)},
        ${uuids(value.mailIds)}
      ) as placed(order_id, customer_id, total_cents, number, mail_id)
    ), new_orders as (
      insert into orders
        (id, number, customer_id, status, run, total_cents, currency, next_status_at, created_at, updated_at)
      select order_id, number, customer_id, status, run, total_cents, currency, ${timestamp(value.nextStatusAt)},
        ${at}, ${at}
      from entered
    ), ${newDetails}new_items as (
      insert into order_items (order_id, product_id, position, sku, name, quantity, unit_price_cents)
      select * from unnest(
        ${uuids(value.itemOrderIds)}, ${uuids(value.itemProductIds)}, ${smallints(value.positions)},
        ${texts(value.skus)}, ${texts(value.names)}, ${integers(value.quantities)}, ${integers(value.unitPrices)}
      )
    ), ${recordsOfEntered(at, 'fails')}, ${newRecords(value, at)}
    ${stockChanged(value, at)}`;
}

/** Most batches have neither an address nor a note to write. */
const writeOrders = statement<ReturnType<typeof columnsOf>>((value) => writing(value, sql``));

const writeOrdersWithDetails = statement<ReturnType<typeof columnsOf> & ReturnType<typeof columnsOfDetails>>((value) =>
  writing(
    value,
    sql`new_details as (
      insert into order_details (order_id, name, line1, line2, city, region, postal_code, country, note)
      select * from unnest(
        ${uuids(value.detailedOrderIds)}, ${texts(value.name)}, ${texts(value.line1)}, ${texts(value.line2)},
        ${texts(value.city)}, ${texts(value.region)}, ${texts(value.postalCode)}, ${texts(value.country)}, ${texts(value.notes)}
      )
    ), `,
  ),
);

async function write(
  tx: Transaction,
  placed: NewOrder[],
  changes: StockChange[],
  now: Date,
  terms: PlacingTerms,
): Promise<void> {
  const columns = columnsOf(placed, changes, now, terms);
  const detailed = placed
    .map(({ order }) => order)
    .filter(({ shippingAddress, note }) => shippingAddress !== null || note !== null);
  await tx.execute(
    detailed.length === 0
      ? writeOrders(columns)
      : writeOrdersWithDetails({ ...columns, ...columnsOfDetails(detailed) }),
  );
}

/** What a batch writes. */
function columnsOf(
  placed: NewOrder[],
  changes: StockChange[],
  now: Date,
  { currency, orderStatusIntervalMs }: PlacingTerms,
) {
  const orders = placed.map(({ order }) => order);
  const items = orders.flatMap(({ id, items }) => items.map((item, position) => ({ orderId: id, position, ...item })));
  const records = placed.flatMap(({ request, body }) => {
    const attempt = attemptOf(request);
    return attempt ? [{ ...attempt, response: JSON.stringify(body) }] : [];
  });
  return {
    currency,
    at: now.toISOString(),
    nextStatusAt: nextStepAt('pending', now, orderStatusIntervalMs, false)?.toISOString() ?? null,
    orderIds: orders.map(({ id }) => id),
    customerIds: orders.map(({ customerId }) => customerId),
    totals: orders.map(({ totalCents }) => totalCents),
    numbers: orders.map(({ number }) => number),
    mailIds: placed.map(({ mailId }) => mailId),
    itemOrderIds: items.map(({ orderId }) => orderId),
    itemProductIds: items.map(({ productId }) => productId),
    positions: items.map(({ position }) => position),
    skus: items.map(({ sku }) => sku),
    names: items.map(({ name }) => name),
    quantities: items.map(({ quantity }) => quantity),
    unitPrices: items.map(({ unitPriceCents }) => unitPriceCents),
    ...columnsOfRecords(records),
    ...columnsOfStockChanges(changes),
  };
}

/** What it writes besides of orders with an address or a note. */
function columnsOfDetails(orders: Order[]) {
  const part = (name: keyof ShippingAddress) => orders.map(({ shippingAddress }) => shippingAddress?.[name] ?? null);
  return {
    detailedOrderIds: orders.map(({ id }) => id),
    notes: orders.map(({ note }) => note),
    name: part('name'),
    line1: part('line1'),
    line2: part('line2'),
    city: part('city'),
    region: part('region'),
    postalCode: part('postalCode'),
    country: part('country'),
  };
}

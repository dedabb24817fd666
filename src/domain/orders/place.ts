import { and, gt, type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { anyUuid, bigints, integers, later, smallints, statementTime, texts, timestamp, uuids } from '../../db/sql.ts';
import { idempotencyRecords, type Order, orders as orderTable } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import { newId } from '../../lib/ids.ts';
import { orderNumber } from '../../schema/order-numbers.ts';
import {
  type OrderBody,
  type OrderInput,
  type OrderLine,
  orderSchema,
  type ShippingAddress,
  serializeOrder,
} from '../../schema/orders.ts';
import { holdAccounts } from '../customers/accounts.ts';
import { type LockedProduct, lockProducts, type StockChange, stockChanged, takeStock } from '../products/stock.ts';
import { deletableAt } from './changes.ts';
import { nextStepAt, pauseSchedule, recordsOfEntered } from './lifecycle.ts';

/** How long a first answer is kept for its repeats (README, "What you can rely on"). */
export const idempotencyKeptMs = 24 * 3_600_000;

export type OrderRequest = Pick<OrderInput, 'shippingAddress' | 'note'> & {
  customerId: string;
  lines: OrderLine[];
  /** The caller's key, and a hash of the body it came with. */
  idempotency?: { key: string; requestHash: string } | undefined;
};

/** An order's first answer: made now, or `replayed` from the record of its key. `mailId` is what is to be sent now. */
export type Placement = { body: OrderBody; replayed: boolean; mailId: string | null };

/** `orderStatusIntervalMs` is null where no order moves by itself. */
export type OrderTerms = { currency: string; orderStatusIntervalMs: number | null; orderDeleteAfterMs: number };

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
  terms: OrderTerms,
): Promise<(Placement | ShopError)[]> {
  const answered = await answerRepeats(tx, requests);
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

/** Adds up lines of the same product, keeping the order in which products first appear. */
function mergeLines(lines: OrderLine[]): OrderLine[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

/** A transaction that is tried again decides anew, so an id whose number is taken gives way to another. */
function decide(request: OrderRequest, products: Map<string, LockedProduct>, now: Date, terms: OrderTerms): NewOrder {
  const lines = mergeLines(request.lines);
  takeStock(products, lines);
  const items = lines.flatMap(({ productId, quantity }) => {
    const product = products.get(productId);
    return product ? [{ productId, quantity, name: product.name, unitPriceCents: product.priceCents }] : [];
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
  const body = serializeOrder(order, {
    deletableAt: deletableAt(order, terms.orderDeleteAfterMs),
    staff: false,
    moving: terms.orderStatusIntervalMs !== null,
  });
  return { order, request, mailId: newId(now), body };
}

/**
 * Finds the requests whose key is taken: by an answer that is kept, or by an attempt under way. The lock on a key is
 * only tried, never waited for, so it cannot deadlock with the locks on products; it goes with the transaction.
 */
async function answerRepeats(
  tx: Transaction,
  requests: OrderRequest[],
): Promise<Map<OrderRequest, Placement | ShopError>> {
  const answers = new Map<OrderRequest, Placement | ShopError>();
  const keyed = requests.flatMap((request) => {
    const { customerId, idempotency } = request;
    return idempotency ? [{ request, customerId, ...idempotency, scope: `${customerId}:${idempotency.key}` }] : [];
  });
  if (keyed.length === 0) return answers;

  const scopes = [...new Set(keyed.map((entry) => entry.scope))];
  const locks = await tx.execute<{ scope: string; locked: boolean }>(sql`
    select scope, pg_try_advisory_xact_lock(hashtextextended(scope, 0)) as locked
    from unnest(${texts(scopes)}) as scope`);
  const held = new Set(locks.filter((lock) => lock.locked).map((lock) => lock.scope));
  // A statement of its own, because only a snapshot taken under the lock shows what its last holder committed.
  const records = await tx
    .select()
    .from(idempotencyRecords)
    .where(
      and(
        sql`(${idempotencyRecords.customerId}, ${idempotencyRecords.key}) in (select * from unnest(
          ${uuids(keyed.map((entry) => entry.customerId))}, ${texts(keyed.map((entry) => entry.key))}))`,
        gt(idempotencyRecords.createdAt, later(statementTime, -idempotencyKeptMs)),
      ),
    );
  const recorded = new Map(records.map((record) => [`${record.customerId}:${record.key}`, record]));
  const readBody = await bodiesOf(tx, records);

  for (const { request, scope, requestHash } of keyed) {
    const record = recorded.get(scope);
    if (record && record.requestHash !== requestHash) {
      answers.set(request, new ShopError('idempotency_key_reused', 'The key came with another body before.'));
    } else if (record) {
      answers.set(request, { body: readBody(record.response), replayed: true, mailId: null });
    } else if (!held.delete(scope)) {
      answers.set(
        request,
        new ShopError('idempotency_in_progress', 'The first request with this key is still running.'),
      );
    }
  }
  return answers;
}

/** What the release before has answered says nothing of what came since, its number above all. */
const recordedSchema = orderSchema.extend({
  number: orderSchema.shape.number.optional(),
  shippingAddress: orderSchema.shape.shippingAddress.default(null),
  note: orderSchema.shape.note.default(null),
  shipment: orderSchema.shape.shipment.default(null),
  hold: orderSchema.shape.hold.default(null),
});

/** Reads first answers as they are kept, those of the release before with what they lack. */
async function bodiesOf(tx: Transaction, records: { response: string }[]): Promise<(response: string) => OrderBody> {
  const bodies = records.map(({ response }) => recordedSchema.parse(JSON.parse(response)));
  const unnumbered = bodies.flatMap(({ id, number }) => (number === undefined ? [id] : []));
  const rows =
    unnumbered.length === 0
      ? []
      : await tx
          .select({ id: orderTable.id, number: orderTable.number })
          .from(orderTable)
          .where(sql`${orderTable.id} = ${anyUuid(unnumbered)}`);
  const numbers = new Map(rows.map(({ id, number }) => [id, number]));
  const byResponse = new Map(records.map(({ response }, index) => [response, bodies[index]]));
  return (response) => {
    const body = byResponse.get(response);
    if (!body) throw new Error('a record that was not read has been asked for');
    return { ...body, number: body.number ?? numbers.get(body.id) ?? orderNumber(body.id) };
  };
}

function stockChanges(before: Map<string, number>, products: Map<string, LockedProduct>): StockChange[] {
  return [...products.values()]
    .map(({ id, stock }) => ({ productId: id, units: stock - (before.get(id) ?? stock) }))
    .filter(({ units }) => units !== 0);
}

/** Writes all that was decided in one statement: one round trip, however many orders. */
async function write(
  tx: Transaction,
  placed: NewOrder[],
  changes: StockChange[],
  now: Date,
  { currency, orderStatusIntervalMs }: OrderTerms,
): Promise<void> {
  const orders = placed.map(({ order }) => order);
  const items = orders.flatMap(({ id, items }) => items.map((item, position) => ({ orderId: id, position, ...item })));
  const records = placed.flatMap(({ request: { customerId, idempotency }, body }) =>
    idempotency ? [{ customerId, ...idempotency, response: JSON.stringify(body) }] : [],
  );
  const at = timestamp(now);

  await tx.execute(sql`
    with entered as (
      select placed.*, 1 as run, 'pending' as status from unnest(
        ${uuids(orders.map((order) => order.id))},
        ${uuids(orders.map((order) => order.customerId))},
        ${bigints(orders.map((order) => order.totalCents))},
        ${texts(orders.map((order) => order.number))},
        ${uuids(placed.map(({ mailId }) => mailId))}
      ) as placed(order_id, customer_id, total_cents, number, mail_id)
    ), new_orders as (
      insert into orders
        (id, number, customer_id, status, run, total_cents, currency, next_status_at, created_at, updated_at)
      select order_id, number, customer_id, status, run, total_cents, ${currency},
        ${timestamp(nextStepAt('pending', now, orderStatusIntervalMs, false))}, ${at}, ${at}
      from entered
    ), ${newDetails(orders)}new_items as (
      insert into order_items (order_id, product_id, position, name, quantity, unit_price_cents)
      select * from unnest(
        ${uuids(items.map((item) => item.orderId))},
        ${uuids(items.map((item) => item.productId))},
        ${smallints(items.map((item) => item.position))},
        ${texts(items.map((item) => item.name))},
        ${integers(items.map((item) => item.quantity))},
        ${integers(items.map((item) => item.unitPriceCents))}
      )
    ), ${recordsOfEntered(at, 'fails')}, new_records as (
      insert into idempotency_records (customer_id, key, request_hash, response, created_at)
      select t.*, ${at} from unnest(
        ${uuids(records.map((record) => record.customerId))},
        ${texts(records.map((record) => record.key))},
        ${texts(records.map((record) => record.requestHash))},
        ${texts(records.map((record) => record.response))}
      ) as t
      on conflict (customer_id, key) do update
      set request_hash = excluded.request_hash, response = excluded.response, created_at = excluded.created_at
    )
    ${stockChanged(changes, at)}`);
}

/** The expression that writes addresses and notes; nothing where no order has either, as most do not. */
function newDetails(orders: Order[]): SQL {
  const given = orders.filter(({ shippingAddress, note }) => shippingAddress !== null || note !== null);
  if (given.length === 0) return sql``;
  const part = (name: keyof ShippingAddress) =>
    texts(given.map(({ shippingAddress }) => shippingAddress?.[name] ?? null));
  return sql`new_details as (
      insert into order_details (order_id, name, line1, line2, city, region, postal_code, country, note)
      select * from unnest(
        ${uuids(given.map(({ id }) => id))}, ${part('name')}, ${part('line1')}, ${part('line2')}, ${part('city')},
        ${part('region')}, ${part('postalCode')}, ${part('country')}, ${texts(given.map(({ note }) => note))}
      )
    ), `;
}

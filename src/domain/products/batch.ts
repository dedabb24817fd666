import { isDeepStrictEqual } from 'node:util';
import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { clockMicros, dateAtMicros, integers, texts, timestamp, timestamps, uuids } from '../../db/sql.ts';
import { type ProductRow, products } from '../../db/tables.ts';
import { type ErrorCode, OvertakenError, ShopError } from '../../errors.ts';
import { newId } from '../../lib/ids.ts';
import {
  type BatchResult,
  type JudgedItem,
  judgeItems,
  type ProductBatchBody,
  type ProductBatchInput,
  productBatchSchema,
} from '../../schema/product-batches.ts';
import { stockMax } from '../../schema/stock-changes.ts';
import { differences, writeEvents } from '../audit/events.ts';
import type { Actor } from '../customers/actor.ts';
import { answerRepeat, columnsOfRecords, type KeyedAttempt, newRecords, type SentKey } from '../idempotency.ts';
import { tellWebhooks } from '../outbox/webhook-deliveries.ts';
import { productEvent, toldOfProducts } from './products.ts';
import { productColumns } from './rows.ts';
import { columnsOfStockChanges, stockChanged } from './stock.ts';
import { newStockChanges, stockChangeRow } from './stock-changes.ts';

export type BatchRequest = ProductBatchInput & {
  idempotency?: SentKey | undefined;
};

/** A batch's first answer: made now, or `replayed` from the record of its key. */
export type WrittenBatch = { body: ProductBatchBody; replayed: boolean };

/** What a product is, or is to be, beside its stock and its moments. */
export type ProductFields = Pick<ProductRow, 'sku' | 'name' | 'description' | 'priceCents' | 'tags' | 'images'>;

/** A product as it was and is to be: made when there was none, with its stock of then. */
export type Written = { before: ProductRow | null; after: ProductRow };

/** Products under lock, and when the last one was locked, by Postgres' clock, in Unix µs. */
type Locked = { rows: ProductRow[]; atMicros: number };

/**
 * Makes products and replaces others, as many as a request names, by their SKU: what is wrong with one is told in its
 * result. Two batches at once take turns at the products that both name; one that finds a product made meanwhile
 * is done again.
 * @throws {ShopError} `batch_refused` with `results`, `idempotency_key_reused`, `idempotency_in_progress`
 */
export async function writeBatch(
  tx: Transaction,
  request: BatchRequest,
  actor: Actor & { id: string },
): Promise<WrittenBatch> {
  const { items, onError, dryRun, idempotency } = request;
  const attempt: KeyedAttempt | undefined = idempotency && {
    callerId: actor.id,
    route: 'products/batch',
    ...idempotency,
  };
  const kept = await answerRepeat(tx, attempt);
  if (kept !== null) return { body: productBatchSchema.parse(JSON.parse(kept)), replayed: true };

  const judged = judgeItems(items);
  const skus = judged.flatMap(({ sku, item }) => (item ? [sku] : []));
  const { rows, atMicros } = await productsBySku(tx, skus, dryRun ? 'read' : 'lock');
  const known = new Map(rows.map((row) => [row.sku, row]));
  const now = dateAtMicros(atMicros);
  const decisions = judged.map((each) => decide(each, known, now));

  const isRefused = decisions.some(({ result }) => result.outcome === 'refused');
  if (isRefused && onError === 'reject') {
    const results = decisions.map(({ result }) => (result.outcome === 'refused' ? result : notWritten(result, known)));
    throw new ShopError('batch_refused', 'One item or more cannot be written, so none was.', { results });
  }
  if (dryRun) {
    const results = decisions.map(({ result }) => (result.outcome === 'created' ? { ...result, id: null } : result));
    return { body: { results }, replayed: false };
  }
  const body = { results: decisions.map(({ result }) => result) };
  const records = attempt ? [{ ...attempt, response: JSON.stringify(body) }] : [];
  const written = decisions.flatMap(({ written }) => written ?? []);
  await writeProducts(tx, written, actor, atMicros, records);
  return { body, replayed: false };
}

const notWritten = ({ sku }: BatchResult, known: Map<string | null, ProductRow>): BatchResult => ({
  sku,
  outcome: 'not_written',
  id: known.get(sku)?.id ?? null,
});

/** What is to become of an item, and what that writes. */
type Decision = { result: BatchResult; written: Written | null };

function decide(judged: JudgedItem, known: Map<string | null, ProductRow>, now: Date): Decision {
  const { sku, item, errors } = judged;
  if (!item) return refused(sku, 'validation_failed', errors);
  const { stock, stockChange, ...fields } = item;
  const before = known.get(sku) ?? null;
  const faults = stockFaults(item, before);
  if (faults.length > 0) return refused(sku, 'validation_failed', faults);
  if (!before) {
    const made = {
      ...fields,
      id: newId(now),
      stock: stock ?? 0,
      version: 1,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
    return { result: { sku, outcome: 'created', id: made.id }, written: { before, after: made } };
  }
  const { id } = before;
  const stockAfter = before.stock + (stockChange ?? 0);
  if (stockAfter < 0) {
    return refused(sku, 'insufficient_stock', [
      { productId: id, requested: -(stockChange ?? 0), available: before.stock },
    ]);
  }
  if (stockAfter > stockMax) {
    return refused(sku, 'stock_too_high', [
      { path: 'stockChange', message: `would bring the stock above ${stockMax}` },
    ]);
  }
  const after = { ...before, ...fields, stock: stockAfter };
  if (!hasChanged(before, after)) return { result: { sku, outcome: 'unchanged', id }, written: null };
  return { result: { sku, outcome: 'updated', id }, written: { before, after } };
}

function refused(sku: string | null, code: ErrorCode, errors: NonNullable<BatchResult['errors']>): Decision {
  return { result: { sku, outcome: 'refused', id: null, code, errors }, written: null };
}

/** What an item says of stock that does not go with whether its product is there. */
function stockFaults(
  { stock, stockChange }: { stock?: number | undefined; stockChange?: number | undefined },
  before: ProductRow | null,
) {
  const faults: { path: string; message: string }[] = [];
  if (!before && stock === undefined) faults.push({ path: 'stock', message: 'is needed for a new product' });
  if (before && stock !== undefined) faults.push({ path: 'stock', message: 'is for a new product; this one is there' });
  if (!before && stockChange !== undefined)
    faults.push({ path: 'stockChange', message: 'is for a product that is there; this one is new' });
  return faults;
}

const fieldsOf = ({ sku, name, description, priceCents, tags, images }: ProductFields): ProductFields => ({
  sku,
  name,
  description,
  priceCents,
  tags,
  images: images.map(({ url, alt }) => ({ url, alt })),
});

/** Whether fields other than the stock differ. */
export function hasOtherFields(before: ProductFields, after: ProductFields): boolean {
  return !isDeepStrictEqual(fieldsOf(before), fieldsOf(after));
}

const hasChanged = (before: ProductRow, after: ProductRow) =>
  before.stock !== after.stock || hasOtherFields(before, after);

/** Undeleted products with these SKUs; under lock, in the order of their ids, as every transaction locks products. */
async function productsBySku(tx: Transaction, skus: string[], how: 'read' | 'lock'): Promise<Locked> {
  const matching = tx
    .select(productColumns)
    .from(products)
    .where(sql`${products.sku} = any(${texts(skus)}) and ${products.sku} is not null and ${products.deletedAt} is null`)
    .orderBy(products.id);
  return lockWithClock(tx, how === 'lock' ? matching.for('no key update') : matching);
}

/** Rows, and a reading of the clock behind them: one before their locks would be older than the wait. */
export async function lockWithClock(tx: Transaction, matching: PromiseLike<ProductRow[]>): Promise<Locked> {
  const rows = await matching;
  const [clock] = await tx.execute<{ micros: string }>(sql`select ${clockMicros} as micros`);
  return { rows, atMicros: Number(clock?.micros) };
}

/**
 * Writes products that were decided under lock, one statement for each kind of write, with their bookings and events.
 * @param atMicros when the last one was locked
 * @throws {OvertakenError} when somebody has made a product with the same SKU or id meanwhile
 */
export async function writeProducts(
  tx: Transaction,
  written: Written[],
  actor: Actor,
  atMicros: number,
  records: Parameters<typeof columnsOfRecords>[0] = [],
): Promise<void> {
  const at = timestamp(dateAtMicros(atMicros));
  const made = written.flatMap(({ before, after }) => (before ? [] : [after]));
  const edited = written.flatMap(({ before, after }) => (before && hasOtherFields(before, after) ? [after] : []));
  const moved = written.flatMap(({ before, after }) => {
    const units = after.stock - (before?.stock ?? 0);
    return units === 0 ? [] : [{ before, after, units }];
  });
  if (made.length > 0) await insertProducts(tx, made);
  if (edited.length > 0) {
    await tx.execute(sql`
      update products set sku = item.sku, name = item.name, description = item.description,
        price_cents = item.price_cents, tags = item.tags, images = item.images,
        version = version + 1, updated_at = ${at}
      from ${itemsOf(edited)} where products.id = item.id`);
  }
  if (moved.length > 0 || records.length > 0) {
    const booked = moved.map(({ before, after, units }) =>
      stockChangeRow(
        {
          productId: after.id,
          change: units,
          reason: before ? 'edited' : 'created',
          note: null,
          stockAfter: after.stock,
        },
        actor,
        atMicros,
      ),
    );
    const changes = moved.flatMap(({ before, after, units }) => (before ? [{ productId: after.id, units }] : []));
    await tx.execute(sql`
      with ${newStockChanges(booked)}, ${newRecords(columnsOfRecords(records), at)}
      ${stockChanged(columnsOfStockChanges(changes), at)}`);
  }
  const updatedAt = dateAtMicros(atMicros);
  await tellWebhooks(tx, [
    ...made.map((row) => productEvent('product.created', row)),
    ...edited.map((row) => productEvent('product.updated', { ...row, version: row.version + 1, updatedAt })),
  ]);
  await writeEvents(
    tx,
    actor,
    written.map(({ before, after }) => ({
      action: before ? ('product.updated' as const) : ('product.created' as const),
      subject: { kind: 'product' as const, id: after.id },
      changes: differences(toldOfProducts, before, after),
    })),
  );
}

/** In the order of their SKUs, so that two transactions that make the same products wait for each other in one direction. */
async function insertProducts(tx: Transaction, made: ProductRow[]): Promise<void> {
  const inserted = await tx.execute(sql`
    insert into products (id, sku, name, description, price_cents, stock, tags, images, created_at, updated_at)
    select item.id, item.sku, item.name, item.description, item.price_cents, item.stock, item.tags, item.images,
      item.created_at, item.updated_at
    from ${itemsOf(made)} order by item.sku, item.id
    on conflict do nothing returning 1`);
  if (inserted.length < made.length) throw new OvertakenError('A product of the same SKU has been made meanwhile.');
}

/** Products as a table `item`; lists go as JSON, because an array of arrays would have to be a rectangle. */
function itemsOf(rows: ProductRow[]): SQL {
  return sql`(
      select id, sku, name, description, price_cents, stock,
        array(select * from jsonb_array_elements_text(tag_list::jsonb)) as tags, image_list::jsonb as images,
        created_at, updated_at
      from unnest(
        ${uuids(rows.map((row) => row.id))}, ${texts(rows.map((row) => row.sku))},
        ${texts(rows.map((row) => row.name))}, ${texts(rows.map((row) => row.description))},
        ${integers(rows.map((row) => row.priceCents))}, ${integers(rows.map((row) => row.stock))},
        ${texts(rows.map((row) => JSON.stringify(row.tags)))},
        ${texts(rows.map((row) => JSON.stringify(fieldsOf(row).images)))},
        ${timestamps(rows.map((row) => row.createdAt))}, ${timestamps(rows.map((row) => row.updatedAt))}
      ) as given(id, sku, name, description, price_cents, stock, tag_list, image_list, created_at, updated_at)
    ) as item`;
}

import { eq, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import type { Reader, Transaction } from '../../db/client.ts';
import { anyUuid, clockMicros, statementTime, timestamp } from '../../db/sql.ts';
import { type ProductRow, products } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { type ProductInput, type ProductReplacement, serializeProduct } from '../../schema/products.ts';
import { differences, writeEvent } from '../audit/events.ts';
import { type Actor, isStaff } from '../customers/actor.ts';
import { type ShopEvent, tellWebhooks } from '../outbox/webhook-deliveries.ts';
import { lockProduct, productColumns } from './rows.ts';
import { stockChanged } from './stock.ts';
import { newStockChanges, stockChangeRow } from './stock-changes.ts';

/** What an audit event tells of a product. */
export const toldOfProducts = {
  sku: 'values',
  name: 'values',
  description: 'values',
  priceCents: 'values',
  stock: 'values',
  tags: 'values',
  images: 'values',
  deletedAt: 'values',
} as const;

/** What is done to products is called alike in audit events and to webhooks. */
type ProductAction = 'product.created' | 'product.updated' | 'product.deleted' | 'product.restored';

/**
 * Puts a product into the catalogue, and books its stock.
 * @throws {ShopError} `sku_taken`
 */
export async function createProduct(tx: Transaction, input: ProductInput, actor: Actor): Promise<ProductRow> {
  const made = { id: sql`uuid_v7(${statementTime})`, createdAt: statementTime, updatedAt: statementTime };
  const [inserted] = await tx
    .insert(products)
    .values({ ...input, ...made })
    .returning({ ...productColumns, atMicros: clockMicros });
  if (!inserted) throw new Error('the insert gave no row');
  const { atMicros, ...row } = inserted;
  const { id: productId, stock } = row;
  if (stock !== 0) {
    const booking = { productId, change: stock, reason: 'created' as const, note: null, stockAfter: stock };
    await tx.execute(sql`with ${newStockChanges([stockChangeRow(booking, actor, Number(atMicros))])} select 1`);
  }
  await writeProductEvent(tx, actor, 'product.created', null, row);
  return row;
}

/**
 * Replaces a product under the row's lock. Another stock is set by booking the difference.
 * @param mayChange tells whether the product may be changed in this version
 * @throws {ShopError} `not_found`, `precondition_failed`, `sku_taken`
 */
export async function replaceProduct(
  tx: Transaction,
  id: string,
  { stock: wanted, ...input }: ProductReplacement,
  actor: Actor,
  mayChange: (version: number) => boolean,
): Promise<ProductRow> {
  const { row, lockedAtMicros } = await requireProduct(tx, id);
  if (row.deletedAt) throw notFound('product');
  requireCondition(row, mayChange);
  const stockAfter = wanted ?? row.stock;
  if (stockAfter !== row.stock) {
    const change = stockAfter - row.stock;
    const booking = { productId: row.id, change, reason: 'edited' as const, note: null, stockAfter };
    const booked = stockChangeRow(booking, actor, lockedAtMicros);
    // Apart from the rest: a statement that names both name and stock is booked by the trigger for the release before.
    await tx.execute(sql`
      with ${newStockChanges([booked])} ${stockChanged({ productIds: [row.id], units: [change] }, timestamp(booked.createdAt))}`);
  }
  return changeProduct(tx, row, input, actor, 'product.updated');
}

/**
 * Takes a product out of the catalogue; orders keep what they hold.
 * @param mayChange as with `replaceProduct`
 * @throws {ShopError} `not_found`, `precondition_failed`
 */
export async function deleteProduct(
  tx: Transaction,
  id: string,
  actor: Actor,
  mayChange: (version: number) => boolean,
): Promise<void> {
  const { row } = await requireProduct(tx, id);
  if (row.deletedAt) throw notFound('product');
  requireCondition(row, mayChange);
  await changeProduct(tx, row, { deletedAt: statementTime }, actor, 'product.deleted');
}

/**
 * Puts a deleted product back.
 * @param mayChange as with `replaceProduct`
 * @throws {ShopError} `not_found`, `precondition_failed`, `product_not_deleted`, `sku_taken`
 */
export async function restoreProduct(
  tx: Transaction,
  id: string,
  actor: Actor,
  mayChange: (version: number) => boolean,
): Promise<ProductRow> {
  const { row } = await requireProduct(tx, id);
  requireCondition(row, mayChange);
  if (!row.deletedAt) throw new ShopError('product_not_deleted', 'The product is not deleted.');
  return changeProduct(tx, row, { deletedAt: null }, actor, 'product.restored');
}

async function requireProduct(tx: Transaction, id: string) {
  const locked = await lockProduct(tx, id);
  if (!locked) throw notFound('product');
  return locked;
}

function requireCondition(row: ProductRow, mayChange: (version: number) => boolean): void {
  if (mayChange(row.version)) return;
  throw new ShopError('precondition_failed', 'The product is not the one that the conditions of the request name.');
}

async function changeProduct(
  tx: Transaction,
  row: ProductRow,
  change: PgUpdateSetSource<typeof products>,
  actor: Actor,
  action: ProductAction,
): Promise<ProductRow> {
  const [changed = row] = await tx
    .update(products)
    .set({ ...change, version: sql`${products.version} + 1`, updatedAt: statementTime })
    .where(eq(products.id, row.id))
    .returning(productColumns);
  await writeProductEvent(tx, actor, action, row, changed);
  return changed;
}

/** Writes down what was done to a product, and tells webhooks of it, unless that changed nothing. */
async function writeProductEvent(
  tx: Transaction,
  actor: Actor,
  action: ProductAction,
  before: ProductRow | null,
  after: ProductRow,
): Promise<void> {
  const changes = differences(toldOfProducts, before, after);
  const { stock, ...others } = changes;
  if (Object.keys(changes).length === 0) return;
  // A change of stock alone is an event of its own kind.
  const ofStockAlone = stock !== undefined && Object.keys(others).length === 0;
  // Sent together: one way to Postgres and back.
  await Promise.all([
    writeEvent(tx, actor, { action, subject: { kind: 'product', id: after.id }, changes }),
    tellWebhooks(tx, ofStockAlone ? [] : [productEvent(action, after)]),
  ]);
}

/** What webhooks are told of a product; each of its versions came by one change. */
export function productEvent(type: ProductAction, row: ProductRow): ShopEvent {
  // Rules do not know the shop's currency; the worker that sends it does.
  return { type, subjectId: row.id, occurrence: row.version, data: serializeProduct(row, '') };
}

/** Finds products by id, deleted ones included, in one query. */
export function findProducts(reader: Reader, ids: string[]): Promise<Map<string, ProductRow>> {
  return productFinder(reader)(ids);
}

/** What `findProducts` does, for callers that do it often: building the query would cost more than a row. */
export function productFinder(reader: Reader): (ids: string[]) => Promise<Map<string, ProductRow>> {
  const query = reader
    .select(productColumns)
    .from(products)
    .where(sql`${products.id} = ${anyUuid(sql.placeholder('ids'))}`)
    .prepare('products by id');
  return async (ids) => new Map((await query.execute({ ids })).map((row) => [row.id, row]));
}

/**
 * Lets everyone see a product, but a deleted one only an admin.
 * @param identify who asks; called only when it matters
 * @throws {ShopError} `not_found`
 */
export async function visibleProduct(
  found: ProductRow | null,
  identify: () => Promise<Actor | null>,
): Promise<ProductRow> {
  if (!found) throw notFound('product');
  if (!found.deletedAt) return found;
  const actor = await identify();
  if (!actor || !isStaff(actor)) throw notFound('product');
  return found;
}

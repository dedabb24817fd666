import { and, asc, desc, eq, getTableColumns, gt, gte, isNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../db/client.ts';
import { products } from '../db/tables.ts';
import { notFound, ShopError } from '../errors.ts';
import { type ProductInput, type ProductQuery, type ProductSort, sortField } from '../schema/products.ts';
import type { ProductRow } from './bodies.ts';
import { isId, newId } from './ids.ts';
import { countMatches, type Page, pageWindow, toPage } from './paging.ts';
import type { Viewer } from './viewer.ts';

const { search: _search, ...columns } = getTableColumns(products);

const searchWordsMax = 10;

/** The entity tag of a product: its version, which moves with every change (RFC 9110, section 8.8.3). */
export function productEtag(row: Pick<ProductRow, 'version'>): string {
  return `"${row.version}"`;
}

/** Puts a product into the catalogue. */
export async function createProduct(tx: Transaction, input: ProductInput, now: Date): Promise<ProductRow> {
  const row = { ...input, id: newId(now), version: 1, createdAt: now, updatedAt: now, deletedAt: null };
  await tx.insert(products).values(row);
  return row;
}

/**
 * Replaces a product, stock included, under the row's lock.
 * @param precondition tells whether the product with this entity tag may be replaced
 * @throws {ShopError} `not_found`, `precondition_failed`
 */
export async function replaceProduct(
  tx: Transaction,
  id: string,
  input: ProductInput,
  precondition: (etag: string) => boolean,
  now: Date,
): Promise<ProductRow> {
  const row = await lockProduct(tx, id);
  if (row.deletedAt) throw notFound('product');
  if (!precondition(productEtag(row))) {
    throw new ShopError('precondition_failed', 'The product has changed since you read it.');
  }
  return changeProduct(tx, row, { ...input, updatedAt: now });
}

/**
 * Takes a product out of the catalogue; orders keep what they hold.
 * @throws {ShopError} `not_found`
 */
export async function deleteProduct(tx: Transaction, id: string, now: Date): Promise<void> {
  const row = await lockProduct(tx, id);
  if (row.deletedAt) throw notFound('product');
  await changeProduct(tx, row, { deletedAt: now, updatedAt: now });
}

/**
 * Puts a deleted product back.
 * @throws {ShopError} `not_found`, `product_not_deleted`
 */
export async function restoreProduct(tx: Transaction, id: string, now: Date): Promise<ProductRow> {
  const row = await lockProduct(tx, id);
  if (!row.deletedAt) throw new ShopError('product_not_deleted', 'The product is not deleted.');
  return changeProduct(tx, row, { deletedAt: null, updatedAt: now });
}

async function lockProduct(tx: Transaction, id: string): Promise<ProductRow> {
  const [row] = isId(id) ? await tx.select(columns).from(products).where(eq(products.id, id)).for('no key update') : [];
  if (!row) throw notFound('product');
  return row;
}

async function changeProduct(tx: Transaction, row: ProductRow, change: Partial<ProductRow>): Promise<ProductRow> {
  const changed = { ...row, ...change, version: row.version + 1 };
  await tx
    .update(products)
    .set({ ...change, version: changed.version })
    .where(eq(products.id, row.id));
  return changed;
}

/** Finds products by id, deleted ones included, in one query. */
export async function findProducts(reader: Reader, ids: string[]): Promise<Map<string, ProductRow>> {
  const rows = await reader
    .select(columns)
    .from(products)
    .where(sql`${products.id} = any(${sql.param(ids)}::uuid[])`);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The versions of products, deleted ones included, in one query. */
export async function findVersions(reader: Reader, ids: string[]): Promise<Map<string, number>> {
  const rows = await reader
    .select({ id: products.id, version: products.version })
    .from(products)
    .where(sql`${products.id} = any(${sql.param(ids)}::uuid[])`);
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** A page of the catalogue: undeleted products that match the filters, in the order asked for. */
export async function listProducts(reader: Reader, query: ProductQuery): Promise<Page<ProductRow>> {
  const words = query.q ? searchWords(query.q) : undefined;
  if (words?.length === 0) return toPage(query, [], 0, () => null);
  const matching = and(
    isNull(products.deletedAt),
    words && sql`${products.search} @@ ${tsquery(words)}`,
    query.minPriceCents === undefined ? undefined : gte(products.priceCents, query.minPriceCents),
    query.maxPriceCents === undefined ? undefined : lte(products.priceCents, query.maxPriceCents),
    query.inStock && gt(products.stock, 0),
  );
  const { offset, limit } = pageWindow(query);
  const order = query.sort
    ? sortOrder(query.sort)
    : [sql`ts_rank(${products.search}, ${tsquery(words ?? [])}) desc`, desc(products.id)];
  const [rows, totalItems] = await Promise.all([
    reader
      .select(columns)
      .from(products)
      .where(and(matching, afterCursor(query)))
      .orderBy(...order)
      .limit(limit)
      .offset(offset),
    countMatches(reader, products, matching),
  ]);
  return toPage(
    query,
    rows,
    totalItems,
    (row) => query.sort && { sort: query.sort, key: sortKey(query.sort, row), id: row.id },
  );
}

/**
 * The words of a search; ASCII punctuation parts them, as it does in the `search` column. Only the first ten count,
 * because each costs a walk through all words that begin like it.
 */
function searchWords(text: string): string[] {
  const words = text.split(/[\s!-/:-@[-`{-~]+/);
  return [...new Set(words)].filter(Boolean).slice(0, searchWordsMax);
}

/** Every word must occur, each at least as the beginning of one. Quoting keeps operators out of the words' hands. */
function tsquery(words: string[]): SQL {
  return sql`to_tsquery('simple', ${words.map((word) => `'${word}':*`).join(' & ')})`;
}

// An id holds its moment of creation, so it stands for createdAt in sorts and cursors.
const sortColumns = { createdAt: products.id, priceCents: products.priceCents, name: products.name };

function sortOrder(sort: ProductSort): SQL[] {
  const column = sortColumns[sortField(sort)];
  const direction = sort.startsWith('-') ? desc : asc;
  return column === products.id ? [direction(products.id)] : [direction(column), direction(products.id)];
}

function sortKey(sort: ProductSort, row: ProductRow): string | number | null {
  const field = sortField(sort);
  return field === 'createdAt' ? null : row[field];
}

function afterCursor({ cursor, sort }: ProductQuery): SQL | undefined {
  if (!cursor || !sort) return undefined;
  const column = sortColumns[sortField(sort)];
  const beyond = sort.startsWith('-') ? sql`<` : sql`>`;
  return column === products.id
    ? sql`${products.id} ${beyond} ${cursor.id}`
    : sql`(${column}, ${products.id}) ${beyond} (${cursor.key}, ${cursor.id})`;
}

/**
 * Lets everyone see a product, but a deleted one only an admin.
 * @param identify who asks; called only when it matters
 * @throws {ShopError} `not_found`
 */
export async function visibleProduct(
  found: ProductRow | null,
  identify: () => Promise<Viewer | null>,
): Promise<ProductRow> {
  if (found?.deletedAt && (await identify())?.role !== 'admin') throw notFound('product');
  if (!found) throw notFound('product');
  return found;
}

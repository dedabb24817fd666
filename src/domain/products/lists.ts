import { and, desc, eq, gt, gte, isNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { texts } from '../../db/sql.ts';
import { type ProductRow, products } from '../../db/tables.ts';
import type { ProductQuery, ProductSort } from '../../schema/products.ts';
import { countMatches, exactCountMax, type Page, pageStart, rowsToRead, toPage } from '../paging.ts';
import { findProducts } from './products.ts';
import { productColumns } from './rows.ts';
import { lookUpMatches, type Matches, searchProducts } from './search.ts';
import { beyond, sortColumn, sortKey, sortOrder } from './sorts.ts';

/** A page of the catalogue: undeleted products that match the filters, in the order asked for. */
export async function listProducts(reader: Reader, query: ProductQuery): Promise<Page<ProductRow>> {
  const filters = filtersOf(query);
  if (query.q) return pageOfMatches(reader, query, await searchProducts(reader, query.q, filters, query));
  const matching = and(isNull(products.deletedAt), filters, filters && withCustomPlan);
  if (query.tag !== undefined) {
    // A walk might pass all of the catalogue until it meets a few products of one age; those are sooner looked up.
    const few = await lookUpMatches(reader, matching, query);
    if (few.totalItems <= exactCountMax) return pageOfMatches(reader, query, few);
  }
  const { sort } = query;
  const walked = sort ?? '-createdAt';
  const [rows, totalItems] = await Promise.all([
    walk(reader, query, walked, matching),
    countMatches(reader, products, matching, desc(products.id)),
  ]);
  return toPage(query, rows, totalItems, (row) => sort && { sort, key: sortKey(sort, row), id: row.id });
}

/** Where the next page begins is as it was found: products may have changed or gone when they are read. */
async function pageOfMatches(
  reader: Reader,
  query: ProductQuery,
  { found, totalItems }: Matches,
): Promise<Page<ProductRow>> {
  const { sort } = query;
  const page = toPage(query, found, totalItems, (place) => sort && { sort, ...place });
  const ids = page.rows.map(({ id }) => id);
  return { ...page, rows: await inOrder(reader, ids) };
}

function filtersOf({ minPriceCents, maxPriceCents, inStock, sku, tag }: ProductQuery): SQL | undefined {
  return and(
    minPriceCents === undefined ? undefined : gte(products.priceCents, minPriceCents),
    maxPriceCents === undefined ? undefined : lte(products.priceCents, maxPriceCents),
    inStock && gt(products.stock, 0),
    sku === undefined ? undefined : eq(products.sku, sku),
    tag === undefined ? undefined : sql`${products.tags} @> ${texts([tag])}`,
  );
}

/** The rows of a page by a walk through the index of its sort. */
async function walk(
  reader: Reader,
  query: ProductQuery,
  sort: ProductSort,
  matching: SQL | undefined,
): Promise<ProductRow[]> {
  const start = await pageStart(query, (skipped) =>
    reader
      .select({ id: products.id, key: sql<string | number | null>`${sortColumn(sort) ?? sql`null`}` })
      .from(products)
      .where(matching)
      .orderBy(...sortOrder(sort))
      .limit(1)
      .offset(skipped),
  );
  if (start === null) return [];
  return reader
    .select(productColumns)
    .from(products)
    .where(and(matching, start && beyond(sort, start)))
    .orderBy(...sortOrder(sort))
    .limit(rowsToRead(query));
}

/** Products in the order of their ids in the list, without those that have been deleted since they were found. */
async function inOrder(reader: Reader, ids: string[]): Promise<ProductRow[]> {
  if (ids.length === 0) return [];
  const found = await findProducts(reader, ids);
  return ids.flatMap((id) => {
    const row = found.get(id);
    return row && row.deletedAt === null ? [row] : [];
  });
}

import { and, desc, eq, gt, gte, isNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { texts } from '../../db/sql.ts';
import { type ProductRow, products } from '../../db/tables.ts';
import type { ProductQuery, ProductSort } from '../../schema/products.ts';
import { countMatches, exactCountMax, type Page, pageStart, rowsToRead, toPage } from '../paging.ts';
import { findProducts } from './products.ts';
import { productColumns } from './rows.ts';
import { lookUpMatches, searchProducts } from './search.ts';
import { beyond, sortColumn, sortKey, sortOrder } from './sorts.ts';

/** A page of the catalogue: undeleted products that match the filters, in the order asked for. */
export async function listProducts(reader: Reader, query: ProductQuery): Promise<Page<ProductRow>> {
  const filters = filtersOf(query);
  const { sort } = query;
  const place = (row: ProductRow) => sort && { sort, key: sortKey(sort, row), id: row.id };
  if (!query.q) {
    const matching = and(isNull(products.deletedAt), filters, filters && withCustomPlan);
    if (query.tag !== undefined) {
      // A walk might pass all of the catalogue until it meets a few products of one age; those are sooner looked up.
      const few = await lookUpMatches(reader, matching, query);
      if (few.totalItems <= exactCountMax) return toPage(query, await inOrder(reader, few.ids), few.totalItems, place);
    }
    const walked = sort ?? '-createdAt';
    const [rows, totalItems] = await Promise.all([
      walk(reader, query, walked, matching),
      countMatches(reader, products, matching, desc(products.id)),
    ]);
    return toPage(query, rows, totalItems, place);
  }
  const found = await searchProducts(reader, query.q, filters, query);
  return toPage(query, await inOrder(reader, found.ids), found.totalItems, place);
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

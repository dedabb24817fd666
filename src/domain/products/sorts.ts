import { asc, desc, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { type ProductRow, products } from '../../db/tables.ts';
import type { Position } from '../../schema/paging.ts';
import { type ProductSort, sortField } from '../../schema/products.ts';

// An id holds its moment of creation, so it stands for createdAt in sorts and cursors.
const sortColumns = { createdAt: products.id, priceCents: products.priceCents, name: products.name };

const isDescending = (sort: ProductSort) => sort.startsWith('-');

/** The column that a sort goes by before the id; null when the id is all. */
export function sortColumn(sort: ProductSort) {
  const column = sortColumns[sortField(sort)];
  return column === products.id ? null : column;
}

/** What to order by, by the names that key and id have in the statement. */
export function sortOrder(
  sort: ProductSort,
  key: SQLWrapper | null = sortColumn(sort),
  id: SQLWrapper = products.id,
): SQL[] {
  const direction = isDescending(sort) ? desc : asc;
  return [...(sortColumn(sort) && key ? [direction(key)] : []), direction(id)];
}

export function sortKey(sort: ProductSort, row: ProductRow): string | number | null {
  const field = sortField(sort);
  return field === 'createdAt' ? null : row[field];
}

type Place = { key: Position['key'] | SQL; id: string | SQL };

/** The rows that come after a place in a sort, by the names that key and id have in the statement. */
export function beyond(sort: ProductSort, place: Place, key?: SQLWrapper, id?: SQLWrapper): SQL {
  return compared(sort, isDescending(sort) ? sql`<` : sql`>`, place, key, id);
}

/** The other rows: that place, and those that come before it. */
export function upTo(sort: ProductSort, place: Place, key?: SQLWrapper, id?: SQLWrapper): SQL {
  return compared(sort, isDescending(sort) ? sql`>=` : sql`<=`, place, key, id);
}

function compared(
  sort: ProductSort,
  operator: SQL,
  place: Place,
  key: SQLWrapper | null = sortColumn(sort),
  id: SQLWrapper = products.id,
): SQL {
  return sortColumn(sort)
    ? sql`(${key}, ${id}) ${operator} (${place.key}, ${place.id})`
    : sql`${id} ${operator} ${place.id}`;
}

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

export function sortOrder(sort: ProductSort): SQL[] {
  const direction = isDescending(sort) ? desc : asc;
  const column = sortColumn(sort);
  return [...(column ? [direction(column)] : []), direction(products.id)];
}

export function sortKey(sort: ProductSort, row: ProductRow): string | number | null {
  const field = sortField(sort);
  return field === 'createdAt' ? null : row[field];
}

/** The rows that come after a place in a sort, by the names that key and id have in the statement. */
export function beyond(
  sort: ProductSort,
  place: Pick<Position, 'key' | 'id'>,
  key: SQLWrapper | null = sortColumn(sort),
  id: SQLWrapper = products.id,
): SQL {
  const after = isDescending(sort) ? sql`<` : sql`>`;
  return sortColumn(sort) ? sql`(${key}, ${id}) ${after} (${place.key}, ${place.id})` : sql`${id} ${after} ${place.id}`;
}

import { count, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Reader } from '../db/client.ts';
import { encodeCursor, type PageRequest, type Position } from '../schema/paging.ts';

const exactCountMax = 10_000;

export type Page<Row> = {
  rows: Row[];
  page: number;
  limit: number;
  totalItems: number;
  nextCursor: string | null;
};

/** How many rows to skip, and how many to read: one more than the page shows, which tells whether another follows. */
export function pageWindow(request: PageRequest): { offset: number; limit: number } {
  return { offset: request.cursor ? 0 : ((request.page ?? 1) - 1) * request.limit, limit: request.limit + 1 };
}

/** Cuts a window of rows to its page; `position` says where a row stands in the list, null where no cursor can. */
export function toPage<Row>(
  request: PageRequest,
  rows: Row[],
  totalItems: number,
  position: (row: Row) => Omit<Position, 'page'> | null,
): Page<Row> {
  const page = request.cursor?.page ?? request.page ?? 1;
  const shown = rows.slice(0, request.limit);
  const last = rows.length > request.limit ? shown.at(-1) : undefined;
  const place = last && position(last);
  return {
    rows: shown,
    page,
    limit: request.limit,
    totalItems,
    nextCursor: place ? encodeCursor({ ...place, page: page + 1 }) : null,
  };
}

/** A page as it goes over the wire. */
export function pageBody<Row, Body>({ rows, nextCursor, ...page }: Page<Row>, body: (row: Row) => Body) {
  return {
    data: rows.map(body),
    pagination: {
      page: page.page,
      limit: page.limit,
      totalItems: page.totalItems,
      totalPages: Math.ceil(page.totalItems / page.limit),
      nextCursor,
    },
  };
}

/** Counts matches exactly up to 10 000; beyond, the planner's estimate is enough and costs nothing. */
export async function countMatches(reader: Reader, table: PgTable, where: SQL | undefined): Promise<number> {
  const matches = reader
    .select({ one: sql`1`.as('one') })
    .from(table)
    .where(where);
  const [counted] = await reader.select({ matches: count() }).from(matches.limit(exactCountMax + 1).as('matches'));
  const exact = counted?.matches ?? 0;
  if (exact <= exactCountMax) return exact;
  const [plan] = await reader.execute<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
    sql`explain (format json) select 1 from ${table} where ${where ?? sql`true`}`,
  );
  return Math.max(exact, plan?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0);
}

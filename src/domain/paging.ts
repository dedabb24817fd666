import { and, count, desc, lt, type SQL, sql } from 'drizzle-orm';
import type { AnyPgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Reader } from '../db/client.ts';
import { encodeCursor, type PageRequest, type Position } from '../schema/paging.ts';

export const exactCountMax = 10_000;

export type Page<Row> = {
  rows: Row[];
  page: number;
  limit: number;
  totalItems: number;
  nextCursor: string | null;
};

/** How many rows come before a page by number. */
export function rowsBefore(request: PageRequest): number {
  return request.cursor ? 0 : ((request.page ?? 1) - 1) * request.limit;
}

/** How many rows to read: one more than the page shows, which tells whether another follows. */
export function rowsToRead(request: PageRequest): number {
  return request.limit + 1;
}

/**
 * Finds the row that a page begins behind. A page by number asks for that row alone, which an index can answer without
 * a look at the rows it skips, and goes on like a page by cursor.
 * @param rowAt reads id and sort key of the row that comes after so many others
 * @returns undefined when the page begins with the first row, null when it lies beyond the last
 */
export async function pageStart(
  request: PageRequest,
  rowAt: (skipped: number) => Promise<Pick<Position, 'id' | 'key'>[]>,
): Promise<Pick<Position, 'id' | 'key'> | undefined | null> {
  if (request.cursor) return request.cursor;
  const skipped = rowsBefore(request);
  if (skipped === 0) return undefined;
  const [row] = await rowAt(skipped - 1);
  return row ?? null;
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

/**
 * A page of a table, newest first. An id holds its moment of creation, so it is all that a place in such a list needs.
 * @param read reads the rows of the page from the same table
 */
export async function newestPage<Row extends { id: string }>(
  reader: Reader,
  request: PageRequest,
  table: PgTable & { id: AnyPgColumn<{ data: string }> },
  matching: SQL | undefined,
  read: (where: SQL | undefined, order: SQL, limit: number) => Promise<Row[]>,
): Promise<Page<Row>> {
  const newestFirst = desc(table.id);
  const start = await pageStart(request, (skipped) =>
    reader
      .select({ id: sql<string>`${table.id}`, key: sql<null>`null` })
      .from(table)
      .where(matching)
      .orderBy(newestFirst)
      .limit(1)
      .offset(skipped),
  );
  const [rows, totalItems] = await Promise.all([
    start === null ? [] : read(and(matching, start && lt(table.id, start.id)), newestFirst, rowsToRead(request)),
    countMatches(reader, table, matching, newestFirst),
  ]);
  return toPage(request, rows, totalItems, (row) => ({ sort: '-createdAt', key: null, id: row.id }));
}

/**
 * Counts matches exactly up to 10 000; beyond, the planner's estimate is enough and costs nothing.
 * @param order leads through an index, or dead rows at the head of the table would be read again and again
 */
export async function countMatches(
  reader: Reader,
  table: PgTable,
  where: SQL | undefined,
  order: SQL,
): Promise<number> {
  const matches = reader
    .select({ one: sql`1`.as('one') })
    .from(table)
    .where(where)
    .orderBy(order);
  const [counted] = await reader.select({ matches: count() }).from(matches.limit(exactCountMax + 1).as('matches'));
  const exact = counted?.matches ?? 0;
  if (exact <= exactCountMax) return exact;
  const plan = await explain(reader, sql`select 1 from ${table} where ${where ?? sql`true`}`);
  return Math.max(exact, plan['Plan Rows']);
}

/** A node of a plan, as `explain (format json)` has it. */
export type PlanNode = { 'Plan Rows': number; Alias?: string; Plans?: PlanNode[] };

/** Asks the planner how it would run a statement, and what it expects; nothing is run. */
export async function explain(reader: Reader, statement: SQL): Promise<PlanNode> {
  const [row] = await reader.execute<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(sql`explain (format json) ${statement}`);
  if (!row) throw new Error('explain gave no plan');
  return row['QUERY PLAN'][0].Plan;
}

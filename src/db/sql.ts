import { type Placeholder, type SQL, sql } from 'drizzle-orm';

/** What a statement is given of many rows: one array, so that any number of them leaves the statement's text as it is. */
type Column<Value> = Value[] | Placeholder;

/** A column of ids. */
export const uuids = (values: Column<string>): SQL => sql`${sql.param(values)}::uuid[]`;

/** A column of text. */
export const texts = (values: Column<string>): SQL => sql`${sql.param(values)}::text[]`;

/** A column of 16-bit integers. */
export const smallints = (values: Column<number>): SQL => sql`${sql.param(values)}::smallint[]`;

/** A column of 32-bit integers. */
export const integers = (values: Column<number>): SQL => sql`${sql.param(values)}::int[]`;

/** A column of 64-bit integers, as far as a `number` is exact. */
export const bigints = (values: Column<number>): SQL => sql`${sql.param(values)}::bigint[]`;

/** The right side of `id = …`, true for every row whose id is among these. */
export function anyUuid(ids: Column<string>): SQL {
  return sql`any(${uuids(ids)})`;
}

/** A moment, in a statement that is written out: the driver refuses a `Date` there. */
export function timestamp(moment: Date | null): SQL {
  return sql`${moment?.toISOString() ?? null}::timestamptz`;
}

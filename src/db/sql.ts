import { type Placeholder, type SQL, sql } from 'drizzle-orm';

/** A column of rows that a statement is given. As one array, any number of rows leaves the statement's text the same. */
type Column<Value> = Value[] | Placeholder;

export const uuids = (values: Column<string>): SQL => sql`${sql.param(values)}::uuid[]`;
export const texts = (values: Column<string>): SQL => sql`${sql.param(values)}::text[]`;
export const integers = (values: Column<number>): SQL => sql`${sql.param(values)}::int[]`;
export const smallints = (values: Column<number>): SQL => sql`${sql.param(values)}::smallint[]`;
export const bigints = (values: Column<number>): SQL => sql`${sql.param(values)}::bigint[]`;

/** For the right side of `id = …`: true for every row whose id is among these. */
export function anyUuid(ids: Column<string>): SQL {
  return sql`any(${uuids(ids)})`;
}

/** A moment in a statement that is written out, where the driver would refuse a `Date`. */
export function timestamp(moment: Date | null): SQL {
  return sql`${moment?.toISOString() ?? null}::timestamptz`;
}

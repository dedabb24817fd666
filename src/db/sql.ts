import { type Placeholder, type SQL, sql } from 'drizzle-orm';

/** What a statement is given of many rows: one array, so that any number of them leaves the statement's text as it is. */
type Column<Value> = Value[] | Placeholder;

/** A column of ids, null where there is none. */
export const uuids = (values: Column<string | null>): SQL => sql`${sql.param(values)}::uuid[]`;

/** A column of text, null where there is none. */
export const texts = (values: Column<string | null>): SQL => sql`${sql.param(values)}::text[]`;

/** A column of 16-bit integers. */
export const smallints = (values: Column<number>): SQL => sql`${sql.param(values)}::smallint[]`;

/** A column of 32-bit integers. */
export const integers = (values: Column<number>): SQL => sql`${sql.param(values)}::int[]`;

/** A column of 64-bit integers, as far as a `number` is exact. */
export const bigints = (values: Column<number>): SQL => sql`${sql.param(values)}::bigint[]`;

/** A column of moments, as text on its way: the driver takes an array of the type itself for one of its own making. */
export const timestamps = (values: Date[]): SQL =>
  sql`${texts(values.map((value) => value.toISOString()))}::timestamptz[]`;

/** The right side of `id = …`, true for every row whose id is among these. */
export function anyUuid(ids: Column<string>): SQL {
  return sql`any(${uuids(ids)})`;
}

/**
 * When the statement began, by Postgres' clock, in whole milliseconds as columns hold them: one moment for all of the
 * statement, which an index can be searched by. For statements that wait for no lock.
 */
export const statementTime = sql`date_trunc('milliseconds', statement_timestamp())`;

/** The moment itself, by Postgres' clock: later than any lock that the statement has waited for by then. */
export const clockTime = sql`date_trunc('milliseconds', clock_timestamp())`;

/**
 * The same as a column to be read, in Unix ms. Only above a locked row does it come after the wait for it. A bigint, which
 * arrives as text, because `extra_float_digits` may round a float.
 */
export const clockMs = sql<string>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/** The same in Unix µs, exact as a `number` until the year 2255. */
export const clockMicros = sql<string>`floor(extract(epoch from clock_timestamp()) * 1000000)::bigint`;

/** Such a moment, to the millisecond below. */
export const dateAtMicros = (micros: number): Date => new Date(Math.floor(micros / 1_000));

/** A moment so many ms after another. */
export function later(moment: SQL, ms: number): SQL {
  return sql`(${moment} + make_interval(secs => ${ms}::float8 / 1000))`;
}

/** The SHA-256 of an e-mail address in lower case, in hex: the same for one address, and no address. */
export function addressHash(email: SQL): SQL {
  return sql`encode(sha256(convert_to(lower(${email} collate "C"), 'UTF8')), 'hex')`;
}

/** A moment, in a statement that is written out: the driver refuses a `Date` there. */
export function timestamp(moment: Date | null): SQL {
  return sql`${moment?.toISOString() ?? null}::timestamptz`;
}

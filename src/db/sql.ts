import { fillPlaceholders, type Placeholder, type Query, SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';

/** What a statement is given of many rows: one array, so that any number of them leaves the statement's text as it is. */
export type Column<Value> = Value[] | Placeholder;

/** A statement whose text has been made. */
class MadeStatement extends SQL {
  readonly #query: Query;

  constructor(query: Query) {
    super([]);
    this.#query = query;
  }

  override toQuery(): Query {
    return this.#query;
  }
}

/**
 * A statement whose text is made once, at its first use, for where that is a part of the work that can be felt: the one
 * that writes an order took Drizzle longer to put together than all else about it here.
 * @param write makes it of placeholders, one for each of its values
 */
export function statement<Values extends Record<string, unknown>>(
  write: (value: Record<keyof Values, Placeholder>) => SQL,
): (values: Values) => SQL {
  const placeholders = new Proxy({} as Record<keyof Values, Placeholder>, {
    get: (_, name) => sql.placeholder(String(name)),
  });
  let made: Query | undefined;
  return (values) => {
    made ??= new PgDialect().sqlToQuery(write(placeholders));
    return new MadeStatement({ ...made, params: fillPlaceholders(made.params, values) });
  };
}

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
 * The same, without showing the planner how many there are: where they are mostly few, it takes a plan for these few to be
 * cheaper than the one that is kept, and makes another each time.
 */
export function anyUuidUncounted(ids: Column<string>): SQL {
  return sql`any((select ${uuids(ids)})::uuid[])`;
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
export function timestamp(moment: Date | null | Placeholder): SQL {
  return sql`${moment instanceof Date ? moment.toISOString() : moment}::timestamptz`;
}

import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { unavailable } from '../errors.ts';
import { planAnewMark } from './planning.ts';

export type Database = PostgresJsDatabase;

/** What a rule writes through. A plain `Database` does not satisfy it, so no rule can write outside a transaction. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

/** What a query that only reads may run on. */
export type Reader = Database | Transaction;

export type DatabaseClient = {
  db: Database;
  /** Ends every connection; queries under way get `timeoutMs` to finish. */
  close: (timeoutMs: number) => Promise<void>;
};

type ClientOptions = {
  poolSize: number;
  /** Shown in `pg_stat_activity`. */
  applicationName: string;
  /** After which the server ends a statement. */
  statementTimeoutMs?: number;
};

/** Named, because rules rely on each statement seeing what was there when it began, whatever the default is. */
const isolation = 'isolation level read committed';

const defaultStatementTimeoutMs = 4_000;
const lockTimeoutMs = 3_000;
const idleInTransactionTimeoutMs = 10_000;
const connectTimeoutSeconds = 2;
const reconnectDelaySeconds = 0.2;

/**
 * Every statement of the shop is a few steps in indexes, so reading a page by its number costs about what the next one
 * costs, and compiling or sharing out a statement costs more than running it. The memory holds a search's pages. Reading
 * whole tables is off because a plan that was made for a young table, a foreign key's among them, is kept while the
 * table grows: orders of a new shop took six times as long in Postgres.
 */
const planning = {
  random_page_cost: 1.1,
  enable_seqscan: 'off',
  jit: 'off',
  max_parallel_workers_per_gather: 0,
  work_mem: '16MB',
};

/**
 * Unprepared, the driver first asks for a statement's description alone. Sent behind another query, that would be lost in
 * a pooler, which gives the connection away once the other is answered.
 */
const unpipelined = { max_pipeline: 1 };

/**
 * Opens a pool of connections; the first query makes the first one. The server's own timeouts stay below the deadline
 * of `withTransaction`, so that a stuck statement is ended by Postgres before its caller gives up. A pooler in between
 * ignores what is asked for at the start of a connection; `missingTimeouts` tells.
 */
export function openDatabase(
  url: string,
  { poolSize, applicationName, statementTimeoutMs = defaultStatementTimeoutMs }: ClientOptions,
): DatabaseClient {
  const client = postgres(url, {
    max: poolSize,
    ...(/[?&]prepare=false\b/.test(url) ? unpipelined : {}),
    connect_timeout: connectTimeoutSeconds,
    // A fixed short pause, because the default grows to 20 s and recovery would wait for it.
    backoff: () => reconnectDelaySeconds,
    onnotice: () => {},
    connection: {
      application_name: applicationName,
      statement_timeout: statementTimeoutMs,
      lock_timeout: lockTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      ...planning,
    },
  });
  prepareEverything(client);
  return { db: drizzle(client), close: (timeoutMs) => client.end({ timeout: timeoutMs / 1_000 }) };
}

type Unsafe = postgres.Sql['unsafe'];

/**
 * Drizzle sends unnamed queries unprepared, which costs a round trip more each. Every statement of this shop has one
 * text however many rows it touches (arrays, never lists of parameters), so preparing all of them is bounded. Those
 * that are `plannedAnew` stay unprepared. With `?prepare=false` in its URL, the driver prepares none, for poolers that
 * cannot keep them.
 */
function prepareEverything(client: postgres.Sql): void {
  client.unsafe = prepared(client.unsafe);
  const begin = client.begin.bind(client) as (
    options: string,
    run: (sql: postgres.TransactionSql) => unknown,
  ) => Promise<unknown>;
  async function beginPrepared(run: (sql: postgres.TransactionSql) => unknown): Promise<unknown> {
    let over = false;
    try {
      return await begin(isolation, (sql) => {
        sql.unsafe = prepared(sql.unsafe, () => over);
        return run(sql);
      });
    } finally {
      over = true;
    }
  }
  client.begin = beginPrepared as typeof client.begin;
}

/**
 * A transaction ends when its connection breaks, but its work does not know until its next statement. That one must not
 * be sent: the connection may be a new one by then, outside of any transaction.
 */
function prepared(unsafe: Unsafe, isOver = () => false): Unsafe {
  return (query, parameters, options) => {
    if (isOver()) throw unavailable('The connection broke in the middle of a transaction.');
    return unsafe(query, parameters, { ...options, prepare: !query.includes(planAnewMark) });
  };
}

import { setTimeout as later } from 'node:timers';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { databaseWaitMsMax } from '../deadline.ts';
import { unavailable } from '../errors.ts';
import { dialect } from './dialect.ts';
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

/**
 * The connections of one client, and what has been given to them. Postgres.js cannot let go of a single connection, so
 * one that leads to a server that must not be used any more takes all of them with it.
 */
export type Pool = {
  /** Counts work that has been given to these connections, until it is done. */
  run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Whether there has been work for longer than Postgres lets a statement run, and no answer to any of it. */
  isSilent: () => boolean;
  /** Gives all that comes to new connections. What is under way may end on these. */
  leave: () => void;
};

/** Named, because rules rely on each statement seeing what was there when it began, whatever the default is. */
const isolation = 'isolation level read committed';

const defaultStatementTimeoutMs = 4_000;
const lockTimeoutMs = 3_000;
const idleInTransactionTimeoutMs = 10_000;
const connectTimeoutSeconds = 2;
const reconnectDelaySeconds = 0.2;
/** Longer than `statement_timeout`, and shorter than the deadline of a request. */
const silenceMsMax = 4_200;
/** A server that is found unfit again and again is connected to no more often than that. */
const poolAgeMsMin = 1_000;

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
const unpipelined = { max_pipeline: 0 };

/**
 * Opens a pool of connections; the first query makes the first one. The server's own timeouts stay below the deadline
 * of `withTransaction`, so that a stuck statement is ended by Postgres before its caller gives up. A pooler in between
 * ignores what is asked for at the start of a connection; the facts of `server.ts` tell.
 */
export function openDatabase(
  url: string,
  { poolSize, applicationName, statementTimeoutMs = defaultStatementTimeoutMs }: ClientOptions,
): DatabaseClient {
  const connect = (): postgres.Sql =>
    postgres(url, {
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
        ...dialect,
        ...planning,
      },
    });
  const pools = new Set<OpenPool>();
  const openPool = (): OpenPool => {
    const client = connect();
    prepareEverything(client);
    // For the parsers that it sets.
    drizzle(client);
    const pool = { client, openedAt: performance.now(), underWay: 0, heardAt: performance.now() };
    pools.add(pool);
    return pool;
  };
  let current = openPool();

  function end(pool: OpenPool, timeoutMs: number): Promise<void> {
    pools.delete(pool);
    return pool.client.end({ timeout: timeoutMs / 1_000 });
  }

  function leave(pool: OpenPool): void {
    if (pool !== current || performance.now() - pool.openedAt < poolAgeMsMin) return;
    current = openPool();
    if (pool.underWay === 0) void end(pool, databaseWaitMsMax);
    // By then nobody waits for what it still has.
    else later(() => void end(pool, 0), databaseWaitMsMax).unref();
  }

  async function run<T>(pool: OpenPool, work: () => Promise<T>): Promise<T> {
    if (pool.underWay === 0) pool.heardAt = performance.now();
    pool.underWay += 1;
    try {
      return await work();
    } finally {
      pool.underWay -= 1;
      pool.heardAt = performance.now();
      if (pool !== current && pool.underWay === 0 && pools.has(pool)) void end(pool, databaseWaitMsMax);
    }
  }

  // Never connected itself: statements that Drizzle has prepared keep it, and it sends them to where they are to go.
  const front = connect();
  front.unsafe = (...given) => current.client.unsafe(...given);
  front.begin = ((work: (sql: postgres.TransactionSql) => unknown) => current.client.begin(work)) as typeof front.begin;
  const db = drizzle(front);
  handles.set(db, {
    current: () => {
      const pool = current;
      return {
        run: (work) => run(pool, work),
        isSilent: () => pool.underWay > 0 && performance.now() - pool.heardAt >= silenceMsMax,
        leave: () => leave(pool),
      };
    },
    underWay: () => [...pools].reduce((sum, pool) => sum + pool.underWay, 0),
  });
  return {
    db,
    close: async (timeoutMs) => {
      await Promise.all([...pools].map((pool) => end(pool, timeoutMs)));
    },
  };
}

type OpenPool = { client: postgres.Sql; openedAt: number; underWay: number; heardAt: number };

const handles = new WeakMap<Database, { current: () => Pool; underWay: () => number }>();

function handleOf(db: Database) {
  const handle = handles.get(db);
  if (!handle) throw new Error('This database was not opened by openDatabase.');
  return handle;
}

/** The connections that work for this database goes to at the moment. */
export function poolOf(db: Database): Pool {
  return handleOf(db).current();
}

/** How many transactions and reads have been given to the connections of this database and are not yet finished. */
export function workUnderWay(db: Database): number {
  return handleOf(db).underWay();
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

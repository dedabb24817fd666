import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { z } from 'zod';
import { beforeAllIds } from '../lib/ids.ts';
import type { Reader, Transaction } from './client.ts';
import { dialect } from './dialect.ts';
import { isLockTimeout, isRetryable } from './errors.ts';
import { describeLockHolders } from './lock-holders.ts';
import { readServerFacts, refuseEncoding } from './server.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));
const journalSchema = z.object({ entries: z.array(z.object({ when: z.number() })).min(1) });

/** Names the advisory lock that lets one migrating process through at a time; any constant of this shop's own does. */
const migrationLock = 7_305_518_044;

/**
 * How long a migration waits for a lock. Requests queue up behind it, so it gives up before they do, after 3 s; an
 * autovacuum that is in the way ends after 1 s (`deadlock_timeout`), so it waits for longer than that.
 */
const lockTimeoutMs = 2_000;
/** Between two attempts, so that those who had to wait are served. */
const pauseMs = 5_000;
/** Together about five minutes. */
const attemptsMax = 45;
/** How long to wait while another process migrates, which may need all of its attempts. */
const turnTimeoutMs = 600_000;

type MigrateOptions = {
  /** Where the migrations are; this shop's own by default. */
  folder?: string;
  /** Told who is in the way, each time that the migration gives way and will try again. */
  onWait?: (reason: string) => void;
};

/** Named, because what comes behind the turn's lock has to see what was committed under it, whatever the default is. */
const isolation = { isolationLevel: 'read committed' } as const;

/** How a migration begins that changes rows: one statement, which is run for one batch of them after the other. */
const batchMark = /^-- In batches\b/;

type Migration = ReturnType<typeof readMigrationFiles>[number];

/**
 * Brings the database to the newest schema, or leaves it as it is: all of it is one transaction, and nothing outlives
 * that, so a pooler may stand in between. A migration in batches comes between two of them, and begins again where it was
 * cut off. Any number of processes may call this at once: one migrates, the others wait and find nothing left to do. It
 * gives way to those who hold a lock, and tries again for about five minutes.
 */
export async function migrateDatabase(
  url: string,
  { folder = migrationsFolder, onWait = () => {} }: MigrateOptions = {},
): Promise<void> {
  const connection = { application_name: 'shop migrate', ...dialect };
  const client = postgres(url, { max: 1, onnotice: () => {}, connection });
  const inTurn = <Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> =>
    drizzle(client).transaction(async (tx) => {
      refuseEncoding(await readServerFacts(tx));
      await takeTurn(tx);
      for (let attempt = 1; ; attempt += 1) {
        const done = await tryTo(tx, work);
        if (done) return done.result;
        const reason = `The migration could not get its locks: ${await describeLockHolders(tx, lockTimeoutMs)}.`;
        if (attempt === attemptsMax) throw new Error(reason);
        onWait(`${reason} It tries again in ${pauseMs / 1_000} s.`);
        await sleep(pauseMs);
      }
    }, isolation);
  try {
    for (;;) {
      const batched = await inTurn((tx) => applyMigrations(tx, folder));
      if (!batched) return;
      for (let last: string | null = beforeAllIds; last; ) {
        const after: string = last;
        last = await inTurn((tx) => changeBatch(tx, batched, after));
      }
      await inTurn((tx) => recordUnlessApplied(tx, batched));
    }
  } finally {
    await client.end();
  }
}

/**
 * Waits until no other process migrates. The limits that a role may have for the shop's requests do not count here, and
 * tables go where the migrations expect each other's.
 */
async function takeTurn(tx: Transaction): Promise<void> {
  await tx.execute(sql`
    select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
      set_config('search_path', 'public', true), set_config('lock_timeout', ${String(turnTimeoutMs)}, true)`);
  await tx.execute(sql`select pg_advisory_xact_lock(${migrationLock})`);
  await tx.execute(sql`select set_config('lock_timeout', ${String(lockTimeoutMs)}, true)`);
}

/** Null when it had to give way. Going back to a savepoint frees every lock taken since, and keeps the turn. */
async function tryTo<Result>(
  tx: Transaction,
  work: (tx: Transaction) => Promise<Result>,
): Promise<{ result: Result } | null> {
  try {
    return { result: await tx.transaction(work) };
  } catch (error) {
    if (isLockTimeout(error) || isRetryable(error)) return null;
    throw error;
  }
}

/**
 * Keeps the books where Drizzle's own migrator does, which begins and ends transactions by itself.
 * @returns the next migration, when that is one in batches
 */
async function applyMigrations(tx: Transaction, migrationsFolder: string): Promise<Migration | null> {
  // Looked for first: "if not exists" asks for the right to create them even where they do.
  const [books] = await tx.execute<{ schema: boolean; table: boolean }>(sql`
    select exists (select from pg_namespace where nspname = 'drizzle') as schema, exists (
      select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = 'drizzle' and relname = '__drizzle_migrations') as table`);
  if (!books?.schema) await tx.execute(sql`create schema drizzle`);
  if (!books?.table) {
    await tx.execute(sql`
      create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`);
  }
  const newest = await newestApplied(tx);
  for (const migration of readMigrationFiles({ migrationsFolder })) {
    if (migration.folderMillis <= newest) continue;
    if (migration.sql.some((statement) => batchMark.test(statement))) return migration;
    for (const statement of migration.sql) await tx.execute(sql.raw(statement));
    await record(tx, migration);
  }
  return null;
}

/** Runs a migration in batches for the rows behind an id; tells the last one that it has looked at, null when none is left. */
async function changeBatch(
  tx: Transaction,
  { sql: [statement = ''] }: Migration,
  after: string,
): Promise<string | null> {
  const [before = '', behind = ''] = statement.split('$1');
  const [row] = await tx.execute<{ last: string }>(sql`${sql.raw(before)}${after}${sql.raw(behind)}`);
  return row?.last ?? null;
}

async function record(tx: Transaction, { hash, folderMillis }: Migration): Promise<void> {
  await tx.execute(sql`
    insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`);
}

/** Another process may have gone through the batches as well, and have been sooner. */
async function recordUnlessApplied(tx: Transaction, migration: Migration): Promise<void> {
  if ((await newestApplied(tx)) < migration.folderMillis) await record(tx, migration);
}

/** When the newest migration that the database has was made, in Unix milliseconds; 0 when it has none. */
async function newestApplied(reader: Reader): Promise<number> {
  const [newest] = await reader.execute<{ created_at: string | null }>(
    sql`select max(created_at) as created_at from drizzle.__drizzle_migrations`,
  );
  return Number(newest?.created_at ?? 0);
}

/** Whether a database whose newest migration was made then, in Unix milliseconds, has all that this code knows. */
export function isNewestMigration(appliedAt: string | number | null): boolean {
  return Number(appliedAt ?? 0) >= newestMigration();
}

/** When the newest migration of this code was made, in Unix milliseconds. */
function newestMigration(): number {
  const journal = journalSchema.parse(JSON.parse(readFileSync(`${migrationsFolder}/meta/_journal.json`, 'utf8')));
  return Math.max(...journal.entries.map((entry) => entry.when));
}

/** Whether the database has every migration that this code was written for. */
export async function schemaIsCurrent(reader: Reader): Promise<boolean> {
  const [found] = await reader.execute<{ present: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`,
  );
  if (!found?.present) return false;
  return isNewestMigration(await newestApplied(reader));
}

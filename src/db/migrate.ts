import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { z } from 'zod';
import type { Reader } from './client.ts';
import { isLockTimeout, isRetryable } from './errors.ts';
import { describeLockHolders } from './lock-holders.ts';

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));
const journalSchema = z.object({ entries: z.array(z.object({ when: z.number() })).min(1) });

/** Names the advisory lock that lets one migrating process through at a time; any constant of this shop's own does. */
const migrationLock = 7_305_518_044;

/**
 * How long a migration waits for a lock. Requests queue up behind it, so it gives up before they do, after 3 s; an
 * autovacuum that is in the way ends after 1 s (`deadlock_timeout`), so it waits for longer than that.
 */
const lockTimeoutMs = 2_000;
/** Between two attempts, so that whoever had to wait is served. */
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

/**
 * Brings the database to the newest schema. Any number of processes may call it at once: one migrates, the others wait
 * and find nothing left to do. It gives way to whoever holds a lock, and tries again for about five minutes.
 */
export async function migrateDatabase(
  url: string,
  { folder = migrationsFolder, onWait = () => {} }: MigrateOptions = {},
): Promise<void> {
  const client = postgres(url, {
    max: 2,
    onnotice: () => {},
    connection: { lock_timeout: lockTimeoutMs, application_name: 'shop migrate' },
  });
  try {
    // A transaction of its own, so that the turn outlasts the pauses: nobody else makes requests wait meanwhile.
    await client.begin(async (turn) => {
      await turn`select set_config('lock_timeout', ${String(turnTimeoutMs)}, true)`;
      await turn`select set_config('idle_in_transaction_session_timeout', '0', true)`;
      await turn`select pg_advisory_xact_lock(${migrationLock})`;
      for (let attempt = 1; !(await tryToMigrate(client, folder)); attempt += 1) {
        const reason = `The migration could not get its locks: ${await describeLockHolders(client, lockTimeoutMs)}.`;
        if (attempt === attemptsMax) throw new Error(reason);
        onWait(`${reason} It tries again in ${pauseMs / 1_000} s.`);
        await sleep(pauseMs);
        // Fails when the connection broke meanwhile, and the turn is lost.
        await turn`select`;
      }
    });
  } finally {
    await client.end();
  }
}

/** False when it had to give way, and has done nothing. */
async function tryToMigrate(client: postgres.Sql, folder: string): Promise<boolean> {
  try {
    await migrate(drizzle(client), { migrationsFolder: folder });
    return true;
  } catch (error) {
    if (isLockTimeout(error) || isRetryable(error)) return false;
    throw error;
  }
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
  const [newest] = await reader.execute<{ created_at: string | null }>(
    sql`select max(created_at) as created_at from drizzle.__drizzle_migrations`,
  );
  return Number(newest?.created_at ?? 0) >= newestMigration();
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from './db/client.ts';
import { schemaIsCurrent } from './db/migrate.ts';
import { missingTimeouts } from './db/ping.ts';
import { outdatedVersion, postgresMajorMin, refuseUnfit } from './db/server.ts';
import { withReader, withTransaction } from './db/transaction.ts';
import { ensureAdmin } from './domain/accounts.ts';
import { hashPassword, passwordMatches } from './domain/passwords.ts';
import type { Settings } from './settings.ts';

const pauseMs = 500;

/** Makes an attempt until one succeeds or the signal says to stop; false in that case. */
export async function persist(
  attempt: () => Promise<unknown>,
  onTrouble: (error: unknown) => void,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await attempt();
      return true;
    } catch (error) {
      onTrouble(error);
      await sleep(pauseMs);
    }
  }
  return false;
}

/**
 * Looks whether this Postgres will do, and warns when it would let this process' statements and locks wait for ever, or is
 * older than any that the suites run on.
 * @throws {UnfitDatabaseError} when it will not do; when Postgres is not there
 */
export async function checkDatabase(db: Database, log: Logger): Promise<void> {
  await withReader(db, refuseUnfit);
  const settings = await withReader(db, missingTimeouts);
  if (settings.length > 0) log.warn({ settings }, 'postgres sets no limit on statements or locks');
  const major = await withReader(db, outdatedVersion);
  if (major) log.warn({ major }, `this Postgres is older than ${postgresMajorMin}, the oldest that is tested`);
}

/**
 * Looks for the newest schema and makes sure of the first admin (contract, "Who may do what").
 * @throws when the schema is not there, or Postgres is not, or will not do
 */
export async function prepareShop(db: Database, settings: Settings, log: Logger): Promise<void> {
  // The first comparison prepares what an unknown account is compared with, so that none takes longer than others.
  await passwordMatches(undefined, '');
  await checkDatabase(db, log);
  if (!(await withReader(db, schemaIsCurrent))) throw new Error('the database lacks migrations: bun run db:migrate');
  const { adminEmail: email, adminPassword } = settings;
  if (!email || !adminPassword) return;
  const passwordHash = await hashPassword(adminPassword);
  const outcome = await withTransaction(db, (tx) =>
    ensureAdmin(tx, { name: 'Administrator', email, passwordHash, now: new Date() }),
  );
  log.info({ outcome }, 'first admin');
}

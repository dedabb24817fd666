import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { readStartupFacts } from '../db/readiness.ts';
import { postgresMajorMin, readServerFacts, refuseUnfit, type ServerFacts } from '../db/server.ts';
import { withReader, withTransaction } from '../db/transaction.ts';
import { makeFirstAdmin } from '../domain/customers/admins.ts';
import { hashPassword } from '../domain/customers/passwords.ts';
import { pauseSchedule } from '../domain/orders/lifecycle.ts';
import type { Settings } from '../settings.ts';

const pauseMs = 500;

/** Makes an attempt until one succeeds or the signal says to stop; false in that case. */
export async function retryUntil(
  attempt: () => Promise<unknown>,
  onError: (error: unknown) => void,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await attempt();
      return true;
    } catch (error) {
      onError(error);
      await sleep(pauseMs);
    }
  }
  return false;
}

/**
 * Looks whether a Postgres will do, and warns when it would let this process' statements and locks wait for ever, or is
 * older than any that the suites run on.
 * @throws {UnfitDatabaseError} when it will not do
 */
function judgeServer(facts: ServerFacts, log: Logger): void {
  refuseUnfit(facts);
  const { timeouts, major } = facts;
  if (timeouts.length > 0) log.warn({ settings: timeouts }, 'postgres sets no limit on statements or locks');
  if (major < postgresMajorMin) {
    log.warn({ major }, `this Postgres is older than ${postgresMajorMin}, the oldest that is tested`);
  }
}

/**
 * Looks whether the database will do.
 * @throws {UnfitDatabaseError} when it will not; when Postgres is not there
 */
export async function checkDatabase(db: Database, log: Logger): Promise<void> {
  judgeServer(await withReader(db, readServerFacts), log);
}

/**
 * Looks for the newest schema and sees to the first admin (README, "Settings"), in one query where both are there, and
 * notes that the schedule stands still where it does.
 * @throws when the schema is not there, or Postgres is not, or will not do
 */
export async function prepareShop(db: Database, settings: Settings, log: Logger): Promise<void> {
  const { adminEmail: email, adminPassword } = settings;
  const { server, shop } = await withReader(db, (reader) => readStartupFacts(reader, email));
  judgeServer(server, log);
  if (!shop) throw new Error('the database lacks migrations: bun run db:migrate');
  const { hasAdmin, account } = shop;
  if (email && adminPassword && !hasAdmin && !account) {
    const passwordHash = await hashPassword(adminPassword);
    const outcome = await withTransaction(db, (tx) =>
      makeFirstAdmin(tx, { name: 'Administrator', email, passwordHash }),
    );
    log.info({ outcome }, 'first admin');
  }
  if (settings.orderStatusIntervalMs === null) await withTransaction(db, pauseSchedule);
  if (account?.role === 'customer') {
    log.error({ customerId: account.id }, 'the account of ADMIN_EMAIL is no admin and is left as it is');
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from './db/client.ts';
import { missingTimeouts } from './db/ping.ts';
import { readReadiness } from './db/readiness.ts';
import { withReader, withTransaction } from './db/transaction.ts';
import { makeFirstAdmin } from './domain/admins.ts';
import { hashPassword } from './domain/passwords.ts';
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
 * Warns when Postgres would let this process' statements and locks wait for ever.
 * @throws when Postgres is not there
 */
export async function checkTimeouts(db: Database, log: Logger): Promise<void> {
  warnOfTimeouts(await withReader(db, missingTimeouts), log);
}

function warnOfTimeouts(settings: string[], log: Logger): void {
  if (settings.length > 0) log.warn({ settings }, 'postgres sets no limit on statements or locks');
}

/**
 * Looks for the newest schema and sees to the first admin (README, "Settings"), in one query where both are there.
 * @throws when the schema is not there, or Postgres is not
 */
export async function prepareShop(db: Database, settings: Settings, log: Logger): Promise<void> {
  const { adminEmail: email, adminPassword } = settings;
  const found = await withReader(db, (reader) => readReadiness(reader, email));
  if (!found) throw new Error('the database lacks migrations: bun run db:migrate');
  const { timeouts, hasAdmin, account } = found;
  if (email && adminPassword && !hasAdmin && !account) {
    const passwordHash = await hashPassword(adminPassword);
    const outcome = await withTransaction(db, (tx) =>
      makeFirstAdmin(tx, { name: 'Administrator', email, passwordHash, now: new Date() }),
    );
    log.info({ outcome }, 'first admin');
  }
  if (account?.role === 'customer') {
    log.error({ customerId: account.id }, 'the account of ADMIN_EMAIL is no admin and is left as it is');
  }
  warnOfTimeouts(timeouts, log);
}

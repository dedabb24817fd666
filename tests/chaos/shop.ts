import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { root } from '../support/app-process.ts';
import { admin } from '../support/client.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Journal } from './journal.ts';
import { type ChaosMailServer, startChaosMailServer } from './mail-server.ts';
import { type ChaosPostgres, type ChaosRedis, startChaosPostgres, startChaosRedis } from './servers.ts';

/** How fast orders move on, and how soon they may be deleted, in a shop under chaos. */
export const orderStatusIntervalMs = 2_000;
const orderDeleteAfterMs = 1_000;

/** A whole shop of separate processes, with servers of its own. */
export type ChaosShop = {
  postgres: ChaosPostgres;
  redis: ChaosRedis;
  mailServer: ChaosMailServer;
  fleet: Fleet;
  /** The referee's own way to the database. */
  db: Sql;
  stop: () => Promise<void>;
};

/**
 * Starts two APIs and two workers on a Postgres, a Redis and a mail server of their own.
 * @param code where the code is that they run, and that makes their tables
 */
export async function startChaosShop(logDirectory: string, journal: Journal, code = root): Promise<ChaosShop> {
  const tearDown: (() => unknown)[] = [];
  const stop = async () => {
    for (const step of tearDown.splice(0).reverse()) await step();
  };
  try {
    const directory = mkdtempSync(join(tmpdir(), 'shop-chaos-data-'));
    tearDown.push(() => rmSync(directory, { recursive: true, force: true }));
    // As root, Postgres runs under another account, which has to get at its data.
    chmodSync(directory, 0o755);
    const mailServer = await startChaosMailServer();
    tearDown.push(mailServer.stop);
    const redis = await startChaosRedis();
    tearDown.push(redis.stop);
    const database = await startChaosPostgres(join(directory, 'postgres'));
    tearDown.push(database.stop);
    await makeTables(database.url, code);
    const db = postgres(database.url, { max: 3, backoff: () => 0.2, onnotice: () => {} });
    tearDown.push(() => db.end({ timeout: 1 }));
    const fleet = await startFleet({
      env: {
        HOST: '127.0.0.1',
        DATABASE_URL: database.url,
        REDIS_URL: redis.url,
        SMTP_URL: mailServer.url,
        MAIL_FROM: 'Shop <shop@example.com>',
        JWT_SECRET: 'known to every suite and to nobody else',
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
        ORDER_STATUS_INTERVAL: `${orderStatusIntervalMs}ms`,
        ORDER_DELETE_AFTER: `${orderDeleteAfterMs}ms`,
      },
      logDirectory,
      apis: 2,
      workers: 2,
      code,
      journal,
    });
    tearDown.push(fleet.stop);
    return { postgres: database, redis, mailServer, fleet, db, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makeTables(databaseUrl: string, code: string): Promise<void> {
  const child = Bun.spawn([process.execPath, 'scripts/migrate.ts'], {
    cwd: code,
    env: { DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const faults = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(faults);
}

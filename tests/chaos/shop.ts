import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { root } from '../support/app-process.ts';
import { admin } from '../support/client.ts';
import { createDocumentedRole } from '../support/documented-role.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { Journal } from './journal.ts';
import { type ChaosMailServer, startChaosMailServer } from './mail-server.ts';
import { type ChaosPostgres, shopRole } from './servers.ts';
import { type ChaosReceiver, startChaosReceiver } from './webhook.ts';

/** How fast orders move on, and how soon they may be deleted, in a shop under chaos. */
export const orderStatusIntervalMs = 2_000;
const orderDeleteAfterMs = 1_000;

/** A whole shop of separate processes, with servers of its own. */
export type ChaosShop = {
  postgres: ChaosPostgres;
  mailServer: ChaosMailServer;
  receiver: ChaosReceiver;
  fleet: Fleet;
  /** The connections of the run itself to the database. */
  db: Sql;
  stop: () => Promise<void>;
};

export type StartOptions = {
  logDirectory: string;
  journal: Journal;
  /** Where the code is that the processes run, and that makes their tables. */
  code?: string | undefined;
};

type ShopOptions = StartOptions & {
  /** How many APIs, and how many workers. */
  processes: number;
};

/**
 * Starts what a shop works on, with data below `directory`: its servers, and the settings that lead the processes to
 * them. What ends a server goes on `tearDown` as soon as it runs. `prepare` makes the tables, and answers the URL by
 * which the processes, whose role may do no more than they need, get at them.
 */
type StartServers<Servers> = (
  directory: string,
  tearDown: (() => unknown)[],
  prepare: (ownerUrl: string) => Promise<string>,
) => Promise<{ servers: Servers; env: { DATABASE_URL: string; REDIS_URL: string; [name: string]: string } }>;

/** Starts APIs and workers on servers and a mail server of their own. */
export async function startChaosShop<Servers extends { postgres: ChaosPostgres }>(
  { logDirectory, journal, code = root, processes }: ShopOptions,
  startServers: StartServers<Servers>,
): Promise<ChaosShop & Servers> {
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
    const receiver = await startChaosReceiver(journal);
    tearDown.push(receiver.stop);
    const { servers, env } = await startServers(directory, tearDown, async (ownerUrl) => {
      await makeTables(ownerUrl, code);
      return createDocumentedRole(ownerUrl, shopRole);
    });
    const db = postgres(servers.postgres.url, { max: 3, backoff: () => 0.2, onnotice: () => {} });
    tearDown.push(() => db.end({ timeout: 1 }));
    const fleet = await startFleet({
      env: {
        HOST: '127.0.0.1',
        SMTP_URL: mailServer.url,
        MAIL_FROM: 'Shop <shop@example.com>',
        JWT_SECRET: 'known to every suite and to nobody else',
        TOKEN_SECRET: 'known to every suite and to its worker',
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
        ORDER_STATUS_INTERVAL: `${orderStatusIntervalMs}ms`,
        ORDER_DELETE_AFTER: `${orderDeleteAfterMs}ms`,
        REGISTRATIONS_PER_HOUR: '0',
        WEBHOOK_TARGETS: 'any',
        // One customer orders more in a minute than anybody does in an hour.
        UNVERIFIED_MAILS_PER_HOUR: '0',
        ...env,
      },
      logDirectory,
      apis: processes,
      workers: processes,
      code,
      journal,
    });
    tearDown.push(fleet.stop);
    return { ...servers, mailServer, receiver, fleet, db, stop };
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

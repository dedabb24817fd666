import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../src/db/client.ts';
import { migrateDatabase } from '../src/db/migrate.ts';
import { seedShop } from '../src/db/seed.ts';
import { root } from './paths.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { asRunning } from './running.ts';

export type DemoShop = {
  /** Of the API. */
  url: string;
  /** Of the mail catcher's web page, which has a REST API below `/api`. */
  mailUrl: string;
  /** Resolves once API and mail catcher answer. */
  untilReady: () => Promise<void>;
  /** Rejects as soon as one of the programs has ended. */
  broken: Promise<never>;
  /** What API and worker have complained about so far. */
  complaints: () => string[];
};

const productCount = 120;
const currency = 'EUR';
/** How long an order stays in a status. */
const statusIntervalMs = 2_000;
const readyTimeoutMs = 30_000;
const stopTimeoutMs = 12_000;
const closeTimeoutMs = 1_000;
const pollMs = 25;

// Nothing here outlives the demo, so nothing needs to reach the disk.
const postgresSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Starts a shop that is all its own: database, mail catcher, API and worker, on free ports of this machine and in a
 * temporary directory. What ends and removes all of it is left to `running`, also when something fails half-way.
 * @throws when the database cannot be started and filled
 */
export async function openDemoShop(running: AsyncDisposableStack): Promise<DemoShop> {
  const directory = mkdtempSync(join(tmpdir(), 'shop-demo-'));
  running.defer(() => rmSync(directory, { recursive: true, force: true }));
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);

  const postgres = await startPostgres({ directory: join(directory, 'postgres'), settings: postgresSettings });
  // They may be in another place, where that account cannot get at this one.
  running.defer(() => rmSync(dirname(postgres.cluster), { recursive: true, force: true }));
  running.defer(postgres.stop);
  await migrateDatabase(postgres.url);
  await fill(postgres.url);

  const [port, smtpPort, mailPort] = [await freePort(), await freePort(), await freePort()];
  const environment = {
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: postgres.url,
    SMTP_URL: `smtp://127.0.0.1:${smtpPort}?tls=never`,
    JWT_SECRET: crypto.randomUUID(),
    TOKEN_SECRET: crypto.randomUUID(),
    CURRENCY: currency,
    ORDER_STATUS_INTERVAL: `${statusIntervalMs}ms`,
    REGISTRATIONS_PER_HOUR: '0',
  };
  const catcher = [join(root, 'standalone/mail-catcher.ts'), `${smtpPort}`, `${mailPort}`, join(directory, 'mail')];
  const programs = [
    startProgram('mail-catcher', catcher, environment, directory),
    startProgram('api', [join(root, 'index.ts')], environment, directory),
    startProgram('worker', [join(root, 'worker.ts')], environment, directory),
  ];
  running.defer(async () => {
    await Promise.all(programs.map((program) => program.stop()));
  });

  const url = `http://127.0.0.1:${port}`;
  const mailUrl = `http://127.0.0.1:${mailPort}`;
  return {
    url,
    mailUrl,
    async untilReady() {
      await untilAnswered(`${url}/readyz`);
      await untilAnswered(`${mailUrl}/api/email`);
    },
    broken: Promise.race(programs.map((program) => program.ended)).then((how) => {
      throw new Error(`One of its programs has ended (${how}).`);
    }),
    complaints: () => ['api', 'worker'].flatMap((name) => complaintsIn(join(directory, `${name}.log`))),
  };
}

/** A catalogue to choose from. */
async function fill(databaseUrl: string): Promise<void> {
  const { db, close } = openDatabase(databaseUrl, { poolSize: 1, applicationName: 'shop demo' });
  try {
    await seedShop(db, {
      products: productCount,
      customers: 0,
      orders: 0,
      currency,
      now: new Date(),
      passwordHash: '',
      statusIntervalMs,
      onProgress: () => {},
    });
  } finally {
    await close(closeTimeoutMs);
  }
}

/** Runs a file in another process, which knows no settings but the given ones and ends with ours however ours ends. */
function startProgram(name: string, command: string[], environment: Record<string, string>, directory: string) {
  const log = openSync(join(directory, `${name}.log`), 'w');
  const child = Bun.spawn([process.execPath, '--no-orphans', ...command], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...environment },
    // A session of its own: Ctrl-C in a terminal reaches us alone, and we stop everything in good order.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  return asRunning(child, { signal: 'SIGTERM', lastSignal: 'SIGKILL', timeoutMs: stopTimeoutMs });
}

async function untilAnswered(url: string): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await fetch(url).catch(() => undefined))?.ok) {
    if (Date.now() > deadline) throw new Error(`${url} is still not there.`);
    await sleep(pollMs);
  }
}

function complaintsIn(logFile: string): string[] {
  const lines = readFileSync(logFile, 'utf8').split('\n');
  return lines.filter((line) => line && !line.includes('"level":"info"'));
}

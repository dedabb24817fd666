// Runs the shop on one machine: the API, the worker, and whatever the environment leaves unset (start.ts [--watch]).
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../src/db/client.ts';
import { migrateDatabase } from '../src/db/migrate.ts';
import { seededIntervalMs, seedShop } from '../src/db/seed.ts';
import { products } from '../src/db/tables.ts';
import { hashPassword } from '../src/domain/customers/passwords.ts';
import { readSettings, type Settings } from '../src/settings.ts';
import { keepChild, logFileOf } from './child.ts';
import { takeLock } from './lock.ts';
import { stopWithParent } from './parent.ts';
import { dataDirectory, root } from './paths.ts';
import { tryPort } from './ports.ts';
import {
  type Kit,
  supplyAdmin,
  supplyDatabase,
  supplyJwtSecret,
  supplyMailServer,
  supplyTokenSecret,
} from './supplies.ts';
import { urlOf, welcome } from './welcome.ts';

const seedCounts = { products: 200, customers: 40, orders: 100 };
const readyTimeoutMs = 60_000;
const probeTimeoutMs = 2_000;
const pollMs = 25;
const closeTimeoutMs = 5_000;
const portMax = 65_535;
/** What a program gets on top of its own deadline for stopping. */
const stopGraceMs = 2_000;

const watch = process.argv.includes('--watch');
const stopping = new AbortController();
process.on('SIGINT', () => stopping.abort());
process.on('SIGTERM', () => stopping.abort());
if (process.env.npm_lifecycle_event !== undefined) {
  // npm passes no signal on: all that shows is that it is gone.
  stopWithParent(process.ppid);
  // A closed terminal ends npm, too, unless nohup protects it; then we stay as well.
  process.on('SIGHUP', () => {});
}

try {
  await run(stopping.signal);
} catch (error) {
  if (!(error instanceof Error && error.name === 'AbortError')) {
    console.error(reasonOf(error));
    process.exit(1);
  }
}
process.exit(0);

/** Runs everything until `stop`, then ends it in reverse order; so, too, when something fails on the way. */
async function run(stop: AbortSignal): Promise<void> {
  const settings = readSettings({ ...process.env, HOST: process.env.HOST || '127.0.0.1' });
  await using running = new AsyncDisposableStack();
  running.use(claimDirectory());
  const port = await claimPort(settings.host, settings.port, 'PORT');
  const operatorPorts = await claimOperatorPorts(settings, port);

  const kit: Kit = { environment: { HOST: settings.host, PORT: String(port) }, notes: [], running };
  // Receivers that are tried out run on this machine, too.
  if (!settings.production && !process.env.WEBHOOK_TARGETS) kit.environment.WEBHOOK_TARGETS = 'any';
  if (settings.jwtSecret === undefined) supplyJwtSecret(kit);
  if (settings.tokenSecret === undefined) supplyTokenSecret(kit);
  if (settings.mailServer === undefined) await supplyMailServer(kit);
  if (settings.adminEmail !== undefined) kit.notes.push(['Admin', `${settings.adminEmail} of ADMIN_EMAIL`]);
  if (settings.databaseUrl === undefined) {
    const databaseUrl = await supplyDatabase(kit);
    if (settings.adminEmail === undefined) supplyAdmin(kit, settings.adminPassword);
    stop.throwIfAborted();
    await migrateDatabase(databaseUrl);
    await fillIfEmpty(databaseUrl, settings);
  } else {
    await migrateGiven(settings.databaseUrl);
  }
  if (settings.redis === undefined) kit.notes.push(['Redis', 'none (queue in Postgres, cache in the API)']);
  stop.throwIfAborted();

  await runPrograms(kit, settings, operatorPorts);
  const apiUrl = urlOf(settings.host, port);
  await untilReady(apiUrl, stop);
  console.log(welcome(apiUrl, kit.notes));
  await once(stop, 'abort');
  console.log('Stopping ...');
}

/** Makes `.data` ours alone, so that no second `start` touches what the first one runs. */
function claimDirectory(): Disposable {
  mkdirSync(dataDirectory, { recursive: true });
  const lock = takeLock(join(dataDirectory, 'lock'));
  if (lock === undefined) throw new Error('The shop already runs from this directory: stop that one first.');
  return lock;
}

/** The port that a program will have, by the setting that names it. */
async function claimPort(host: string, port: number, setting: 'PORT' | 'METRICS_PORT'): Promise<number> {
  try {
    return await tryPort(host, port);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Error(`Port ${port} is taken: stop what listens there, or set ${setting} to another.`);
    }
    throw error;
  }
}

type OperatorPorts = { api: number; worker: number };

/** Where the API and the worker show how they are, which cannot be one port: the worker has the next one. */
async function claimOperatorPorts(
  { host, metricsPort }: Settings,
  apiPort: number,
): Promise<OperatorPorts | undefined> {
  if (metricsPort === undefined) return undefined;
  if (metricsPort === 0) {
    return { api: await claimPort(host, 0, 'METRICS_PORT'), worker: await claimPort(host, 0, 'METRICS_PORT') };
  }
  const next = metricsPort + 1 === apiPort ? metricsPort + 2 : metricsPort + 1;
  if (metricsPort === apiPort || next > portMax) {
    throw new Error(`METRICS_PORT ${metricsPort} leaves no port for the worker, or is PORT: set it to another.`);
  }
  return {
    api: await claimPort(host, metricsPort, 'METRICS_PORT'),
    worker: await claimPort(host, next, 'METRICS_PORT'),
  };
}

async function migrateGiven(databaseUrl: string): Promise<void> {
  try {
    await migrateDatabase(databaseUrl, { onWait: console.log });
  } catch (error) {
    throw new Error(`The database of DATABASE_URL cannot be made ready: ${reasonOf(error)}.`);
  }
}

/** A shop without a single product is filled with some, and with customers and orders for an admin to look at. */
async function fillIfEmpty(databaseUrl: string, { currency, orderStatusIntervalMs }: Settings): Promise<void> {
  const { db, close } = openDatabase(databaseUrl, { poolSize: 1, applicationName: 'shop start' });
  try {
    const some = await db.select({ id: products.id }).from(products).limit(1);
    if (some.length > 0) return;
    console.log('Filling the shop, once ...');
    await seedShop(db, {
      ...seedCounts,
      currency,
      now: new Date(),
      // Nobody knows it: these customers are there to be looked at.
      passwordHash: await hashPassword(crypto.randomUUID()),
      statusIntervalMs: orderStatusIntervalMs ?? seededIntervalMs,
      onProgress: () => {},
    });
  } finally {
    await close(closeTimeoutMs);
  }
}

async function runPrograms(
  { environment, notes, running }: Kit,
  settings: Settings,
  operatorPorts: OperatorPorts | undefined,
): Promise<void> {
  // A person who sets LOG_LEVEL or edits the code wants to see the logs; others want to see the shop.
  const showLogs = watch || Boolean(process.env.LOG_LEVEL);
  const start = (name: string, file: string, log: keyof OperatorPorts) =>
    keepChild({
      name,
      command: [...(watch ? ['--watch', '--no-clear-screen'] : []), join(root, file)],
      environment: { ...environment, ...(operatorPorts && { METRICS_PORT: String(operatorPorts[log]) }) },
      logFile: showLogs ? undefined : logFileOf(log),
      stopTimeoutMs: settings.shutdownTimeoutMs + stopGraceMs,
    });
  const stops = [await start('The API', 'index.ts', 'api'), await start('The worker', 'worker.ts', 'worker')];
  running.defer(async () => {
    await Promise.all(stops.map((stop) => stop()));
  });
  if (operatorPorts) {
    const urls = [operatorPorts.api, operatorPorts.worker].map((port) => `${urlOf(settings.host, port)}/metrics`);
    notes.push(['Metrics', urls.join(', ')]);
  }
  if (!showLogs) notes.push(['Logs', `${relative(root, logFileOf('api'))}, ${relative(root, logFileOf('worker'))}`]);
}

async function untilReady(apiUrl: string, stop: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await answersReady(apiUrl))) {
    if (Date.now() > deadline) throw new Error(`The API is still not ready: see ${apiUrl}/readyz and its log.`);
    await sleep(pollMs, undefined, { signal: stop });
  }
  stop.throwIfAborted();
}

/** Not by fetch, which takes the proxy that an environment names even for this machine. */
function answersReady(apiUrl: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`${apiUrl}/readyz`, { timeout: probeTimeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** The innermost cause's own words: the errors around it carry SQL and parameters. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

import { type Logger, pino } from 'pino';
import type { Registry } from 'prom-client';
import { type Cache, cacheGroups, createCache } from './cache/cache.ts';
import { createLoginThrottle, type LoginThrottle } from './cache/login-throttle.ts';
import { createMemoryStore } from './cache/memory-store.ts';
import { connectCacheRedis, createRedisStore } from './cache/redis-store.ts';
import { type Database, openDatabase, type Reader, type Transaction } from './db/client.ts';
import { ping } from './db/ping.ts';
import { withReader, withTransaction, workUnderWay } from './db/transaction.ts';
import { findStandings, type Standing } from './domain/accounts.ts';
import { type Backlog, readBacklog } from './domain/backlog.ts';
import type { ProductRow } from './domain/bodies.ts';
import { createOrderLane } from './domain/order-lane.ts';
import type { OrderRequest, Placement } from './domain/place-orders.ts';
import { findProducts } from './domain/products.ts';
import { createCleanUp } from './jobs/clean-up.ts';
import { createMailer } from './jobs/mailer.ts';
import { type MailQueue, mailQueue, openMailQueue, orderQueue, type QueueHome } from './jobs/queues.ts';
import { createSendMail } from './jobs/send-mail.ts';
import { createSweep } from './jobs/sweep.ts';
import { type RunningWorkers, startWorkers } from './jobs/workers.ts';
import { createLane, type Lane } from './lane.ts';
import { persist, prepareShop } from './preparation.ts';
import { type Settings, SettingsError } from './settings.ts';
import { currentTrace } from './spans.ts';
import { type MetricsServer, serveMetrics } from './telemetry/listen.ts';
import {
  createBatchSizes,
  createCacheReads,
  createJobTimes,
  createMailAttempts,
  createShopMetrics,
  type ShopMetrics,
  watchOrderLane,
  watchPool,
} from './telemetry/registry.ts';
import { createScrape } from './telemetry/scrape.ts';

const poolSize = 8;
const readLanes = 2;
const readBatchSizeMax = 200;
const cachedCharactersMax = 32_000_000;
/** Below what a scrape waits, so that Postgres is not at work for nobody. */
const backlogTimeoutMs = 250;
const scrapeTrouble = 'the metrics lack what could not be asked for';

/** What the routes work with. */
export type ApiServices = {
  settings: Settings & { jwtSecret: string };
  log: Logger;
  metrics: Registry;
  /** What Prometheus is shown. Answers in any weather, without what could not be asked for. */
  scrape: () => Promise<string>;
  ordersEntered: ShopMetrics['ordersEntered'];
  now: () => Date;
  read: <T>(work: (reader: Reader) => Promise<T>) => Promise<T>;
  transaction: <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;
  /** An account's standing as it is now; reads that arrive together share one query. */
  standings: Lane<string, Standing | null>;
  /** A product as it is now, deleted ones included, shared likewise. */
  products: Lane<string, ProductRow | null>;
  orders: Lane<OrderRequest, Placement>;
  cache: Cache;
  throttle: LoginThrottle;
  mails: Pick<MailQueue, 'enqueue'>;
  databaseStatus: () => Promise<'up' | 'down'>;
  /** Whether schema and first admin are there; once they are, they stay. */
  prepared: () => boolean;
  close: () => Promise<void>;
};

function createLog(settings: Settings, name: string): Logger {
  return pino({
    name,
    level: settings.logLevel,
    redact: [
      'password',
      '*.password',
      'currentPassword',
      'newPassword',
      'token',
      '*.token',
      'authorization',
      '*.authorization',
      // Where Postgres puts rows and statements.
      'err.detail',
      'err.where',
      'err.internal_query',
    ],
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    ...(settings.otlpEndpoint && { mixin: currentTrace }),
  });
}

/** What a process cannot do without, by the variable it comes from. */
const indispensable = { databaseUrl: 'DATABASE_URL', smtpUrl: 'SMTP_URL' } as const;

/** @throws {SettingsError} naming every one that is not set */
function requireSettings<Name extends keyof typeof indispensable>(
  settings: Settings,
  ...names: Name[]
): Record<Name, string> {
  const missing = names.filter((name) => settings[name] === undefined);
  if (missing.length > 0) {
    const list = missing.map((name) => `  ${indispensable[name]}: is not set`).join('\n');
    throw new SettingsError(`Something is missing that \`npm start\` supplies on one machine:\n${list}`);
  }
  return settings as Record<Name, string>;
}

function queueHome(settings: Settings, databaseUrl: string): QueueHome {
  return settings.redisUrl ? { kind: 'redis', url: settings.redisUrl } : { kind: 'postgres', url: databaseUrl };
}

/** Keeps a server that stays away from filling the log: each kind of trouble is told once a second at most. */
function troubleLog(log: Logger, message: string): (error: unknown) => void {
  let silentUntil = 0;
  return (error) => {
    if (Date.now() < silentUntil) return;
    silentUntil = Date.now() + 1_000;
    log.warn({ err: error }, message);
  };
}

/** Finds many things with one query for all that ask at the same time. */
function sharedLookup<Found>(
  db: Database,
  find: (reader: Reader, ids: string[]) => Promise<Map<string, Found>>,
): Lane<string, Found | null> {
  return createLane({
    lanes: readLanes,
    batchSizeMax: readBatchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    run: async (ids) => {
      const found = await withReader(db, (reader) => find(reader, [...new Set(ids)]));
      return ids.map((id) => found.get(id) ?? null);
    },
  });
}

/** A connection of its own, so that a scrape says how it stands when all others are taken; made by the first scrape. */
function openBacklog(databaseUrl: string): { read: () => Promise<Backlog>; close: () => Promise<void> } {
  const { db, close } = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'shop metrics',
    statementTimeoutMs: backlogTimeoutMs,
  });
  return { read: () => readBacklog(db, new Date()), close: () => close(0) };
}

/** Opens what the API needs. Nothing here waits for a server: the API starts, and says at `/readyz` what it lacks. */
export function openApiServices(settings: Settings): ApiServices {
  const { databaseUrl } = requireSettings(settings, 'databaseUrl');
  const log = createLog(settings, 'api');
  const jwtSecret = settings.jwtSecret ?? crypto.randomUUID() + crypto.randomUUID();
  if (!settings.jwtSecret)
    log.warn('JWT_SECRET is not set: tokens end with this process, and no other process knows them');
  const { registry: metrics, ordersEntered } = createShopMetrics('api');

  const { db, close: closeDatabase } = openDatabase(databaseUrl, { poolSize, applicationName: 'shop api' });
  const redisTrouble = troubleLog(log, 'redis is out of reach');
  const redis = settings.redisUrl ? connectCacheRedis(settings.redisUrl, redisTrouble) : null;
  const cache = createCache({
    store: redis ? createRedisStore(redis) : createMemoryStore(cachedCharactersMax),
    ttlMs: settings.cacheTtlMs,
    onOutcome: createCacheReads(metrics),
    onTrouble: redisTrouble,
  });
  // A process that was killed may have owed an invalidation, and a Redis that was restored may hold old entries:
  // whoever connects makes all of it stale.
  redis?.on('ready', () => {
    for (const group of cacheGroups) void cache.invalidate(group);
  });
  const orders = createOrderLane(db, settings, createBatchSizes(metrics));
  watchOrderLane(metrics, orders.waiting);
  watchPool(metrics, poolSize, () => workUnderWay(db));
  const backlog = openBacklog(databaseUrl);
  const closing = new AbortController();
  let mails: MailQueue | undefined;
  let prepared = false;
  const preparation = persist(() => prepareShop(db, settings, log), troubleLog(log, 'not ready yet'), closing.signal);
  void preparation.then((done) => {
    if (!done) return;
    prepared = true;
    void cache.invalidate('customers');
    // Not before, because a queue in Postgres that fails to open stays broken.
    const trouble = troubleLog(log, 'the mail queue is out of reach');
    mails = openMailQueue(queueHome(settings, databaseUrl), 'request', trouble);
  });

  return {
    settings: { ...settings, jwtSecret },
    log,
    metrics,
    scrape: createScrape(metrics, {
      backlog: backlog.read,
      queues: async () => {
        if (!mails) throw new Error('the mail queue is not open yet');
        return { [mailQueue]: await mails.depth() };
      },
      onTrouble: troubleLog(log, scrapeTrouble),
    }),
    ordersEntered,
    now: () => new Date(),
    read: (work) => withReader(db, work),
    transaction: (work) => withTransaction(db, work),
    standings: sharedLookup(db, findStandings),
    products: sharedLookup(db, findProducts),
    orders,
    cache,
    throttle: createLoginThrottle(redis),
    mails: { enqueue: async (queued, requestId) => mails?.enqueue(queued, requestId) },
    databaseStatus: () =>
      withReader(db, ping).then(
        () => 'up' as const,
        () => 'down' as const,
      ),
    prepared: () => prepared,
    close: async () => {
      closing.abort();
      await cache.close();
      redis?.disconnect();
      await mails?.close().catch(() => {});
      await Promise.all([closeDatabase(1_000), backlog.close()]);
    },
  };
}

/** What a worker process is, from outside: it works until it is closed. */
export type WorkerServices = { log: Logger; close: () => Promise<void> };

/** The worker serves nobody but Prometheus, and that only where it is given a port. */
async function listen(
  { host, metricsPort }: Settings,
  scrape: () => Promise<string>,
  contentType: string,
  log: Logger,
): Promise<MetricsServer | undefined> {
  if (metricsPort === undefined) return undefined;
  const server = await serveMetrics(scrape, contentType, { host, port: metricsPort });
  log.info({ host, port: server.port }, 'listening');
  return server;
}

/**
 * Opens what the worker needs and starts working as soon as Postgres answers.
 * @param closing ends the wait for Postgres
 */
export async function openWorkerServices(settings: Settings, closing: AbortSignal): Promise<WorkerServices> {
  const { databaseUrl, smtpUrl } = requireSettings(settings, 'databaseUrl', 'smtpUrl');
  const log = createLog(settings, 'worker');
  const { registry, ordersEntered } = createShopMetrics('worker');
  const { db, close: closeDatabase } = openDatabase(databaseUrl, { poolSize, applicationName: 'shop worker' });
  watchPool(registry, poolSize, () => workUnderWay(db));
  const backlog = openBacklog(databaseUrl);
  let orderQueueDepth: RunningWorkers['orderQueueDepth'] | undefined;
  const scrape = createScrape(registry, {
    backlog: backlog.read,
    queues: async () => {
      if (!orderQueueDepth) throw new Error('the queues are not open yet');
      const [waitingMails, waitingSweeps] = await Promise.all([mails.depth(), orderQueueDepth()]);
      return { [mailQueue]: waitingMails, [orderQueue]: waitingSweeps };
    },
    onTrouble: troubleLog(log, scrapeTrouble),
  });
  // Before Postgres is there, lest whoever asks for its health restarts a process that does nothing but wait.
  const server = await listen(settings, scrape, registry.contentType, log);
  const found = await persist(() => withReader(db, ping), troubleLog(log, 'waiting for postgres'), closing);
  if (!found) throw new Error('told to end before Postgres was there');

  const home = queueHome(settings, databaseUrl);
  const queueTrouble = troubleLog(log, 'the queue is out of reach');
  const mails = openMailQueue(home, 'worker', queueTrouble);
  const mailer = createMailer(smtpUrl, settings.mailFrom);
  const sweep = createSweep({
    db,
    orderStatusIntervalMs: settings.orderStatusIntervalMs,
    enqueue: mails.enqueue,
    onMoved: (entered) => {
      for (const status of entered) ordersEntered(status, 1);
    },
    log,
    stopping: () => closing.aborted,
  });
  const sendMail = createSendMail({
    db,
    mailer,
    mailFrom: settings.mailFrom,
    log,
    onOutcome: createMailAttempts(registry),
  });
  const workers = await startWorkers(
    home,
    { sweep, cleanUp: createCleanUp(db, log), sendMail },
    {
      onQueueTrouble: queueTrouble,
      onJobFailure: troubleLog(log, 'a job failed'),
      onJobEnd: createJobTimes(registry),
    },
  );
  orderQueueDepth = workers.orderQueueDepth;
  return {
    log,
    close: async () => {
      await workers.stop();
      mailer.close();
      await mails.close().catch(() => {});
      await Promise.all([closeDatabase(1_000), backlog.close()]);
      server?.close();
    },
  };
}

import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type Cache, cacheGroups, createCache, versionKey } from './cache/cache.ts';
import { createLoginThrottle, type LoginThrottle } from './cache/login-throttle.ts';
import { createMemoryStore } from './cache/memory-store.ts';
import { createRedisStore, onRenewal } from './cache/redis-store.ts';
import { type Database, openDatabase, type Reader, type Transaction, workUnderWay } from './db/client.ts';
import { ping } from './db/ping.ts';
import { openReplicas, type Replicas } from './db/replicas.ts';
import { withReader, withTransaction } from './db/transaction.ts';
import { type Standing, standingFinder } from './domain/accounts.ts';
import type { ProductRow } from './domain/bodies.ts';
import { createOrderLane } from './domain/order-lane.ts';
import type { OrderRequest, Placement } from './domain/place-orders.ts';
import { productFinder } from './domain/products.ts';
import {
  checkRedis,
  createLog,
  openBacklog,
  openQueueHome,
  poolSize,
  requireSettings,
  scrapeTrouble,
  troubleLog,
} from './foundation.ts';
import { keyPrefix, mailQueue } from './jobs/queue-names.ts';
import type { MailQueue } from './jobs/queues.ts';
import { createLane, type Lane } from './lane.ts';
import { persist, prepareShop } from './preparation.ts';
import { connectRedis, isDenied } from './redis.ts';
import type { Settings } from './settings.ts';
import {
  createBatchSizes,
  createCacheReads,
  createListLoads,
  createShopMetrics,
  type ShopMetrics,
  watchOrderLane,
  watchPool,
} from './telemetry/registry.ts';
import { createScrape } from './telemetry/scrape.ts';

const readLanes = 2;
const readBatchSizeMax = 200;
const cachedCharactersMax = 32_000_000;
/** How long a permission that was missing counts as missing, unless it is asked for again. */
const denialMs = 10_000;

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
  /** For lists that the cache lacks: a replica may answer, if it has all that the primary has. */
  readList: Replicas['read'];
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

/** Finds many things with one query for all that ask at the same time. */
function sharedLookup<Found>(
  db: Database,
  find: (ids: string[]) => Promise<Map<string, Found>>,
): Lane<string, Found | null> {
  return createLane({
    lanes: readLanes,
    batchSizeMax: readBatchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    run: async (ids) => {
      const found = await withReader(db, () => find([...new Set(ids)]));
      return ids.map((id) => found.get(id) ?? null);
    },
  });
}

/** Remembers that Redis has refused a command for want of a permission: it answers a ping, and is of no use. */
function watchDenials() {
  let deniedAt = Number.NEGATIVE_INFINITY;
  return {
    heard: (tell: (error: unknown) => void) => (error: unknown) => {
      if (isDenied(error)) deniedAt = Date.now();
      tell(error);
    },
    recently: () => Date.now() - deniedAt < denialMs,
  };
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
  const denials = watchDenials();
  const redisTrouble = denials.heard(troubleLog(log, 'redis is out of reach'));
  const redis = settings.redis ? connectRedis(settings.redis, 'cache', redisTrouble) : null;
  const opened = createCache({
    store: redis
      ? createRedisStore(redis, [...cacheGroups.map(versionKey), keyPrefix])
      : createMemoryStore(cachedCharactersMax),
    ttlMs: settings.cacheTtlMs,
    onOutcome: createCacheReads(metrics),
    onTrouble: redisTrouble,
  });
  const cache: Cache = { ...opened, status: async () => (denials.recently() ? 'down' : opened.status()) };
  const closing = new AbortController();
  // A process that was killed may have owed an invalidation, and a Redis that was restored may hold old entries:
  // whoever connects makes all of it stale.
  if (redis) {
    onRenewal(redis, closing.signal, () => {
      for (const group of cacheGroups) void cache.invalidate(group);
    });
  }
  const replicas = openReplicas(
    db,
    settings.databaseReplicaUrls.map((url) => ({
      url,
      onTrouble: troubleLog(log.child({ replica: new URL(url).host }), 'a replica failed and is left alone'),
    })),
    createListLoads(metrics),
  );
  const orders = createOrderLane(db, settings, createBatchSizes(metrics));
  watchOrderLane(metrics, orders.waiting);
  watchPool(metrics, poolSize, () => workUnderWay(db));
  const backlog = openBacklog(databaseUrl);
  const mailQueueTrouble = denials.heard(troubleLog(log, 'the mail queue is out of reach'));
  const home = openQueueHome(settings, databaseUrl, 'request', mailQueueTrouble);
  let mails: Promise<MailQueue> | undefined;
  /** Loads BullMQ, a fifth of what a start would load, when there is the first mail to hand on. */
  const openMails = () => {
    mails ??= Promise.all([import('./jobs/queues.ts'), checkRedis(settings, log)]).then(([{ openMailQueue }, found]) =>
      openMailQueue({ ...home, ...found }, mailQueueTrouble),
    );
    return mails;
  };
  let prepared = false;
  const preparation = persist(() => prepareShop(db, settings, log), troubleLog(log, 'not ready yet'), closing.signal);
  void preparation.then((done) => {
    if (!done) return;
    prepared = true;
    void cache.invalidate('customers');
  });

  return {
    settings: { ...settings, jwtSecret },
    log,
    metrics,
    scrape: createScrape(metrics, {
      backlog: backlog.read,
      queues: async () => {
        // A queue in Postgres that fails to open stays broken.
        if (!prepared) throw new Error('the shop is not ready to open the mail queue');
        return { [mailQueue]: await (await openMails()).depth() };
      },
      onTrouble: troubleLog(log, scrapeTrouble),
    }),
    ordersEntered,
    now: () => new Date(),
    read: (work) => withReader(db, work),
    readList: replicas.read,
    transaction: (work) => withTransaction(db, work),
    standings: sharedLookup(db, standingFinder(db)),
    products: sharedLookup(db, productFinder(db)),
    orders,
    cache,
    throttle: createLoginThrottle(redis),
    mails: { enqueue: async (queued, requestId) => (await openMails()).enqueue(queued, requestId) },
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
      await mails?.then((queue) => queue.close()).catch(() => {});
      home.close();
      await Promise.all([closeDatabase(1_000), replicas.close(1_000), backlog.close()]);
    },
  };
}

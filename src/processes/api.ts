import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type Cache, createCache } from '../cache/cache.ts';
import { createLoginThrottle } from '../cache/login-throttle.ts';
import { createMailRequestThrottle } from '../cache/mail-request-throttle.ts';
import { createMemoryStore } from '../cache/memory-store.ts';
import { createRedisStore, onRenewal } from '../cache/redis-store.ts';
import { createRegistrationThrottle } from '../cache/registration-throttle.ts';
import { cacheGroups, versionKey } from '../cache/versions.ts';
import { type Database, openDatabase, workUnderWay } from '../db/client.ts';
import { openReplicas, type Replicas } from '../db/replicas.ts';
import type { ProductRow } from '../db/tables.ts';
import { withReader, withTransaction } from '../db/transaction.ts';
import { callerFinder } from '../domain/customers/accounts.ts';
import { createPasswordQueues } from '../domain/customers/password-queues.ts';
import { productFinder } from '../domain/products/products.ts';
import { InDoubtError } from '../errors.ts';
import { createMailProducer } from '../jobs/mail-producer.ts';
import { openQueueBackend } from '../jobs/queue-backend.ts';
import { accountMailQueue, keyPrefix, mailQueue } from '../jobs/queue-names.ts';
import type { OutboxQueue } from '../jobs/queues.ts';
import { createBatcher } from '../lib/batcher.ts';
import type { Closers } from '../lib/closers.ts';
import { databaseWaitMsMax, waitEndsAt } from '../lib/deadline.ts';
import { connectRedis } from '../lib/redis.ts';
import { createSealer } from '../lib/sealing.ts';
import type { ApiServices } from '../services.ts';
import type { Settings } from '../settings.ts';
import { openBacklog } from '../telemetry/backlog.ts';
import { readReadiness } from '../telemetry/readiness.ts';
import {
  createBatchSizes,
  createCacheReads,
  createListLoads,
  createShopMetrics,
  watchOrderBatcher,
  watchPool,
} from '../telemetry/registry.ts';
import { createScrape } from '../telemetry/scrape.ts';
import { createOrderBatcher } from './order-batcher.ts';
import {
  checkRedis,
  type Denials,
  databaseStatus,
  errorLog,
  poolSize,
  requireSettings,
  scrapeError,
  tokenSecretOf,
  warnOfSettings,
  watchDenials,
} from './shared.ts';
import { prepareShop, retryUntil } from './startup.ts';

const readBatchesMax = 2;
const readBatchSizeMax = 200;
const cachedCharactersMax = 32_000_000;
/** How long connections to Postgres may take to say goodbye. */
const goodbyeMsMax = 1_000;

/** Finds many things with one query for all that ask at the same time, each for as long as their request may wait. */
function sharedLookup<Asked, Found>(
  db: Database,
  find: (asked: Asked[]) => Promise<(Found | null)[]>,
): (asked: Asked) => Promise<Found | null> {
  const { add } = createBatcher<Asked, Found | null>({
    batchesMax: readBatchesMax,
    batchSizeMax: readBatchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    deadlineMs: databaseWaitMsMax,
    run: (asked, endsAt) => withReader(db, () => find(asked), endsAt),
  });
  return (asked) => add(asked, { endsAt: waitEndsAt() });
}

/** Products in the order in which they are asked for, null for those that are not there. */
function productLookup(db: Database): (ids: string[]) => Promise<(ProductRow | null)[]> {
  const find = productFinder(db);
  return async (ids) => {
    const found = await find([...new Set(ids)]);
    return ids.map((id) => found.get(id) ?? null);
  };
}

type Redis = ReturnType<typeof connectRedis>;

/** What every piece of the API is opened with. */
type Shared = { settings: Settings; log: Logger; metrics: Registry; closers: Closers; denials: Denials };

function openPostgres({ metrics, closers }: Shared, databaseUrl: string): Database {
  const { db, close } = openDatabase(databaseUrl, { poolSize, applicationName: 'shop api' });
  closers.add('postgres', () => close(goodbyeMsMax));
  watchPool(metrics, poolSize, () => workUnderWay(db));
  return db;
}

/** For lists that the cache lacks. */
function openListReader({ settings, log, metrics, closers }: Shared, db: Database): Replicas['read'] {
  const { read, close } = openReplicas(
    db,
    settings.databaseReplicaUrls.map((url) => ({
      url,
      onError: errorLog(log.child({ replica: new URL(url).host }), 'a replica failed and is left alone'),
    })),
    createListLoads(metrics),
  );
  closers.add('replicas', () => close(goodbyeMsMax));
  return read;
}

function openCache({ settings, log, metrics, closers, denials }: Shared): { cache: Cache; redis: Redis | null } {
  const onError = denials.heard(errorLog(log, 'redis is out of reach'));
  const redis = settings.redis ? connectRedis(settings.redis, 'cache', onError) : null;
  closers.add('redis', () => redis?.disconnect());
  const cache = createCache({
    store: redis
      ? createRedisStore(redis, [...cacheGroups.map(versionKey), keyPrefix])
      : createMemoryStore(cachedCharactersMax),
    ttlMs: settings.cacheTtlMs,
    onOutcome: createCacheReads(metrics),
    onError,
  });
  closers.add('cache', cache.close);
  const ending = new AbortController();
  closers.add('renewals of the cache', () => ending.abort());
  // A process that was killed may have left an invalidation pending, and a Redis that was restored may hold old
  // entries: each process that connects makes all of it stale.
  if (redis) {
    onRenewal(redis, ending.signal, () => {
      for (const group of cacheGroups) void cache.invalidate(group);
    });
  }
  return { cache: { ...cache, status: denials.asDown(cache.status) }, redis };
}

/** BullMQ, a fifth of what a start would load, is loaded when there is the first mail to hand on. */
function openMailProducers(
  { settings, log, closers, denials }: Shared,
  databaseUrl: string,
): { mails: OutboxQueue; accountMails: OutboxQueue } {
  const onError = denials.heard(errorLog(log, 'the mail queue is out of reach'));
  const backend = openQueueBackend(settings, databaseUrl, 'request', onError);
  closers.add('connection of the mail queue', backend.close);
  const openProducer = (name: string) => {
    const producer = createMailProducer(async () => {
      const { openOutboxQueue } = await import('../jobs/queues.ts');
      return openOutboxQueue(name, { ...backend, ...(await checkRedis(settings, log)) }, onError);
    }, onError);
    closers.add(`queue ${name}`, producer.close);
    return producer;
  };
  return { mails: openProducer(mailQueue), accountMails: openProducer(accountMailQueue) };
}

/** Waits for schema and first admin; once they are there, they stay. */
function openStartup({ settings, log, closers }: Shared, db: Database, cache: Cache): { isPrepared: () => boolean } {
  const ending = new AbortController();
  closers.add('start-up checks', () => ending.abort());
  let prepared = false;
  const startup = retryUntil(() => prepareShop(db, settings, log), errorLog(log, 'not ready yet'), ending.signal);
  void startup.then((done) => {
    if (!done) return;
    prepared = true;
    void cache.invalidate('customers');
  });
  return { isPrepared: () => prepared };
}

function openScrape(
  { log, metrics, closers }: Shared,
  databaseUrl: string,
  { mails, accountMails }: { mails: OutboxQueue; accountMails: OutboxQueue },
  isPrepared: () => boolean,
): () => Promise<string> {
  const backlog = openBacklog(databaseUrl);
  closers.add('backlog', backlog.close);
  return createScrape(metrics, {
    backlog: backlog.read,
    queues: async () => {
      // Setting up a queue in Postgres needs one that is there.
      if (!isPrepared()) throw new Error('the shop is not ready to open the mail queue');
      const [ofMails, ofAccountMails] = await Promise.all([mails.depth(), accountMails.depth()]);
      return { mails: ofMails, accountMails: ofAccountMails };
    },
    onError: errorLog(log, scrapeError),
  });
}

function secretOf({ jwtSecret }: Settings, log: Logger): string {
  if (jwtSecret) return jwtSecret;
  log.warn('JWT_SECRET is not set: tokens end with this process, and no other process knows them');
  return crypto.randomUUID() + crypto.randomUUID();
}

/** A server that stood still may commit when it goes on, long after the connection was given up. */
const lateCommitMs = 10_000;

/** What may have been changed though nobody heard so is not served from the cache as it was. */
function transactionsOn(db: Database, cache: Cache): ApiServices['transaction'] {
  const invalidate = () => {
    for (const group of cacheGroups) cache.invalidateSoon(group);
  };
  return async (work, endsAt) => {
    try {
      return await withTransaction(db, work, endsAt);
    } catch (error) {
      if (error instanceof InDoubtError) {
        void error.decided.then(() => {
          invalidate();
          setTimeout(invalidate, lateCommitMs).unref();
        });
      }
      throw error;
    }
  };
}

/** Opens what the API needs. Nothing here waits for a server: the API starts, and says at `/readyz` what it lacks. */
export function openApiServices(settings: Settings, log: Logger, closers: Closers): ApiServices {
  const { databaseUrl } = requireSettings(settings, 'databaseUrl');
  const jwtSecret = secretOf(settings, log);
  const tokenSecret = tokenSecretOf(settings, databaseUrl, log);
  warnOfSettings(settings, log);
  const { registry: metrics, ordersEntered } = createShopMetrics('api');
  const shared = { settings, log, metrics, closers, denials: watchDenials() };
  const db = openPostgres(shared, databaseUrl);
  const producers = openMailProducers(shared, databaseUrl);
  const { cache, redis } = openCache(shared);
  const { isPrepared } = openStartup(shared, db, cache);
  const transaction = transactionsOn(db, cache);
  const orders = createOrderBatcher(transaction, settings, createBatchSizes(metrics));
  watchOrderBatcher(metrics, orders.waiting);
  return {
    settings: { ...settings, jwtSecret, tokenSecret },
    log,
    metrics,
    scrape: openScrape(shared, databaseUrl, producers, isPrepared),
    ordersEntered,
    now: () => new Date(),
    read: (work) => withReader(db, work),
    readList: openListReader(shared, db),
    transaction,
    findCaller: sharedLookup(db, callerFinder(db)),
    findProduct: sharedLookup(db, productLookup(db)),
    placeOrder: (request) => orders.add(request, { endsAt: waitEndsAt() }),
    cache,
    sealer: createSealer(tokenSecret, 'second factors'),
    passwords: createPasswordQueues(availableParallelism()),
    throttle: createLoginThrottle(redis),
    registrations: createRegistrationThrottle(redis, settings.registrationsPerHour),
    mailRequests: createMailRequestThrottle(redis),
    ...producers,
    readiness: (draining) =>
      readReadiness({ postgres: () => databaseStatus(db), redis: cache.status }, () => isPrepared() && !draining()),
    prepared: isPrepared,
  };
}

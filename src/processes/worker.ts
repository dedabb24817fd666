import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { createRedisStore } from '../cache/redis-store.ts';
import { type Database, openDatabase, workUnderWay } from '../db/client.ts';
import { accountMailOutbox, orderMailOutbox, webhookOutbox } from '../domain/outbox/kinds.ts';
import { createCleanUp } from '../jobs/clean-up.ts';
import { keepCountingSales } from '../jobs/count-sales.ts';
import { createDelivery } from '../jobs/delivery.ts';
import { createMailer } from '../jobs/mailer.ts';
import { openQueueBackend } from '../jobs/queue-backend.ts';
import { accountMailQueue, keyPrefix, mailQueue, mailQueueBefore, webhookQueue } from '../jobs/queue-names.ts';
import { openOutboxQueue, type QueueDepths } from '../jobs/queues.ts';
import { createRelay } from '../jobs/relay.ts';
import { createScheduler } from '../jobs/scheduler.ts';
import { batchOfMailJob, mailDelivery } from '../jobs/send-mail.ts';
import { webhookDelivery } from '../jobs/send-webhook.ts';
import { keepCheckingStock } from '../jobs/stock-check.ts';
import { createPost } from '../jobs/webhook-post.ts';
import { type RunningWorkers, startWorkers } from '../jobs/workers.ts';
import type { Closers } from '../lib/closers.ts';
import { connectRedis } from '../lib/redis.ts';
import type { Settings } from '../settings.ts';
import { openBacklog } from '../telemetry/backlog.ts';
import { serveOperators } from '../telemetry/listen.ts';
import { readReadiness } from '../telemetry/readiness.ts';
import {
  createAttempts,
  createJobTimes,
  createShopMetrics,
  createStockMismatches,
  watchPool,
} from '../telemetry/registry.ts';
import { createScrape } from '../telemetry/scrape.ts';
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
import { checkDatabase, retryUntil } from './startup.ts';

const stockBatchMsMax = 60_000;

/** What every piece of the worker is opened with. */
type Shared = { settings: Settings; log: Logger; closers: Closers };

/** What operators are told of. */
type Observed = {
  db: Database;
  registry: Registry;
  databaseUrl: string;
  denials: Denials;
  queues: () => Promise<QueueDepths>;
  /** Whether it takes jobs. */
  working: () => boolean;
};

/**
 * The worker serves nobody but its operators, and them only where it is given a port. It asks Redis on a connection that
 * gives up in milliseconds, because those of the queues wait.
 */
async function openOperators(
  { settings, log, closers }: Shared,
  { db, registry, databaseUrl, denials, queues, working }: Observed,
): Promise<void> {
  if (settings.metricsPort === undefined) return;
  const backlog = openBacklog(databaseUrl);
  closers.add('backlog', backlog.close);
  const redis = settings.redis && connectRedis(settings.redis, 'cache', errorLog(log, 'redis is out of reach'));
  closers.add('redis', () => redis?.disconnect());
  const redisStatus = redis ? createRedisStore(redis, [keyPrefix]).status : async () => 'none' as const;
  const answers = {
    readiness: () => readReadiness({ postgres: () => databaseStatus(db), redis: denials.asDown(redisStatus) }, working),
    scrape: createScrape(registry, { backlog: backlog.read, queues, onError: errorLog(log, scrapeError) }),
    contentType: registry.contentType,
  };
  await serveOperators(settings, answers, log, closers);
}

/** What goes through all of the shop, on one connection: not on those of the jobs, which it would keep waiting. */
function goThroughTheShop(
  { log, closers }: Shared,
  databaseUrl: string,
  registry: Registry,
  signal: AbortSignal,
): void {
  const { db, close } = openDatabase(databaseUrl, {
    poolSize: 1,
    applicationName: 'shop check',
    statementTimeoutMs: stockBatchMsMax,
  });
  closers.add('postgres of the checks', () => close(0));
  const onError = errorLog(log, 'the stock could not be checked');
  const show = createStockMismatches(registry);
  const onRound = (mismatches: number) => {
    show(mismatches);
    if (mismatches > 0) log.error({ mismatches }, 'the stock of products does not add up: bun run check:stock');
  };
  void keepCheckingStock({ db, batchMsMax: stockBatchMsMax, onRound, onError, signal });
  const onCountError = errorLog(log, 'the sales of a day could not be counted');
  void keepCountingSales({ db, dayMsMax: stockBatchMsMax, onError: onCountError, signal });
}

/**
 * Opens what the worker needs and starts working as soon as Postgres answers.
 * @param closing ends the wait for Postgres
 * @throws the reason of `closing` when that ended the wait; what kept a queue in Postgres from being set up
 */
export async function openWorkerServices(
  shared: Shared,
  closing: AbortSignal,
): Promise<Pick<RunningWorkers, 'scheduled'>> {
  const { settings, log, closers } = shared;
  const { databaseUrl, mailServer } = requireSettings(settings, 'databaseUrl', 'mailServer');
  warnOfSettings(settings, log);
  const { registry, ordersEntered } = createShopMetrics('worker');
  const { db, close } = openDatabase(databaseUrl, { poolSize, applicationName: 'shop worker' });
  closers.add('postgres', () => close(1_000));
  watchPool(registry, poolSize, () => workUnderWay(db));
  let queueDepths: (() => Promise<QueueDepths>) | undefined;
  const readQueues = async () => {
    if (!queueDepths) throw new Error('the queues are not open yet');
    return queueDepths();
  };
  const working = () => queueDepths !== undefined && !closing.aborted;
  const denials = watchDenials();
  const onQueueError = denials.heard(errorLog(log, 'the queue is out of reach'));
  // Before Postgres is there, so that nobody who asks for its health restarts a process that does nothing but wait.
  await openOperators(shared, { db, registry, databaseUrl, denials, queues: readQueues, working });
  await retryUntil(() => checkDatabase(db, log), errorLog(log, 'waiting for postgres'), closing);
  closing.throwIfAborted();

  const opened = openQueueBackend(settings, databaseUrl, 'worker', onQueueError);
  closers.add('connection of the queues', opened.close);
  const backend = { ...opened, ...(await checkRedis(settings, log)) };
  const mails = await openOutboxQueue(mailQueue, backend, onQueueError);
  closers.add('mail queue', mails.close);
  const accountMails = await openOutboxQueue(accountMailQueue, backend, onQueueError);
  closers.add('queue of account mails', accountMails.close);
  const webhooks = await openOutboxQueue(webhookQueue, backend, onQueueError);
  closers.add('webhook queue', webhooks.close);
  const mailer = createMailer(mailServer, settings.mailFrom, settings.smtpConnections);
  closers.add('mailer', mailer.close);
  const stopping = () => closing.aborted;
  const relayNeeds = { db, onError: onQueueError, stopping };
  const sweep = createScheduler({
    db,
    orderStatusIntervalMs: settings.orderStatusIntervalMs,
    enqueue: mails.enqueue,
    onMoved: (entered) => {
      for (const status of entered) ordersEntered(status, 1);
    },
    relays: {
      accountMails: createRelay({ ...relayNeeds, kind: accountMailOutbox, queue: accountMails }),
      mails: createRelay({ ...relayNeeds, kind: orderMailOutbox, queue: mails }),
      webhooks: createRelay({ ...relayNeeds, kind: webhookOutbox, queue: webhooks }),
    },
    log,
    stopping,
  });
  const onJobFailure = errorLog(log, 'a job failed');
  const onJobEnd = createJobTimes(registry);
  const terms = { ...settings, tokenSecret: tokenSecretOf(settings, databaseUrl, log) };
  const needs = { db, log, onError: onJobFailure, stopping };
  const mailNeeds = {
    ...needs,
    onOutcome: createAttempts(registry, 'mail'),
    onEnd: (ok: boolean, seconds: number) => onJobEnd('send-mail', ok, seconds),
  };
  const ofOrders = createDelivery(mailDelivery(orderMailOutbox, mailer, terms, { urgent: false }), mailNeeds);
  const ofAccounts = createDelivery(mailDelivery(accountMailOutbox, mailer, terms, { urgent: true }), mailNeeds);
  const post = createPost({ targets: settings.webhookTargets });
  const ofWebhooks = createDelivery(webhookDelivery(post, { currency: settings.currency, stopping }), {
    ...needs,
    onOutcome: createAttempts(registry, 'webhook'),
    onEnd: (ok, seconds) => onJobEnd('send-webhook', ok, seconds),
  });
  const batches = {
    [mailQueue]: ofOrders.take,
    [mailQueueBefore]: (payload: unknown) => ofOrders.take(batchOfMailJob(payload)),
    [accountMailQueue]: ofAccounts.take,
    [webhookQueue]: ofWebhooks.take,
  };
  const drained = async () =>
    void (await Promise.all([ofOrders.drained(), ofAccounts.drained(), ofWebhooks.drained()]));
  const { scheduled, orderQueueDepth } = await startWorkers(
    backend,
    { sweep, cleanUp: createCleanUp(db, settings, log, stopping), batches, drained },
    { onQueueError, onJobFailure, onJobEnd },
    closers,
  );
  goThroughTheShop(shared, databaseUrl, registry, closing);
  queueDepths = async () => {
    const depths = [mails.depth(), accountMails.depth(), webhooks.depth(), orderQueueDepth()] as const;
    const [inMails, inAccountMails, inWebhooks, inOrders] = await Promise.all(depths);
    return { mails: inMails, accountMails: inAccountMails, webhooks: inWebhooks, orders: inOrders };
  };
  return { scheduled };
}

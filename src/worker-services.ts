import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { openDatabase } from './db/client.ts';
import { workUnderWay } from './db/transaction.ts';
import { errorLog, openBacklog, openQueueHome, poolSize, requireSettings, scrapeError } from './foundation.ts';
import { createCleanUp } from './jobs/clean-up.ts';
import { createMailer } from './jobs/mailer.ts';
import { mailQueue, orderQueue } from './jobs/queue-names.ts';
import { openMailQueue, type QueueDepths } from './jobs/queues.ts';
import { createSendMail } from './jobs/send-mail.ts';
import { createSweep } from './jobs/sweep.ts';
import { startWorkers } from './jobs/workers.ts';
import type { Closers } from './lib/closers.ts';
import { checkTimeouts, persist } from './preparation.ts';
import type { Settings } from './settings.ts';
import { serveMetrics } from './telemetry/listen.ts';
import { createJobTimes, createMailAttempts, createShopMetrics, watchPool } from './telemetry/registry.ts';
import { createScrape } from './telemetry/scrape.ts';

/** What every piece of the worker is opened with. */
type Shared = { settings: Settings; log: Logger; closers: Closers };

/** The worker serves nobody but Prometheus, and that only where it is given a port. */
async function openMetrics(
  { settings: { host, metricsPort }, log, closers }: Shared,
  registry: Registry,
  databaseUrl: string,
  queues: () => Promise<QueueDepths>,
): Promise<void> {
  if (metricsPort === undefined) return;
  const backlog = openBacklog(databaseUrl);
  closers.add('backlog', backlog.close);
  const scrape = createScrape(registry, { backlog: backlog.read, queues, onTrouble: errorLog(log, scrapeError) });
  const server = await serveMetrics(scrape, registry.contentType, { host, port: metricsPort });
  closers.add('metrics', server.close);
  log.info({ host, port: server.port }, 'listening');
}

/**
 * Opens what the worker needs and starts working as soon as Postgres answers.
 * @param closing ends the wait for Postgres
 * @throws the reason of `closing` when that ended the wait; what kept a queue in Postgres from being set up
 */
export async function openWorkerServices(shared: Shared, closing: AbortSignal): Promise<void> {
  const { settings, log, closers } = shared;
  const { databaseUrl, smtpUrl } = requireSettings(settings, 'databaseUrl', 'smtpUrl');
  const { registry, ordersEntered } = createShopMetrics('worker');
  const { db, close } = openDatabase(databaseUrl, { poolSize, applicationName: 'shop worker' });
  closers.add('postgres', () => close(1_000));
  watchPool(registry, poolSize, () => workUnderWay(db));
  let queueDepths = async (): Promise<QueueDepths> => {
    throw new Error('the queues are not open yet');
  };
  // Before Postgres is there, so that nobody who asks for its health restarts a process that does nothing but wait.
  await openMetrics(shared, registry, databaseUrl, () => queueDepths());
  await persist(() => checkTimeouts(db, log), errorLog(log, 'waiting for postgres'), closing);
  closing.throwIfAborted();

  const onQueueError = errorLog(log, 'the queue is out of reach');
  const home = openQueueHome(settings, databaseUrl, 'worker', onQueueError);
  closers.add('connection of the queues', home.close);
  const mails = await openMailQueue(home, onQueueError);
  closers.add('mail queue', mails.close);
  const mailer = createMailer(smtpUrl, settings.mailFrom);
  closers.add('mailer', mailer.close);
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
  const { orderQueueDepth } = await startWorkers(
    home,
    { sweep, cleanUp: createCleanUp(db, log), sendMail },
    { onQueueError, onJobFailure: errorLog(log, 'a job failed'), onJobEnd: createJobTimes(registry) },
    closers,
  );
  queueDepths = async () => {
    const [waitingMails, waitingSweeps] = await Promise.all([mails.depth(), orderQueueDepth()]);
    return { [mailQueue]: waitingMails, [orderQueue]: waitingSweeps };
  };
}

import type { Logger } from 'pino';
import { openDatabase, workUnderWay } from './db/client.ts';
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
import { createCleanUp } from './jobs/clean-up.ts';
import { createMailer } from './jobs/mailer.ts';
import { mailQueue, orderQueue } from './jobs/queue-names.ts';
import { openMailQueue } from './jobs/queues.ts';
import { createSendMail } from './jobs/send-mail.ts';
import { createSweep } from './jobs/sweep.ts';
import { type RunningWorkers, startWorkers } from './jobs/workers.ts';
import { checkDatabase, persist } from './preparation.ts';
import type { Settings } from './settings.ts';
import { type MetricsServer, serveMetrics } from './telemetry/listen.ts';
import { createJobTimes, createMailAttempts, createShopMetrics, watchPool } from './telemetry/registry.ts';
import { createScrape } from './telemetry/scrape.ts';

/** What a worker process is, from outside: it works until it is closed. */
export type WorkerServices = {
  log: Logger;
  /** Resolves once it moves orders, and never while its queue refuses it. */
  working: Promise<void>;
  close: () => Promise<void>;
};

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
  const found = await persist(() => checkDatabase(db, log), troubleLog(log, 'waiting for postgres'), closing);
  if (!found) throw new Error('told to end before Postgres was there');

  const queueTrouble = troubleLog(log, 'the queue is out of reach');
  const opened = openQueueHome(settings, databaseUrl, 'worker', queueTrouble);
  const home = { ...opened, ...(await checkRedis(settings, log)) };
  const mails = openMailQueue(home, queueTrouble);
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
    working: workers.scheduled,
    close: async () => {
      await workers.stop();
      mailer.close();
      await mails.close().catch(() => {});
      home.close();
      await Promise.all([closeDatabase(1_000), backlog.close()]);
      server?.close();
    },
  };
}

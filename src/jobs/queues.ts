import { createPostgresBackend, type JobsOptions, type JobType, Queue, withBackend } from 'bullmq';
import { dialect } from '../db/dialect.ts';
import { createBatcher } from '../lib/batcher.ts';
import { databaseWaitMsMax } from '../lib/deadline.ts';
import { isCluster } from '../lib/redis.ts';
import type { MailJob } from '../schema/jobs.ts';
import { currentTraceparent } from '../telemetry/spans.ts';
import type { QueueBackend } from './queue-backend.ts';
import { keyPrefix, mailQueue } from './queue-names.ts';

/** A mail to be enqueued: its ledger row, and how often it has been tried, which makes each try a job of its own. */
export type QueuedMail = { id: string; attempts: number };

/** How many jobs of a queue are in each state, and that by the name of the queue. */
export type QueueDepth = Record<string, number>;
export type QueueDepths = Record<string, QueueDepth>;

const postgresSchema = 'bullmq';
const postgresPoolSize = 4;
const postgresLifetimeSeconds = 3;
const mailsWaitingMax = 20_000;
const mailsPerCall = 500;

const postgresBackend = withBackend(createPostgresBackend);

/** Connections live for seconds only, so that they find the server that has taken over from another one. */
export function postgresConnection(url: string) {
  return {
    connectionString: url,
    schema: postgresSchema,
    migrate: true,
    max: postgresPoolSize,
    maxLifetimeSeconds: postgresLifetimeSeconds,
    options: Object.entries(dialect)
      .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '')}`)
      .join(' '),
  };
}

/** What this shop uses of a BullMQ queue, whichever backend it stands on. */
type Producer = {
  addBulk: (jobs: { name: string; data: MailJob; opts: JobsOptions }[]) => Promise<unknown>;
  add: (name: string, data: Record<string, never>, opts: JobsOptions) => Promise<unknown>;
  removeJobScheduler: (id: string) => Promise<unknown>;
  getJobCounts: (...states: JobType[]) => Promise<QueueDepth>;
  on: (event: 'error', listener: (error: Error) => void) => unknown;
  waitUntilReady: () => Promise<unknown>;
  close: () => Promise<void>;
};

/** Opens a queue to add jobs to. Connection errors go to `onError`: they pass, and are no caller's fault. */
export function openQueue(name: string, backend: QueueBackend, onError: (error: Error) => void): Producer {
  const queue: Producer =
    backend.kind === 'redis'
      ? new Queue(name, {
          connection: backend.connection,
          prefix: keyPrefix,
          // It asks one node, at random, and a queue that gets no answer stays broken.
          skipVersionCheck: backend.skipVersionCheck || isCluster(backend.connection),
        })
      : new postgresBackend.Queue(name, { connection: postgresConnection(backend.url) });
  queue.on('error', onError);
  return queue;
}

/** Counts the jobs that wait, are under way, or wait for a moment. */
export function depthOf(queue: Producer): Promise<QueueDepth> {
  return queue.getJobCounts('waiting', 'active', 'delayed');
}

export type MailQueue = {
  /**
   * Hands mails to the workers after the commit that wrote them, in the name of the request or sweep that wrote them.
   * Never rejects: the sweep takes up what was lost.
   */
  enqueue: (mails: QueuedMail[], requestId: string) => Promise<void>;
  depth: () => Promise<QueueDepth>;
  close: () => Promise<void>;
};

/**
 * Opens the mail queue for producing; calls made together go out as one.
 * @throws what kept a queue in Postgres from being set up, which BullMQ tries once; a Redis that is away is waited for
 */
export async function openMailQueue(backend: QueueBackend, onError: (error: Error) => void): Promise<MailQueue> {
  const queue = openQueue(mailQueue, backend, onError);
  try {
    if (backend.kind === 'postgres') await queue.waitUntilReady();
  } catch (error) {
    await queue.close().catch(onError);
    throw error;
  }
  const batcher = createBatcher<QueuedMail & Omit<MailJob, 'mailId'>, void>({
    batchesMax: 1,
    batchSizeMax: mailsPerCall,
    waitingMax: mailsWaitingMax,
    deadlineMs: databaseWaitMsMax,
    run: async (mails) => {
      await queue.addBulk(
        mails.map(({ id, attempts, requestId, traceparent }) => ({
          name: 'send',
          data: { mailId: id, requestId, traceparent },
          // Nothing is kept: what is done stands in the ledger, and a kept job would make its id unusable.
          opts: { jobId: `${id}-${attempts}`, removeOnComplete: true, removeOnFail: true },
        })),
      );
      return mails.map(() => undefined);
    },
  });
  return {
    enqueue: async (mails, requestId) => {
      const origin = { requestId, traceparent: currentTraceparent() };
      const outcomes = await Promise.allSettled(mails.map((mail) => batcher.add({ ...mail, ...origin })));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) onError(failed.reason instanceof Error ? failed.reason : new Error(String(failed.reason)));
    },
    depth: () => depthOf(queue),
    close: () => queue.close(),
  };
}

import { createPostgresBackend, type JobsOptions, type JobType, Queue, withBackend } from 'bullmq';
import { dialect } from '../db/dialect.ts';
import { createBatcher } from '../lib/batcher.ts';
import { databaseWaitMsMax } from '../lib/deadline.ts';
import { isCluster } from '../lib/redis.ts';
import type { BatchJob, QueuedRow } from '../schema/jobs.ts';
import { currentTraceparent } from '../telemetry/spans.ts';
import type { QueueBackend } from './queue-backend.ts';
import { keyPrefix } from './queue-names.ts';

/** How many jobs of a queue are in each state, and that by the name of the queue. */
export type QueueDepth = Record<string, number>;
export type QueueDepths = Record<string, QueueDepth>;

const postgresSchema = 'bullmq';
const postgresPoolSize = 4;
const postgresLifetimeSeconds = 3;
const rowsWaitingMax = 20_000;
const rowsPerCall = 500;
/** A job costs ten times what a row in it does; with more, one worker would have them while another has none. */
export const rowsPerJob = 25;

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
  addBulk: (jobs: { name: string; data: BatchJob; opts: JobsOptions }[]) => Promise<unknown>;
  add: (name: string, data: BatchJob | Record<string, never>, opts: JobsOptions) => Promise<unknown>;
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

export type OutboxQueue = {
  /**
   * Hands rows to the workers after the commit that wrote them, in the name of the request or round that wrote them.
   * Never rejects: the relay takes up what was lost.
   */
  enqueue: (ids: string[], requestId: string) => Promise<void>;
  depth: () => Promise<QueueDepth>;
  close: () => Promise<void>;
};

/** Nothing is kept: what is done stands in the outbox. */
const opts: JobsOptions = { removeOnComplete: true, removeOnFail: true };

/**
 * Opens the queue of one kind of the outbox for producing; calls made together go out as one.
 * @throws what kept a queue in Postgres from being set up, which BullMQ tries once; a Redis that is away is waited for
 */
export async function openOutboxQueue(
  name: string,
  backend: QueueBackend,
  onError: (error: Error) => void,
): Promise<OutboxQueue> {
  const queue = openQueue(name, backend, onError);
  try {
    if (backend.kind === 'postgres') await queue.waitUntilReady();
  } catch (error) {
    await queue.close().catch(onError);
    throw error;
  }
  // One call at a time, so that what comes meanwhile shares the next one's jobs.
  const batcher = createBatcher<QueuedRow, void>({
    batchesMax: 1,
    batchSizeMax: rowsPerCall,
    waitingMax: rowsWaitingMax,
    deadlineMs: databaseWaitMsMax,
    run: async (rows) => {
      const [first = { rows: [] }, ...others] = jobsOf(rows);
      if (others.length === 0) await queue.add('batch', first, opts);
      else await queue.addBulk([first, ...others].map((data) => ({ name: 'batch', data, opts })));
      return rows.map(() => undefined);
    },
  });
  return {
    enqueue: async (ids, requestId) => {
      const origin = { requestId, traceparent: currentTraceparent() };
      const outcomes = await Promise.allSettled(ids.map((id) => batcher.add({ id, ...origin })));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) onError(failed.reason instanceof Error ? failed.reason : new Error(String(failed.reason)));
    },
    depth: () => depthOf(queue),
    close: () => queue.close(),
  };
}

function jobsOf(rows: QueuedRow[]): BatchJob[] {
  const jobs = Math.ceil(rows.length / rowsPerJob);
  return Array.from({ length: jobs }, (_, index) => ({
    rows: rows.slice(index * rowsPerJob, (index + 1) * rowsPerJob),
  }));
}

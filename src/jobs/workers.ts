import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresBackend, Worker, type WorkerOptions, withBackend } from 'bullmq';
import type { Closers } from '../lib/closers.ts';
import type { QueueBackend } from './queue-backend.ts';
import { keyPrefix, orderQueue } from './queue-names.ts';
import { depthOf, openQueue, postgresConnection, type QueueDepth } from './queues.ts';

/**
 * Jobs of one kind of the outbox that a worker has at once. It has a job until the rows in it are claimed, so this is what
 * it fetches ahead of its turn.
 */
const batchesAtOnce = 4;

const everyMs = { sweep: 500, 'clean-up': 10 * 60_000 };

/** Redis lets one job through in this share of the pause, by its own clock, however many workers add theirs. */
const shareOfPause = 0.8;

/** More than there are kinds, so that jobs of a kind that is under way are not left waiting for it. */
const orderJobsAtOnce = 4;

/**
 * A job whose worker has died keeps its id taken until BullMQ notices: its lock runs out, and two checks find it so.
 * That has to be well below the 30 s in which its mail is to go out.
 */
const lockDurationMs = 8_000;
const stalledCheckMs = 4_000;

/** How soon a worker asks for jobs again after its queue was out of reach; BullMQ's own 15 s would keep orders waiting. */
const retryQueueAfterMs = 500;

const postgresBackend = withBackend(createPostgresBackend);

export type JobName = 'send-mail' | 'send-webhook' | 'sweep' | 'clean-up';

export type Processors = {
  /** Moves due orders and enqueues what is owed. */
  sweep: () => Promise<void>;
  cleanUp: () => Promise<void>;
  /** By the name of their queue: works on a job's payload, which is parsed on arrival, for as long as it has to. */
  batches: Record<string, (payload: unknown) => Promise<void>>;
  /** Resolves once nothing of them is in hand. */
  drained: () => Promise<void>;
};

export type WorkerListeners = {
  /** Errors of the queue, which pass. */
  onQueueError: (error: Error) => void;
  /** A job that threw; the next round makes up for it. */
  onJobFailure: (error: Error) => void;
  onJobEnd: (job: JobName, ok: boolean, seconds: number) => void;
};

/** Workers at work. */
export type RunningWorkers = {
  /** Resolves once scheduler and relay are scheduled, before which no order moves; it may be never. */
  scheduled: Promise<void>;
  orderQueueDepth: () => Promise<QueueDepth>;
};

type RunningWorker = {
  on: ((event: 'error', listener: (error: Error) => void) => unknown) &
    ((event: 'failed', listener: (job: unknown, error: Error) => void) => unknown);
  waitUntilReady: () => Promise<unknown>;
  close: () => Promise<void>;
};

/**
 * Starts working: what is owed as it comes, scheduler and relay twice a second, the clean-up now and then. Any number of processes may
 * do this at once. Closing them stops taking jobs and waits for those under way.
 * @throws what kept a queue in Postgres from being set up, which BullMQ tries once; a Redis that is away is waited for
 */
export async function startWorkers(
  backend: QueueBackend,
  processors: Processors,
  listeners: WorkerListeners,
  closers: Closers,
): Promise<RunningWorkers> {
  const { onJobEnd } = listeners;
  const scheduled: Record<string, () => Promise<void>> = {
    sweep: unlessUnderWay(() => timed('sweep', processors.sweep, onJobEnd)),
    'clean-up': unlessUnderWay(() => timed('clean-up', processors.cleanUp, onJobEnd)),
  };
  // First, to be closed last: a Redis that is away holds up its closing.
  const queue = openQueue(orderQueue, backend, listeners.onQueueError);
  closers.add('order queue', () => queue.close());
  const workers = [
    ...Object.entries(processors.batches).map(([name, take]) =>
      openWorker(backend, name, batchesAtOnce, (job) => take(job.data), listeners),
    ),
    openWorker(backend, orderQueue, orderJobsAtOnce, async (job) => scheduled[job.name]?.(), listeners),
  ];
  let closing = false;
  closers.add('jobs under way', async () => {
    closing = true;
    await Promise.all(workers.map((worker) => worker.close()));
    await processors.drained();
  });
  if (backend.kind === 'postgres') await Promise.all([...workers, queue].map((opened) => opened.waitUntilReady()));

  let toldScheduled = () => {};
  const scheduledOnce = new Promise<void>((resolve) => {
    toldScheduled = resolve;
  });

  async function add(name: keyof typeof everyMs): Promise<boolean> {
    const once = backend.kind === 'redis' ? { deduplication: { id: name, ttl: everyMs[name] * shareOfPause } } : {};
    try {
      await queue.add(name, {}, { ...once, removeOnComplete: true, removeOnFail: true });
      return true;
    } catch (error) {
      listeners.onQueueError(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  /** By this process' timer, which keeps going whatever its clock or another's says, or said once. */
  async function keepAdding(name: keyof typeof everyMs): Promise<void> {
    while (!closing) {
      await sleep(everyMs[name], undefined, { ref: false });
      await add(name);
    }
  }

  async function startSchedule(): Promise<void> {
    // Two, because a script goes to Redis whole the first time and by its hash afterwards, and a user may lack either right.
    while (!closing && !((await add('sweep')) && (await add('clean-up')))) await sleep(everyMs.sweep);
    toldScheduled();
    void keepAdding('sweep');
    void keepAdding('clean-up');
  }

  /** The schedules of earlier versions; while one of their workers runs, it puts them back. */
  async function dropSchedulers(): Promise<void> {
    for (const name of Object.keys(everyMs)) await queue.removeJobScheduler(name);
  }
  dropSchedulers().catch(listeners.onQueueError);
  void startSchedule();

  return { scheduled: scheduledOnce, orderQueueDepth: () => depthOf(queue) };
}

/** What comes while the work is under way is done by it: it ends when nothing is left to do. */
function unlessUnderWay(work: () => Promise<void>): () => Promise<void> {
  let underWay = false;
  return async () => {
    if (underWay) return;
    underWay = true;
    try {
      await work();
    } finally {
      underWay = false;
    }
  };
}

async function timed(job: JobName, work: () => Promise<void>, onJobEnd: WorkerListeners['onJobEnd']): Promise<void> {
  const startedAt = performance.now();
  let ok = false;
  try {
    await work();
    ok = true;
  } finally {
    onJobEnd(job, ok, (performance.now() - startedAt) / 1_000);
  }
}

function openWorker(
  backend: QueueBackend,
  name: string,
  concurrency: number,
  process: (job: { name: string; data: unknown }) => Promise<void>,
  { onQueueError, onJobFailure }: WorkerListeners,
): RunningWorker {
  const options = {
    concurrency,
    lockDuration: lockDurationMs,
    stalledInterval: stalledCheckMs,
    runRetryDelay: retryQueueAfterMs,
  } satisfies Partial<WorkerOptions>;
  const worker: RunningWorker =
    backend.kind === 'redis'
      ? new Worker(name, process, {
          ...options,
          connection: backend.connection,
          prefix: keyPrefix,
          skipVersionCheck: backend.skipVersionCheck,
        })
      : new postgresBackend.Worker(name, process, { ...options, connection: postgresConnection(backend.url) });
  worker.on('error', onQueueError);
  worker.on('failed', (_job, error) => onJobFailure(error));
  return worker;
}

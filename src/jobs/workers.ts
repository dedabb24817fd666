import { setTimeout as sleep } from 'node:timers/promises';
import { createPostgresBackend, Worker, type WorkerOptions, withBackend } from 'bullmq';
import type { Closers } from '../lib/closers.ts';
import { keyPrefix, mailQueue, orderQueue } from './queue-names.ts';
import { depthOf, openQueue, postgresConnection, type QueueDepth, type QueueHome } from './queues.ts';

/**
 * Mails that one worker process has in hand: three for each of its connections to the mail server, so that the next ones
 * are claimed, in larger batches, while others are on their way.
 */
const mailsInHand = 60;

const sweepEveryMs = 500;
const cleanUpEveryMs = 10 * 60_000;
/** How often the schedules are put in place again, because a wiped Redis has forgotten them. */
const rescheduleEveryMs = 2_000;

/**
 * A job whose worker has died keeps its id taken until BullMQ notices: its lock runs out, and two checks find it so.
 * That has to be well below the 30 s in which its mail is to go out.
 */
const lockDurationMs = 8_000;
const stalledCheckMs = 4_000;

/** How soon a worker asks for jobs again after its queue was out of reach; BullMQ's own 15 s would keep orders waiting. */
const retryQueueAfterMs = 500;

const postgresBackend = withBackend(createPostgresBackend);

export type JobName = 'send-mail' | 'sweep' | 'clean-up';

export type Processors = {
  /** Moves due orders and enqueues due mails. */
  sweep: () => Promise<void>;
  cleanUp: () => Promise<void>;
  /** Sends the mail of a job's payload, which is parsed on arrival. */
  sendMail: (payload: unknown) => Promise<void>;
};

export type WorkerListeners = {
  /** Errors of the queue, which pass. */
  onQueueError: (error: Error) => void;
  /** A job that threw; the sweep makes up for it. */
  onJobFailure: (error: Error) => void;
  onJobEnd: (job: JobName, ok: boolean, seconds: number) => void;
};

/** Workers at work. */
export type RunningWorkers = {
  /** Resolves once the sweeps are scheduled, before which no order moves; it may be never. */
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
 * Starts working: mails as they come, the sweep twice a second, the clean-up now and then. Any number of processes may
 * do this at once. Closing them stops taking jobs and waits for those under way.
 * @throws what kept a queue in Postgres from being set up, which BullMQ tries once; a Redis that is away is waited for
 */
export async function startWorkers(
  home: QueueHome,
  processors: Processors,
  listeners: WorkerListeners,
  closers: Closers,
): Promise<RunningWorkers> {
  const { onJobEnd } = listeners;
  const scheduled: Record<string, () => Promise<void>> = {
    sweep: () => timed('sweep', processors.sweep, onJobEnd),
    'clean-up': () => timed('clean-up', processors.cleanUp, onJobEnd),
  };
  const sendMail = (payload: unknown) => timed('send-mail', () => processors.sendMail(payload), onJobEnd);
  // First, to be closed last: a Redis that is away holds up its closing.
  const schedules = openQueue(orderQueue, home, listeners.onQueueError);
  closers.add('schedules', () => schedules.close());
  const workers = [
    openWorker(home, mailQueue, mailsInHand, (job) => sendMail(job.data), listeners),
    openWorker(home, orderQueue, Object.keys(scheduled).length, async (job) => scheduled[job.name]?.(), listeners),
  ];
  let closing = false;
  closers.add('jobs under way', async () => {
    closing = true;
    await Promise.all(workers.map((worker) => worker.close()));
  });
  if (home.kind === 'postgres') await Promise.all([...workers, schedules].map((opened) => opened.waitUntilReady()));
  const template = { removeOnComplete: true, removeOnFail: true };

  let toldScheduled = () => {};
  const firstScheduled = new Promise<void>((resolve) => {
    toldScheduled = resolve;
  });

  async function schedule(): Promise<void> {
    try {
      await schedules.upsertJobScheduler('sweep', { every: sweepEveryMs }, { name: 'sweep', opts: template });
      await schedules.upsertJobScheduler('clean-up', { every: cleanUpEveryMs }, { name: 'clean-up', opts: template });
      toldScheduled();
    } catch (error) {
      listeners.onQueueError(error instanceof Error ? error : new Error(String(error)));
    }
  }
  async function keepScheduled(): Promise<void> {
    while (!closing) {
      await schedule();
      await sleep(rescheduleEveryMs);
    }
  }
  void keepScheduled();

  return { scheduled: firstScheduled, orderQueueDepth: () => depthOf(schedules) };
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
  home: QueueHome,
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
    home.kind === 'redis'
      ? new Worker(name, process, {
          ...options,
          connection: home.connection,
          prefix: keyPrefix,
          skipVersionCheck: home.skipVersionCheck,
        })
      : new postgresBackend.Worker(name, process, { ...options, connection: postgresConnection(home.url) });
  worker.on('error', onQueueError);
  worker.on('failed', (_job, error) => onJobFailure(error));
  return worker;
}

import { unavailable } from '../errors.ts';
import { commitWaitMsMax } from './deadline.ts';

/** How much longer what is under way is waited for: longer than a commit, so that its own end says what became of it. */
export const settleMsMax = 2 * commitWaitMsMax;

export type BatcherOptions<Input, Output> = {
  /**
   * Answers a whole batch: one outcome for each input, in the same order. An `Error` among them fails that input alone.
   * It is to be over at `endsAt` (by `performance.now()`, which nobody sets), the earliest deadline of the batch, but for a
   * commit that was sent by then.
   */
  run: (batch: Input[], endsAt: number) => Promise<(Output | Error)[]>;
  /** Batches under way at once. */
  batchesMax: number;
  batchSizeMax: number;
  /** How many inputs may wait; one more is refused with `unavailable`. */
  waitingMax: number;
  /** How long an input waits for its outcome before it is refused with `unavailable`, if `add` is not told another moment. */
  deadlineMs: number;
};

type Waiter<Input, Output> = {
  input: Input;
  endsAt: number;
  resolve: (output: Output) => void;
  reject: (error: unknown) => void;
};

export type Batcher<Input, Output> = {
  /** Joins a batch that begins after this call. Rejects with `unavailable` when too many wait, or after `endsAt`. */
  add: (input: Input, wait?: { endsAt?: number }) => Promise<Output>;
  /** How many inputs wait for a batch. */
  waiting: () => number;
};

/**
 * Shares work: what arrives while a batch is under way waits for the next one, so a lone call starts at once and a
 * crowd shares one round of work. Inputs are taken in the order of their arrival.
 */
export function createBatcher<Input, Output>(options: BatcherOptions<Input, Output>): Batcher<Input, Output> {
  const waiters: Waiter<Input, Output>[] = [];
  const running = new Set<Waiter<Input, Output>[]>();
  /** One for all, because one for each would cost more than its share of a batch. Set while anyone waits. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerEndsAt = 0;
  /** While inputs of this turn of the event loop come together; begun with the first alone, batches would stay small. */
  let gathering = false;

  function startGathered(): void {
    gathering = false;
    startBatches();
  }

  function startBatches(): void {
    while (running.size < options.batchesMax && waiters.length > 0) {
      const batch = waiters.splice(0, options.batchSizeMax).filter(isInTime);
      if (batch.length === 0) continue;
      running.add(batch);
      void runBatch(batch, Math.min(...batch.map(({ endsAt }) => endsAt))).finally(() => {
        running.delete(batch);
        startBatches();
        if (running.size === 0) stopTimer();
      });
    }
  }

  async function runBatch(batch: Waiter<Input, Output>[], endsAt: number): Promise<void> {
    try {
      const outcomes = await options.run(
        batch.map((waiter) => waiter.input),
        endsAt,
      );
      // Otherwise some would get what belongs to others.
      if (outcomes.length !== batch.length) {
        throw new Error(`A batch of ${batch.length} inputs came back with ${outcomes.length} outcomes.`);
      }
      batch.forEach((waiter, index) => {
        const outcome = outcomes[index] as Output | Error;
        if (outcome instanceof Error) waiter.reject(outcome);
        else waiter.resolve(outcome);
      });
    } catch (error) {
      for (const waiter of batch) waiter.reject(error);
    }
  }

  /** Those who have been told 503 must not be served behind their backs. */
  function refuseLate(): void {
    stopTimer();
    waiters.splice(0, waiters.length, ...waiters.filter(isInTime));
    // What is under way may be at its commit.
    const served = [...running].flat().map((waiter) => ({ ...waiter, endsAt: waiter.endsAt + settleMsMax }));
    const waiting = [...served.filter(isInTime), ...waiters];
    if (waiting.length === 0) return;
    watch(Math.min(...waiting.map(({ endsAt }) => endsAt)));
  }

  function watch(endsAt: number): void {
    if (timer !== undefined && timerEndsAt <= endsAt) return;
    clearTimeout(timer);
    timerEndsAt = endsAt;
    timer = setTimeout(refuseLate, Math.max(0, endsAt - performance.now()));
  }

  function stopTimer(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    add: (input, { endsAt = performance.now() + options.deadlineMs } = {}) => {
      if (waiters.length >= options.waitingMax) return Promise.reject(unavailable('Too many requests wait just now.'));
      return new Promise<Output>((resolve, reject) => {
        waiters.push({ input, endsAt, resolve, reject });
        watch(endsAt);
        if (!gathering) setImmediate(startGathered);
        gathering = true;
      });
    },
    waiting: () => waiters.length,
  };
}

/** Whether a waiter still waits; one that has waited too long is told so, which does nothing the second time. */
function isInTime({ endsAt, reject }: Pick<Waiter<unknown, unknown>, 'endsAt' | 'reject'>): boolean {
  const inTime = endsAt > performance.now();
  if (!inTime) reject(unavailable('The shop did not answer in time.'));
  return inTime;
}

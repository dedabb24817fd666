import { databaseWaitMsMax, withDeadline } from './deadline.ts';
import { unavailable } from './errors.ts';

export type LaneOptions<Input, Output> = {
  /**
   * Answers a whole batch: one outcome for each input, in the same order. An `Error` among them fails that input alone.
   * From `endsAt` (Unix ms) on, the first of the batch has stopped waiting.
   */
  run: (batch: Input[], endsAt: number) => Promise<(Output | Error)[]>;
  /** Batches under way at once. */
  lanes: number;
  batchSizeMax: number;
  /** How many inputs may wait; one more is refused with `unavailable`. */
  waitingMax: number;
};

type Waiter<Input, Output> = {
  input: Input;
  endsAt: number;
  resolve: (output: Output) => void;
  reject: (error: unknown) => void;
};

export type Lane<Input, Output> = {
  /** Joins a batch that begins after this call. Rejects with `unavailable` when too many wait, or for too long. */
  submit: (input: Input) => Promise<Output>;
  /** How many inputs wait for a batch. */
  waiting: () => number;
};

/**
 * Group commit: what arrives while a batch is under way waits for the next one, so a lone call starts at once and a
 * crowd shares one round of work. Inputs are taken in the order of their arrival.
 */
export function createLane<Input, Output>(options: LaneOptions<Input, Output>): Lane<Input, Output> {
  const waiters: Waiter<Input, Output>[] = [];
  let running = 0;

  function startBatches(): void {
    while (running < options.lanes && waiters.length > 0) {
      // Who has been told 503 meanwhile must not be served behind his back.
      const batch = waiters.splice(0, options.batchSizeMax).filter((waiter) => waiter.endsAt > Date.now());
      const [first] = batch;
      if (!first) continue;
      running += 1;
      void runBatch(batch, first.endsAt).finally(() => {
        running -= 1;
        startBatches();
      });
    }
  }

  async function runBatch(batch: Waiter<Input, Output>[], endsAt: number): Promise<void> {
    try {
      const outcomes = await options.run(
        batch.map((waiter) => waiter.input),
        endsAt,
      );
      batch.forEach((waiter, index) => {
        const outcome = outcomes[index] as Output | Error;
        if (outcome instanceof Error) waiter.reject(outcome);
        else waiter.resolve(outcome);
      });
    } catch (error) {
      for (const waiter of batch) waiter.reject(error);
    }
  }

  return {
    submit: (input) => {
      if (waiters.length >= options.waitingMax) return Promise.reject(unavailable('Too many requests wait just now.'));
      const outcome = new Promise<Output>((resolve, reject) => {
        waiters.push({ input, endsAt: Date.now() + databaseWaitMsMax, resolve, reject });
        // A microtask later, so that inputs of one turn of the event loop share even the first batch.
        queueMicrotask(startBatches);
      });
      return withDeadline(outcome, databaseWaitMsMax);
    },
    waiting: () => waiters.length,
  };
}

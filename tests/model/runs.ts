import fc from 'fast-check';

// FC_SEED with FC_PATH and FC_REPLAY_PATH repeats a failure as its report names it; FC_RUNS makes a longer search.
const { FC_SEED, FC_PATH, FC_REPLAY_PATH, FC_RUNS } = process.env;
const runMsMax = 10_000;

/** The seeds to try: some that are always the same and one that is new, or the one that is asked for. */
export const seeds: readonly number[] = FC_SEED ? [Number(FC_SEED)] : [1, 2, 3, Math.floor(Math.random() * 2 ** 31)];

/** How long a property may take with one seed, a failure's search for its smallest form included. */
export function timeoutMs(runs: number): number {
  return runMsMax * (Number(FC_RUNS) || runs);
}

/** How a property runs with one seed: so many times, unless another number is asked for. */
export function parameters(seed: number, runs: number): fc.Parameters<unknown> {
  return {
    seed,
    numRuns: Number(FC_RUNS) || runs,
    path: FC_PATH ?? '',
    plugins: [fc.interruptAfterTimeLimit(timeoutMs(runs))],
  };
}

/** What `fc.commands` needs beside seed and path to come to a failure's smallest form. */
export const replay = FC_REPLAY_PATH === undefined ? {} : { replayPath: FC_REPLAY_PATH };

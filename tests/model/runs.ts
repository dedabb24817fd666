import fc from 'fast-check';

// FC_SEED with FC_PATH and FC_REPLAY_PATH repeats a failure as its report names it; FC_RUNS makes a longer search.
const { FC_SEED, FC_PATH, FC_REPLAY_PATH, FC_RUNS } = process.env;

const runMsMax = 20_000;
/** What a run that is under way at the end of its time may still take. */
const lastRunMsMax = 60_000;

/** The seeds to try: one that is always the same and one that is new, or the one that is asked for. */
export const seeds: readonly number[] = FC_SEED ? [Number(FC_SEED)] : [1, Math.floor(Math.random() * 2 ** 31)];

/** How a property runs with one seed: so many times, unless another number is asked for. */
export function parameters(seed: number, runs: number): fc.Parameters<unknown> {
  const numRuns = Number(FC_RUNS) || runs;
  // Mostly for failures: it bounds the search for their smallest form.
  const plugins = [fc.interruptAfterTimeLimit(numRuns * runMsMax)];
  return { seed, numRuns, path: FC_PATH ?? '', plugins };
}

/** How long a test with so many runs may take. */
export function testMsMax(runs: number): number {
  return (Number(FC_RUNS) || runs) * runMsMax + lastRunMsMax;
}

/** What `fc.commands` needs beside seed and path to come to a failure's smallest form. */
export const replay = FC_REPLAY_PATH === undefined ? {} : { replayPath: FC_REPLAY_PATH };

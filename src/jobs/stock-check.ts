import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { withReader } from '../db/transaction.ts';
import { stockMismatches } from '../domain/products/stock-check.ts';

/** The pause after a batch, as a multiple of the time that it took: a twentieth of one connection is busy with it. */
const pausePerBatch = 19;
/** Between two rounds of a small shop, and after one that failed. */
const pauseMsMin = 60_000;

type StockCheckNeeds = {
  db: Database;
  /** Within which a batch is answered. */
  batchMsMax: number;
  /** Hears after each round how many products do not add up. */
  onRound: (mismatches: number) => void;
  onError: (error: unknown) => void;
  signal: AbortSignal;
};

/** Checks the stock of every product against its stock changes, round after round, until the signal ends it. */
export async function keepCheckingStock({ db, batchMsMax, onRound, onError, signal }: StockCheckNeeds): Promise<void> {
  /** At the end of a pause that the signal cuts short nothing goes on. */
  const pause = (ms: number) => sleep(ms, undefined, { signal, ref: false }).catch(() => {});
  while (!signal.aborted) {
    try {
      let mismatches = 0;
      let startedAt = performance.now();
      for await (const found of stockMismatches((work) => withReader(db, work, performance.now() + batchMsMax))) {
        mismatches += found.length;
        await pause(pausePerBatch * (performance.now() - startedAt));
        if (signal.aborted) return;
        startedAt = performance.now();
      }
      onRound(mismatches);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await pause(pauseMsMin);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { countNextDay } from '../domain/reports.ts';

/** The pause after a day, as a multiple of the time that it took: a tenth of one connection is busy with it. */
const pausePerDay = 9;
/** Between two looks for days to count, and after one that failed. */
const pauseMsMin = 30_000;

type CountNeeds = {
  db: Database;
  /** Within which a day is counted. */
  dayMsMax: number;
  onError: (error: unknown) => void;
  signal: AbortSignal;
};

/** Counts the sales of days that are over, once each and again when one is touched, until the signal ends it. */
export async function keepCountingSales({ db, dayMsMax, onError, signal }: CountNeeds): Promise<void> {
  const pause = (ms: number) => sleep(ms, undefined, { signal, ref: false }).catch(() => {});
  while (!signal.aborted) {
    try {
      const startedAt = performance.now();
      const day = await withTransaction(db, countNextDay, performance.now() + dayMsMax);
      await pause(day === null ? pauseMsMin : pausePerDay * (performance.now() - startedAt));
    } catch (error) {
      if (!signal.aborted) onError(error);
      await pause(pauseMsMin);
    }
  }
}

import { unavailable } from './errors.ts';

/** How long a request may wait for Postgres before it is told 503, which is to be within 5 s (README, "What you can rely on"). */
export const databaseWaitMsMax = 4_500;

/**
 * Waits for `work`, but no longer than `withinMs`.
 * @throws {ShopError} `unavailable` when the time is up; what `work` does afterwards goes unheard
 */
export async function withDeadline<T>(work: Promise<T>, withinMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable('The shop did not answer in time.')), withinMs);
  });
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

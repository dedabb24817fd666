/** The longest that a timer waits: one of more milliseconds runs out at once. */
export const timerMsMax = 2 ** 31 - 1;

/** Milliseconds since a reading of `performance.now()`, to two places, as the logs tell durations. */
export function msSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 100) / 100;
}

/** Milliseconds since a reading of `performance.now()`, to two places, as the logs tell durations. */
export function msSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 100) / 100;
}

/** How long a server that had enough is spared before twice as many connections are tried. */
const spareMs = 30_000;

/** How many connections a mail server bears, as far as it has said so. */
export type Allowance = {
  now: () => number;
  /**
   * Halves it, because the server had enough of what began at that moment (by `performance.now()`).
   * @returns false when it has been halved since that began, and says nothing new
   */
  halve: (begunAt: number) => boolean;
};

/** Begins with `max`, and comes back to it by doubling, as long as nobody complains. */
export function createAllowance(max: number, clockMs = () => performance.now()): Allowance {
  let allowed = max;
  let changedAt = Number.NEGATIVE_INFINITY;

  function now(): number {
    if (allowed < max && clockMs() - changedAt >= spareMs) {
      allowed = Math.min(2 * allowed, max);
      changedAt = clockMs();
    }
    return allowed;
  }

  return {
    now,
    halve: (begunAt) => {
      if (begunAt < changedAt) return false;
      allowed = Math.max(1, Math.floor(now() / 2));
      changedAt = clockMs();
      return true;
    },
  };
}

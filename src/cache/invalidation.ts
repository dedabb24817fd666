import type { CacheGroup, Versions } from './versions.ts';

const soonMs = 500;
const retryMs = 200;

export type Invalidation = {
  /** Moves the group's version; what the store did not take stays pending and is tried again until it does. */
  invalidate: (group: CacheGroup) => Promise<void>;
  /** The same within half a second, once for all calls of that time. */
  invalidateSoon: (group: CacheGroup) => void;
  /** Whether the store has yet to hear of an invalidation, so that its version of the group proves nothing. */
  isPending: (group: CacheGroup) => boolean;
  /** Tries once more to land what is pending or was to come soon, and no more after that. */
  close: () => Promise<void>;
};

/** Moves versions, again and again where the store does not take it. `onError` hears of each one that did not land. */
export function createInvalidation(move: Versions['move'], onError: (error: unknown) => void): Invalidation {
  /** By the number of the newest one, which tells it from the one that is being flushed. */
  const pending = new Map<CacheGroup, number>();
  const retries = new Map<CacheGroup, ReturnType<typeof setTimeout>>();
  const soon = new Map<CacheGroup, ReturnType<typeof setTimeout>>();
  let failures = 0;
  let closed = false;

  async function invalidate(group: CacheGroup): Promise<void> {
    try {
      await move(group);
    } catch (error) {
      onError(error);
      failures += 1;
      pending.set(group, failures);
      retryLater(group);
    }
  }

  /** One timer a group, however many of its invalidations are pending: a single move lands them all. */
  function retryLater(group: CacheGroup): void {
    if (closed || retries.has(group)) return;
    const retry = () => {
      retries.delete(group);
      void flush(group);
    };
    retries.set(group, setTimeout(retry, retryMs));
  }

  async function flush(group: CacheGroup): Promise<void> {
    const newest = pending.get(group);
    if (newest === undefined) return;
    try {
      await move(group);
      if (pending.get(group) === newest) pending.delete(group);
    } catch {
      // Told when it became pending.
    }
    if (pending.has(group)) retryLater(group);
  }

  function invalidateSoon(group: CacheGroup): void {
    if (soon.has(group)) return;
    const invalidateNow = () => {
      soon.delete(group);
      void invalidate(group);
    };
    soon.set(group, setTimeout(invalidateNow, soonMs));
  }

  async function close(): Promise<void> {
    closed = true;
    for (const timer of [...soon.values(), ...retries.values()]) clearTimeout(timer);
    for (const group of soon.keys()) await invalidate(group);
    for (const group of pending.keys()) await flush(group);
  }

  return { invalidate, invalidateSoon, isPending: (group) => pending.has(group), close };
}

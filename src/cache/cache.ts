import { type CachedAnswer, type CacheOutcome, createCachedReads } from './cached-reads.ts';
import { createInvalidation, type Invalidation } from './invalidation.ts';
import type { Store } from './store.ts';
import { type CacheGroup, createVersions } from './versions.ts';

export type Cache = {
  /** Answers from the cache if it can, from `load` if not; a cache that fails is bypassed, never an error. */
  read: (group: CacheGroup, key: string, load: () => Promise<string>) => Promise<CachedAnswer>;
  /** Whether an answer of this version is still the group's, by a version read after this call. If so, it is a hit. */
  isCurrent: (group: CacheGroup, version: string) => Promise<boolean>;
  /** Makes every answer of the group stale, on every process. Call it after the commit and wait for it before answering. */
  invalidate: Invalidation['invalidate'];
  /** The same within half a second, once for all calls of that time. */
  invalidateSoon: Invalidation['invalidateSoon'];
  status: Store['status'];
  /** Lands the invalidations that are still pending, if the store can be reached. */
  close: () => Promise<void>;
};

type CacheOptions = {
  store: Store;
  ttlMs: number;
  onOutcome: (group: CacheGroup, outcome: CacheOutcome) => void;
  onError: (error: unknown) => void;
};

/**
 * A cache whose keys hold a version that every write moves, so that an answer computed before a write can be stored
 * after it and still never be found.
 */
export function createCache({ store, ttlMs, onOutcome, onError }: CacheOptions): Cache {
  const versions = createVersions(store);
  const { isPending, ...invalidation } = createInvalidation(versions.move, onError);

  async function currentVersion(group: CacheGroup): Promise<string | undefined> {
    if (isPending(group)) return undefined;
    return versions.read(group).catch((error: unknown) => {
      onError(error);
      return undefined;
    });
  }

  const read = createCachedReads({ store, ttlMs, currentVersion, onError });

  return {
    ...invalidation,
    status: store.status,
    read: async (group, key, load) => {
      const answer = await read(group, key, load);
      onOutcome(group, answer.outcome);
      return answer;
    },
    isCurrent: async (group, version) => {
      const current = (await currentVersion(group)) === version;
      if (current) onOutcome(group, 'HIT');
      return current;
    },
  };
}

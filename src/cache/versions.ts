import { randomUUID } from 'node:crypto';
import { createBatcher } from '../lib/batcher.ts';
import { databaseWaitMsMax } from '../lib/deadline.ts';
import type { Store } from './store.ts';

/** The lists that are cached. A write to one of their things moves the group's version. */
export const cacheGroups = ['products', 'customers'] as const;
export type CacheGroup = (typeof cacheGroups)[number];

const versionTtlMs = 24 * 3_600_000;

/** Where the version of a group stands. The hash tag keeps every key of a group in one slot of a Redis Cluster. */
export const versionKey = (group: CacheGroup) => `cache:{${group}}:version`;

/** Both reject when the store is out of reach or slow. */
export type Versions = {
  /** A group's version, read from the store after this call; calls that come together share a read. */
  read: (group: CacheGroup) => Promise<string>;
  /** Gives a group a new version. */
  move: (group: CacheGroup) => Promise<void>;
};

/** The versions of the groups. They are random, so one that a wiped store makes again matches nothing old. */
export function createVersions(store: Store): Versions {
  const { add: read } = createBatcher<CacheGroup, string>({
    batchesMax: 2,
    batchSizeMax: 1_000,
    waitingMax: Number.POSITIVE_INFINITY,
    deadlineMs: databaseWaitMsMax,
    run: async (groups) => {
      const wanted = [...new Set(groups)];
      const found = await store.getMany(wanted.map(versionKey));
      const current = new Map<CacheGroup, string>();
      for (const [index, group] of wanted.entries()) {
        current.set(group, found[index] ?? (await store.setIfAbsent(versionKey(group), randomUUID(), versionTtlMs)));
      }
      return groups.map((group) => current.get(group) ?? new Error(`no version for ${group}`));
    },
  });
  return { read, move: (group) => store.set(versionKey(group), randomUUID(), versionTtlMs) };
}

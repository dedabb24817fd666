import { createHash, randomUUID } from 'node:crypto';
import { databaseWaitMsMax } from '../deadline.ts';
import { createBatcher } from '../lib/batcher.ts';
import { createMemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';

/** The lists that are cached. A write to one of their things moves the group's version. */
export const cacheGroups = ['products', 'customers'] as const;
export type CacheGroup = (typeof cacheGroups)[number];

export type CacheOutcome = 'HIT' | 'MISS' | 'BYPASS';

export type CachedAnswer = {
  body: string;
  etag: string;
  outcome: CacheOutcome;
  /** The version that the answer belongs to, and when it expires (Unix ms); null for one that is not kept. */
  kept: { version: string; expiresAt: number } | null;
};

export type Cache = {
  /** Answers from the cache if it can, from `load` if not; a cache in trouble is bypassed, never an error. */
  read: (group: CacheGroup, key: string, load: () => Promise<string>) => Promise<CachedAnswer>;
  /** Whether an answer of this version is still the group's, by a version read after this call. If so, it is a hit. */
  isCurrent: (group: CacheGroup, version: string) => Promise<boolean>;
  /** Makes every answer of the group stale, on every process. Call it after the commit and wait for it before answering. */
  invalidate: (group: CacheGroup) => Promise<void>;
  /** The same within half a second, once for all calls of that time. */
  invalidateSoon: (group: CacheGroup) => void;
  status: Store['status'];
  /** Lands the invalidations that are still owed, if the store can be reached. */
  close: () => Promise<void>;
};

type CacheOptions = {
  store: Store;
  ttlMs: number;
  onOutcome: (group: CacheGroup, outcome: CacheOutcome) => void;
  onTrouble: (error: unknown) => void;
};

const versionTtlMs = 24 * 3_600_000;
const soonMs = 500;
const retryMs = 200;
const localCharactersMax = 8_000_000;
/** What one process adds to the store within a TTL, lest a flood of different queries fill it. */
const storedCharactersMax = 64_000_000;

/** Where the version of a group stands. The hash tag keeps every key of a group in one slot of a Redis Cluster. */
export const versionKey = (group: CacheGroup) => `cache:{${group}}:version`;

/**
 * A cache whose keys hold a version that every write moves, so that an answer computed before a write can be stored
 * after it and still never be found. Versions are random, so one that a wiped store makes anew matches nothing old.
 * Answers are text that goes through untouched. The process keeps a copy of what it served, and proves it current by a
 * version that it reads after the request has come.
 */
export function createCache({ store, ttlMs, onOutcome, onTrouble }: CacheOptions): Cache {
  const local = createMemoryStore(localCharactersMax);
  const loading = new Map<string, Promise<CachedAnswer>>();
  /** Invalidations that have not reached the store; the number tells a later debt from the one being paid. */
  const owed = new Map<CacheGroup, number>();
  const soon = new Map<CacheGroup, ReturnType<typeof setTimeout>>();
  const budget = { characters: storedCharactersMax, renewedAt: Date.now() };
  let debts = 0;
  let closed = false;

  const versions = createBatcher<CacheGroup, string>({
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

  async function currentVersion(group: CacheGroup): Promise<string | undefined> {
    return owed.has(group) ? undefined : versions.add(group).catch(noteTrouble);
  }

  async function isCurrent(group: CacheGroup, version: string): Promise<boolean> {
    const current = (await currentVersion(group)) === version;
    if (current) onOutcome(group, 'HIT');
    return current;
  }

  async function read(group: CacheGroup, key: string, load: () => Promise<string>): Promise<CachedAnswer> {
    const version = await currentVersion(group);
    const answer =
      version === undefined ? await bypass(`${group}:${key}`, load) : await lookUp(group, version, key, load);
    onOutcome(group, answer.outcome);
    return answer;
  }

  function lookUp(group: CacheGroup, version: string, key: string, load: () => Promise<string>): Promise<CachedAnswer> {
    const entryKey = `cache:{${group}}:${version}:${key}`;
    const known = local.get(entryKey);
    return known === null
      ? share(entryKey, () => find(entryKey, version, load))
      : Promise.resolve(unpack(known, version, 'HIT'));
  }

  /** Without a version nothing tells writes from reads, so only a query that begins after this call will do. */
  function bypass(key: string, load: () => Promise<string>): Promise<CachedAnswer> {
    const [flight, next] = [`bypass:${key}`, `next:${key}`];
    const begin = () => share(flight, async () => pack(await load(), 'BYPASS'));
    const underWay = loading.get(flight);
    if (!underWay) return begin();
    return share(next, async () => {
      await underWay.catch(() => {});
      loading.delete(next);
      return begin();
    });
  }

  async function find(key: string, version: string, load: () => Promise<string>): Promise<CachedAnswer> {
    const [stored] = await store.getMany([key]).catch((error: unknown) => [noteTrouble(error)]);
    if (stored) {
      keepLocally(key, stored);
      return unpack(stored, version, 'HIT');
    }
    const answer = pack(await load(), stored === undefined ? 'BYPASS' : 'MISS');
    const expiresAt = Date.now() + ttlMs;
    const entry = `${expiresAt}\n${answer.etag}\n${answer.body}`;
    keepLocally(key, entry);
    if (mayStore(entry.length)) store.set(key, entry, ttlMs).catch(noteTrouble);
    return { ...answer, kept: { version, expiresAt } };
  }

  function mayStore(characters: number): boolean {
    if (Date.now() - budget.renewedAt >= ttlMs) {
      budget.characters = storedCharactersMax;
      budget.renewedAt = Date.now();
    }
    if (budget.characters < characters) return false;
    budget.characters -= characters;
    return true;
  }

  /** Many simultaneous misses on a key run one query. */
  function share(flight: string, work: () => Promise<CachedAnswer>): Promise<CachedAnswer> {
    const underWay = loading.get(flight);
    if (underWay) return underWay;
    const answer = work().finally(() => {
      if (loading.get(flight) === answer) loading.delete(flight);
    });
    loading.set(flight, answer);
    return answer;
  }

  function keepLocally(key: string, entry: string): void {
    const ttlLeftMs = Number(entry.slice(0, entry.indexOf('\n'))) - Date.now();
    void local.set(key, entry, Math.min(ttlLeftMs, ttlMs));
  }

  function noteTrouble(error: unknown): undefined {
    onTrouble(error);
    return undefined;
  }

  async function invalidate(group: CacheGroup): Promise<void> {
    try {
      await store.set(versionKey(group), randomUUID(), versionTtlMs);
    } catch (error) {
      noteTrouble(error);
      debts += 1;
      owed.set(group, debts);
      payLater(group);
    }
  }

  function payLater(group: CacheGroup): void {
    if (closed) return;
    setTimeout(() => void pay(group), retryMs);
  }

  async function pay(group: CacheGroup): Promise<void> {
    const debt = owed.get(group);
    if (debt === undefined) return;
    try {
      await store.set(versionKey(group), randomUUID(), versionTtlMs);
      if (owed.get(group) === debt) owed.delete(group);
    } catch {
      payLater(group);
    }
  }

  function invalidateSoon(group: CacheGroup): void {
    if (soon.has(group)) return;
    soon.set(
      group,
      setTimeout(() => {
        soon.delete(group);
        void invalidate(group);
      }, soonMs),
    );
  }

  async function close(): Promise<void> {
    closed = true;
    for (const timer of soon.values()) clearTimeout(timer);
    for (const group of soon.keys()) await invalidate(group);
    for (const group of owed.keys()) await pay(group);
  }

  return { read, isCurrent, invalidate, invalidateSoon, status: store.status, close };
}

function pack(body: string, outcome: CacheOutcome): CachedAnswer {
  return { body, etag: `"${createHash('sha1').update(body).digest('base64url')}"`, outcome, kept: null };
}

/** An entry is three parts: when it expires (Unix ms), its entity tag, its body. */
function unpack(entry: string, version: string, outcome: CacheOutcome): CachedAnswer {
  const etagAt = entry.indexOf('\n') + 1;
  const bodyAt = entry.indexOf('\n', etagAt) + 1;
  return {
    body: entry.slice(bodyAt),
    etag: entry.slice(etagAt, bodyAt - 1),
    outcome,
    kept: { version, expiresAt: Number(entry.slice(0, etagAt - 1)) },
  };
}

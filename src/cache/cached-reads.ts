import { createHash } from 'node:crypto';
import { waitEndsAt, withDeadline } from '../lib/deadline.ts';
import { ownTurnFor } from '../lib/turns.ts';
import { createMemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';
import type { CacheGroup } from './versions.ts';

const localCharactersMax = 8_000_000;
/** What one process adds to the store within a TTL, so that a flood of different queries cannot fill it. */
const storedCharactersMax = 64_000_000;

export type CacheOutcome = 'HIT' | 'MISS' | 'BYPASS';

export type CachedAnswer = {
  body: string;
  etag: string;
  outcome: CacheOutcome;
  /** The version that the answer belongs to, and when it expires (Unix ms); null for one that is not kept. */
  kept: { version: string; expiresAt: number } | null;
};

type Load = () => Promise<string>;

type CachedReadsOptions = {
  store: Pick<Store, 'getMany' | 'set'>;
  ttlMs: number;
  /** The version of a group as it is after the call, or nothing when that cannot be told. */
  currentVersion: (group: CacheGroup) => Promise<string | undefined>;
  onError: (error: unknown) => void;
};

/**
 * Reads under keys that hold the group's version. Answers are text that goes through untouched. The process keeps a copy
 * of what it served, which a version that was read for the very request proves current.
 */
export function createCachedReads({ store, ttlMs, currentVersion, onError }: CachedReadsOptions) {
  const local = createMemoryStore(localCharactersMax);
  const loading = new Map<string, Promise<CachedAnswer>>();
  const budget = { characters: storedCharactersMax, renewedAt: Date.now() };

  /** Answers from the cache if it can, from `load` if not. Rejects with what `load` rejects with, and nothing else. */
  async function read(group: CacheGroup, key: string, load: Load): Promise<CachedAnswer> {
    const version = await currentVersion(group);
    return version === undefined ? bypass(`${group}:${key}`, load) : lookUp(group, version, key, load);
  }

  function lookUp(group: CacheGroup, version: string, key: string, load: Load): Promise<CachedAnswer> {
    const entryKey = `cache:{${group}}:${version}:${key}`;
    const known = local.get(entryKey);
    return known === null
      ? share(entryKey, () => find(entryKey, version, load))
      : Promise.resolve(unpack(known, version, 'HIT'));
  }

  /** Without a version nothing tells writes from reads, so only a query that begins after this call will do. */
  function bypass(key: string, load: Load): Promise<CachedAnswer> {
    const [flight, next] = [`bypass:${key}`, `next:${key}`];
    const begin = () => share(flight, async () => pack(await load(), 'BYPASS'));
    const underWay = loading.get(flight);
    if (!underWay) return begin();
    const endsAt = waitEndsAt();
    return share(next, async () => {
      await underWay.catch(() => {});
      loading.delete(next);
      return withDeadline(begin(), Math.max(0, endsAt - performance.now()));
    });
  }

  async function find(key: string, version: string, load: Load): Promise<CachedAnswer> {
    const [stored] = await store.getMany([key]).catch((error: unknown) => {
      onError(error);
      return [undefined];
    });
    if (stored) {
      keepLocally(key, stored);
      return unpack(stored, version, 'HIT');
    }
    const answer = await pack(await load(), stored === undefined ? 'BYPASS' : 'MISS');
    const expiresAt = Date.now() + ttlMs;
    const entry = `${expiresAt}\n${answer.etag}\n${answer.body}`;
    keepLocally(key, entry);
    if (mayStore(entry.length)) store.set(key, entry, ttlMs).catch(onError);
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

  return read;
}

async function pack(body: string, outcome: CacheOutcome): Promise<CachedAnswer> {
  await ownTurnFor(body);
  const etag = `"${createHash('sha1').update(body).digest('base64url')}"`;
  await ownTurnFor(body);
  return { body, etag, outcome, kept: null };
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

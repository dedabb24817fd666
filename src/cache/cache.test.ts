import { afterEach, describe, expect, jest, setSystemTime, test } from 'bun:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { givenLoad } from '../../tests/support/wait.ts';
import { createCache } from './cache.ts';
import type { CacheOutcome } from './cached-reads.ts';
import { createMemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';
import type { CacheGroup } from './versions.ts';

/** A store that several caches share, as several processes share Redis, and that a test can break in part. */
function openStore() {
  let contents = createMemoryStore(1_000_000);
  const broken = { reads: false, writes: false };
  const sets: string[] = [];
  const failIf = (isBroken: boolean) => (isBroken ? Promise.reject(new Error('out of reach')) : Promise.resolve());
  const store: Store = {
    getMany: async (keys) => {
      await failIf(broken.reads);
      return contents.getMany(keys);
    },
    set: async (key, value, ttlMs) => {
      await failIf(broken.writes);
      sets.push(key);
      await contents.set(key, value, ttlMs);
    },
    setIfAbsent: async (key, value, ttlMs) => {
      await failIf(broken.writes);
      return contents.setIfAbsent(key, value, ttlMs);
    },
    status: () => contents.status(),
    close: () => contents.close(),
  };
  const wipe = () => {
    contents = createMemoryStore(1_000_000);
  };
  return { store, broken, sets, wipe };
}

/** One process' cache on a store, and what it told of its reads. */
function openCache(store: Store, ttlMs = 60_000) {
  const outcomes: [CacheGroup, CacheOutcome][] = [];
  const errors: unknown[] = [];
  const cache = createCache({
    store,
    ttlMs,
    onOutcome: (group, outcome) => outcomes.push([group, outcome]),
    onError: (error) => errors.push(error),
  });
  const read = (answer: string | (() => Promise<string>), key = 'key') =>
    cache.read('products', key, typeof answer === 'string' ? async () => answer : answer);
  return { ...cache, read, outcomes, errors };
}

/** A query that answers when the test says so. */
function openQuery() {
  const calls: ((answer: string) => void)[] = [];
  const load = () => new Promise<string>((resolve) => calls.push(resolve));
  const untilAsked = async (times = 1) => {
    while (calls.length < times) await sleep(0);
  };
  return { load, calls, untilAsked };
}

describe('cache.read', () => {
  afterEach(() => {
    setSystemTime();
  });

  describe('when nothing stands in the way', () => {
    test('asks once and answers the same from then on, in every process', async () => {
      const { store } = openStore();
      const [one, other] = [openCache(store), openCache(store)];
      const first = await one.read('first');
      expect(first).toEqual({
        body: 'first',
        etag: expect.stringMatching(/^"[\w-]+"$/),
        outcome: 'MISS',
        kept: { version: expect.any(String), expiresAt: expect.any(Number) },
      });
      for (const cache of [one, other, other]) {
        expect(await cache.read('second')).toEqual({ ...first, outcome: 'HIT' });
      }
      expect((await one.read('second', 'another key')).body).toBe('second');
      expect(one.outcomes.map(([, outcome]) => outcome)).toEqual(['MISS', 'HIT', 'MISS']);
    });

    test('keeps text as it is', async () => {
      const { store } = openStore();
      const body = '{"name":"Grüße\\n 🛒"}\n\nsecond line';
      await openCache(store).read(body);
      expect((await openCache(store).read('other')).body).toBe(body);
    });
  });

  describe('when many ask at once', () => {
    test('runs one query for all', async () => {
      const cache = openCache(openStore().store);
      const query = openQuery();
      const answers = Promise.all(Array.from({ length: 20 }, () => cache.read(query.load)));
      await query.untilAsked();
      query.calls[0]?.('answer');
      expect(new Set((await answers).map(({ body }) => body))).toEqual(new Set(['answer']));
      expect(query.calls).toHaveLength(1);
    });

    test('tells all of a query that failed, and keeps nothing of it', async () => {
      const cache = openCache(openStore().store);
      const failing = () => Promise.reject(new Error('no database'));
      const answers = await Promise.allSettled([cache.read(failing), cache.read(failing)]);
      expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(await cache.read('answer')).toMatchObject({ body: 'answer', outcome: 'MISS' });
    });
  });

  describe('when a write comes between the query and its answer', () => {
    test.each(['in the same process', 'in another process'])(
      'keeps the old answer from later readers: %s',
      async (where) => {
        const { store } = openStore();
        const [reader, other] = [openCache(store), openCache(store)];
        const writer = where === 'in the same process' ? reader : other;
        const query = openQuery();
        const early = reader.read(query.load);
        await query.untilAsked();
        await writer.invalidate('products');
        expect(await reader.read('new')).toMatchObject({ body: 'new' });
        query.calls[0]?.('old');
        expect(await early).toMatchObject({ body: 'old' });
        for (const cache of [reader, other])
          expect(await cache.read('newest')).toMatchObject({ body: 'new', outcome: 'HIT' });
      },
    );
  });

  describe('when it is written again and again', () => {
    test('asks again after each write', async () => {
      const cache = openCache(openStore().store);
      for (const answer of ['first', 'second', 'third']) {
        expect(await cache.read(answer)).toMatchObject({ body: answer, outcome: 'MISS' });
        await cache.invalidate('products');
      }
    });
  });

  describe('when the group of another list is written', () => {
    test('stays a hit', async () => {
      const cache = openCache(openStore().store);
      await cache.read('first');
      await cache.invalidate('customers');
      expect(await cache.read('second')).toMatchObject({ body: 'first', outcome: 'HIT' });
    });
  });

  describe('when the time to live is over', () => {
    test('asks again, in a process that only read the entry too', async () => {
      const ttlMs = 60_000;
      const { store } = openStore();
      const [one, other] = [openCache(store, ttlMs), openCache(store, ttlMs)];
      await one.read('first');
      const readAt = Date.now();
      setSystemTime(new Date(readAt + ttlMs / 2));
      expect(await other.read('second')).toMatchObject({ body: 'first', outcome: 'HIT' });
      setSystemTime(new Date(readAt + ttlMs + 1));
      expect(await other.read('third')).toMatchObject({ body: 'third', outcome: 'MISS' });
    });
  });

  describe('when a flood of different lists is asked for', () => {
    test('stores no more than its share until the time to live is over', async () => {
      const ttlMs = 60_000;
      const { store, sets } = openStore();
      const cache = openCache(store, ttlMs);
      const startedAt = Date.now();
      const longList = 'x'.repeat(10_000_000);
      for (const key of ['1', '2', '3', '4', '5', '6', '7', '8']) {
        expect(await cache.read(longList, key)).toMatchObject({ outcome: 'MISS' });
      }
      expect(sets.length).toBe(6);
      setSystemTime(new Date(startedAt + ttlMs + 1));
      await cache.read(longList, '9');
      expect(sets.length).toBe(7);
    });

    test('stores no more than its share in every such time after that', async () => {
      const ttlMs = 60_000;
      const { store, sets } = openStore();
      const cache = openCache(store, ttlMs);
      const startedAt = Date.now();
      const longList = 'x'.repeat(10_000_000);
      for (const round of [1, 2, 3]) {
        setSystemTime(new Date(startedAt + round * (ttlMs + 1)));
        sets.length = 0;
        for (const key of ['1', '2', '3', '4', '5', '6', '7', '8']) {
          setSystemTime(new Date(Date.now() + 1));
          await cache.read(longList, `${round}-${key}`);
        }
        expect(sets.length).toBe(6);
      }
    });
  });

  describe('when the store has been wiped', () => {
    test('never finds what stood there before', async () => {
      const { store, wipe } = openStore();
      const [one, other] = [openCache(store), openCache(store)];
      await one.read('first');
      wipe();
      expect(await other.read('second')).toMatchObject({ body: 'second', outcome: 'MISS' });
      expect(await one.read('third')).toMatchObject({ body: 'second', outcome: 'HIT' });
    });
  });

  describe('when the store is out of reach', () => {
    test('answers from the query each time, and tells of the error', async () => {
      const { store, broken } = openStore();
      const cache = openCache(store);
      await cache.read('before');
      broken.reads = true;
      expect(await cache.read('first')).toMatchObject({ body: 'first', outcome: 'BYPASS' });
      expect(await cache.read('second')).toMatchObject({ body: 'second', outcome: 'BYPASS' });
      expect(cache.errors.length).toBeGreaterThan(0);
    });

    test('shares no query that began before the reader came', async () => {
      const { store, broken } = openStore();
      const cache = openCache(store);
      broken.reads = true;
      const query = openQuery();
      const early = cache.read(query.load);
      await query.untilAsked();
      const late = Promise.all(Array.from({ length: 10 }, () => cache.read(query.load)));
      await sleep(0);
      query.calls[0]?.('old');
      expect((await early).body).toBe('old');
      await query.untilAsked(2);
      query.calls[1]?.('new');
      expect(new Set((await late).map(({ body }) => body))).toEqual(new Set(['new']));
      expect(query.calls).toHaveLength(2);
    });

    test('does not let a failed query fail those who came later', async () => {
      const { store, broken } = openStore();
      const cache = openCache(store);
      broken.reads = true;
      let fail = (_error: Error) => {};
      const early = cache.read(
        () =>
          new Promise((_, reject) => {
            fail = reject;
          }),
      );
      await sleep(0);
      const late = cache.read('answer');
      await sleep(0);
      fail(new Error('no database'));
      await expect(early).rejects.toThrow('no database');
      expect(await late).toMatchObject({ body: 'answer', outcome: 'BYPASS' });
    });

    test('waits for the earlier query and for its own no longer than a request may in all', async () => {
      const { store, broken } = openStore();
      const cache = openCache(store);
      broken.reads = true;
      jest.useFakeTimers();
      try {
        const settle = async () => {
          for (let turns = 0; turns < 5; turns += 1) await new Promise<void>((resolve) => setImmediate(resolve));
        };
        const silent = () => new Promise<string>((_, reject) => setTimeout(() => reject(new Error('silent')), 4_000));
        const outcomes: string[] = [];
        const ask = (load: () => Promise<string>) =>
          void cache.read(load).catch((error) => outcomes.push(error.message));
        ask(silent);
        await settle();
        ask(() => new Promise(() => {}));
        await settle();
        jest.advanceTimersByTime(4_000);
        await settle();
        jest.advanceTimersByTime(501);
        await settle();
        expect(outcomes).toEqual(['silent', 'The shop did not answer in time.']);
      } finally {
        jest.useRealTimers();
      }
    });

    test('answers the query when only the answer cannot be stored', async () => {
      const { store, broken } = openStore();
      const cache = openCache(store);
      await cache.read('before', 'another key');
      broken.writes = true;
      expect(await cache.read('answer')).toMatchObject({ body: 'answer' });
    });
  });
});

describe('cache.invalidate', () => {
  describe('when it cannot reach the store', () => {
    test('bypasses here until it has landed, and lands for the others too', async () => {
      const { store, broken } = openStore();
      const [writer, other] = [openCache(store), openCache(store)];
      await writer.read('old');
      await other.read('old');
      broken.writes = true;
      await writer.invalidate('products');
      expect(await writer.read('new')).toMatchObject({ body: 'new', outcome: 'BYPASS' });
      broken.writes = false;
      while ((await other.read('new')).body === 'old') await sleep(10);
      expect(await writer.read('newest')).toMatchObject({ body: 'new' });
    });
  });
});

describe('cache.invalidateSoon', () => {
  const versionsSet = (sets: string[]) => sets.filter((key) => key.endsWith(':version')).length;

  describe('when it is called many times', () => {
    test('invalidates once, within a second', async () => {
      const { store, sets } = openStore();
      const cache = openCache(store);
      await cache.read('old');
      const startedAt = Date.now();
      for (let call = 0; call < 100; call += 1) cache.invalidateSoon('products');
      while ((await cache.read('new')).body === 'old') await sleep(10);
      expect(Date.now() - startedAt).toBeLessThan(givenLoad(1_000));
      expect(versionsSet(sets)).toBe(1);
    });
  });

  describe('when the process ends first', () => {
    test('invalidates before it is closed', async () => {
      const { store } = openStore();
      const [writer, other] = [openCache(store), openCache(store)];
      await other.read('old');
      writer.invalidateSoon('products');
      await writer.close();
      expect(await other.read('new')).toMatchObject({ body: 'new' });
    });
  });
});

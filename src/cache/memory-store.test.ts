import { afterEach, describe, expect, setSystemTime, test } from 'bun:test';
import { createMemoryStore } from './memory-store.ts';

describe('createMemoryStore', () => {
  afterEach(() => {
    setSystemTime();
  });

  describe('when it is full', () => {
    test('makes room by what was used longest ago', async () => {
      const store = createMemoryStore(30);
      for (const key of ['a', 'b', 'c']) await store.set(key, '123456789', 1_000);
      expect(store.get('a')).toBe('123456789');
      await store.set('d', '1', 1_000);
      expect(['a', 'b', 'c', 'd'].filter((key) => store.get(key) !== null)).toEqual(['a', 'c', 'd']);
    });

    test('keeps the others when a value is larger than all of it', async () => {
      const store = createMemoryStore(30);
      await store.set('a', '1', 1_000);
      await store.set('b', 'x'.repeat(30), 1_000);
      expect(await store.getMany(['a', 'b'])).toEqual(['1', null]);
    });
  });

  describe('when a value takes the place of another', () => {
    test('has the new one, for as long as that may live', async () => {
      const store = createMemoryStore(30);
      const setAt = Date.now();
      setSystemTime(new Date(setAt));
      await store.set('a', 'old', 1_000);
      await store.set('a', 'new', 5_000);
      setSystemTime(new Date(setAt + 4_000));
      expect(store.get('a')).toBe('new');
      await store.set('a', 'newest', 1_000);
      setSystemTime(new Date(setAt + 5_001));
      expect(store.get('a')).toBeNull();
    });

    test('counts it once, and with its own size', async () => {
      const store = createMemoryStore(30);
      await store.set('a', '123456789', 1_000);
      for (let time = 0; time < 10; time += 1) await store.set('b', '123456789', 1_000);
      expect(await store.getMany(['a', 'b'])).toEqual(['123456789', '123456789']);
      await store.set('b', 'x'.repeat(25), 1_000);
      expect(await store.getMany(['a', 'b'])).toEqual([null, 'x'.repeat(25)]);
    });
  });

  describe('when the time to live of a value is over', () => {
    test('no longer has it, and takes another', async () => {
      const store = createMemoryStore(30);
      const setAt = Date.now();
      setSystemTime(new Date(setAt));
      await store.set('a', 'old', 1_000);
      expect(await store.setIfAbsent('a', 'new', 1_000)).toBe('old');
      setSystemTime(new Date(setAt + 1_001));
      expect(store.get('a')).toBeNull();
      expect(await store.setIfAbsent('a', 'new', 1_000)).toBe('new');
    });

    test.each([0, -1])('keeps none that comes %i ms before its end', async (ttlMs) => {
      const store = createMemoryStore(30);
      await store.set('a', 'old', 1_000);
      await store.set('a', 'over', ttlMs);
      expect(store.get('a')).toBeNull();
    });
  });
});

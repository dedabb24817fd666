import { afterEach, beforeEach, describe, expect, jest, test } from 'bun:test';
import { createInvalidation } from './invalidation.ts';
import type { CacheGroup } from './versions.ts';

/** Invalidations whose moves fail while the test says so, or wait until it lets them go. */
function openInvalidation() {
  const state = { broken: false, held: undefined as Promise<void> | undefined };
  const moves: CacheGroup[] = [];
  const errors: unknown[] = [];
  const move = async (group: CacheGroup) => {
    moves.push(group);
    const { broken, held } = state;
    await held;
    if (broken) throw new Error('out of reach');
  };
  return { ...createInvalidation(move, (error) => errors.push(error)), state, moves, errors };
}

/** Lets time pass, and everything happen that then can. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe('createInvalidation', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  describe('when many moves fail', () => {
    test('retries one for all of a group, until it lands', async () => {
      const { invalidate, isPending, state, moves, errors } = openInvalidation();
      state.broken = true;
      for (let write = 0; write < 100; write += 1) await invalidate('products');
      await invalidate('customers');
      expect(errors).toHaveLength(101);
      moves.length = 0;
      for (let retry = 0; retry < 3; retry += 1) await pass(200);
      expect(moves.sort()).toEqual([...Array(3).fill('customers'), ...Array(3).fill('products')]);
      expect(isPending('products')).toBe(true);
      state.broken = false;
      await pass(200);
      expect([isPending('products'), isPending('customers')]).toEqual([false, false]);
      await pass(1_000);
      expect(moves).toHaveLength(8);
      expect(errors).toHaveLength(101);
    });
  });

  describe('when a move fails while an older one is flushed', () => {
    test('stays pending until one that came later lands', async () => {
      const { invalidate, isPending, state, moves } = openInvalidation();
      state.broken = true;
      await invalidate('products');
      let release = () => {};
      state.held = new Promise<void>((resolve) => {
        release = resolve;
      });
      state.broken = false;
      await pass(200);
      state.held = undefined;
      state.broken = true;
      await invalidate('products');
      state.broken = false;
      release();
      await pass(0);
      expect(isPending('products')).toBe(true);
      await pass(200);
      expect(isPending('products')).toBe(false);
      expect(moves).toHaveLength(4);
    });
  });

  describe('when it is closed', () => {
    test('tries what is pending or soon to come once more, and nothing after that', async () => {
      const { invalidate, invalidateSoon, close, state, moves } = openInvalidation();
      state.broken = true;
      await invalidate('products');
      invalidateSoon('customers');
      moves.length = 0;
      await close();
      expect(new Set(moves)).toEqual(new Set<CacheGroup>(['products', 'customers']));
      moves.length = 0;
      await pass(1_000);
      expect(moves).toEqual([]);
    });
  });
});

import { describe, expect, test } from 'bun:test';
import { createAllowance } from './allowance.ts';

function openAllowance(max: number) {
  let nowMs = 0;
  const allowance = createAllowance(max, () => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { ...allowance, pass, clockMs: () => nowMs };
}

describe('createAllowance', () => {
  describe('when the server has had enough of several at once', () => {
    test('is halved once, and again by what began afterwards, down to one', () => {
      const { now, halve, pass, clockMs } = openAllowance(20);
      const begunAt = clockMs();
      pass(10);
      expect([1, 2, 3].map(() => halve(begunAt))).toEqual([true, false, false]);
      expect(now()).toBe(10);
      const found = Array.from({ length: 5 }, () => {
        pass(10);
        halve(clockMs());
        return now();
      });
      expect(found).toEqual([5, 2, 1, 1, 1]);
    });
  });

  describe('when the server has not complained for a while', () => {
    test('doubles now and then, up to what it was', () => {
      const { now, halve, pass, clockMs } = openAllowance(20);
      for (let times = 0; times < 3; times += 1) halve(clockMs());
      expect(now()).toBe(2);
      pass(29_999);
      expect(now()).toBe(2);
      const found = Array.from({ length: 5 }, () => {
        pass(30_000);
        return now();
      });
      expect(found).toEqual([4, 8, 16, 20, 20]);
    });
  });
});

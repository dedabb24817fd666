import { describe, expect, test } from 'bun:test';
import { createRateLimiter } from './rate-limiter.ts';

const limiterOf = (points: number) =>
  createRateLimiter(null, { keyPrefix: 'test', points, durationSeconds: 60, refusal: 'Too many.' });
const limited = expect.objectContaining({ code: 'rate_limited' });

describe('createRateLimiter', () => {
  describe('when a key has taken its points', () => {
    test('refuses one more, which takes nothing', async () => {
      const { take, giveBack } = limiterOf(2);
      await take('a');
      await take('a');
      for (let time = 0; time < 5; time += 1) await expect(take('a')).rejects.toEqual(limited);
      await giveBack('a');
      await take('a');
      await expect(take('a')).rejects.toEqual(limited);
      await take('b');
    });
  });

  describe('when more is given back than was taken', () => {
    test('leaves no credit', async () => {
      const { take, giveBack } = limiterOf(1);
      await giveBack('a');
      await take('a');
      await expect(take('a')).rejects.toEqual(limited);
    });
  });

  describe('when it counts in memory and keys never end', () => {
    test('forgets those used longest ago, and none used since', async () => {
      const { take } = limiterOf(1);
      await take('first');
      await take('used since');
      for (let number = 0; number < 19_999; number += 1) {
        await take(`flood ${number}`);
        if (number === 10_000) await expect(take('used since')).rejects.toEqual(limited);
      }
      await take('first');
      await expect(take('used since')).rejects.toEqual(limited);
    });
  });
});

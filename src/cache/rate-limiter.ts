import { LRUCache } from 'lru-cache';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ShopError } from '../errors.ts';
import type { RedisClient } from '../lib/redis.ts';

/** How many keys a process counts for itself while Redis is away; those used longest ago make room. */
const memoryKeysMax = 20_000;

export type RateLimiterOptions = {
  /** What the keys in Redis begin with. */
  keyPrefix: string;
  points: number;
  durationSeconds: number;
  /** What those are told who have used up their points. */
  refusal: string;
};

export type RateLimiter = {
  /**
   * Takes a point of a key's, which come back all at once, `durationSeconds` after the first of them was taken.
   * @throws {ShopError} `rate_limited` when there is none left; it then has taken none
   */
  take: (key: string) => Promise<void>;
  /** Gives back a point that was taken for nothing. Where none is taken any more, nothing stays of the key. */
  giveBack: (key: string) => Promise<void>;
  /** Gives back every point of a key. */
  clear: (key: string) => Promise<void>;
};

/** Counts by key, for all processes in Redis, and in memory while Redis is away or where there is none. */
export function createRateLimiter(
  redis: RedisClient | null,
  { keyPrefix, points, durationSeconds, refusal }: RateLimiterOptions,
): RateLimiter {
  const memory = new RateLimiterMemory({ keyPrefix, points, duration: durationSeconds });
  const remembered = new LRUCache<string, true>({
    max: memoryKeysMax,
    dispose: (_value, key, reason) => {
      if (reason === 'evict') void memory.delete(key);
    },
  });
  const limiter: RateLimiterAbstract = redis
    ? new RateLimiterRedis({
        storeClient: redis,
        keyPrefix,
        points,
        duration: durationSeconds,
        insuranceLimiter: memory,
        rejectIfRedisNotReady: true,
      })
    : memory;

  async function giveBack(key: string): Promise<void> {
    const { consumedPoints } = await limiter.reward(key);
    // Else a flood of keys for which nothing is ever counted would fill Redis.
    if (consumedPoints <= 0) await limiter.delete(key);
  }

  return {
    take: async (key) => {
      remembered.set(key, true);
      try {
        await limiter.consume(key);
      } catch (state) {
        if (!(state instanceof RateLimiterRes)) throw state;
        await giveBack(key);
        const waitSeconds = Math.max(1, Math.ceil(state.msBeforeNext / 1_000));
        throw new ShopError('rate_limited', refusal, {
          retryAfterSeconds: waitSeconds,
          rateLimit: { limit: points, remaining: state.remainingPoints, resetSeconds: waitSeconds },
        });
      }
    },
    giveBack,
    clear: async (key) => {
      await limiter.delete(key);
    },
  };
}

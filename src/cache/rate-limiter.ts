import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ShopError } from '../errors.ts';
import type { RedisClient } from '../lib/redis.ts';

/** How many keys a process counts for itself, for when Redis is away; those used longest ago make room. */
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

/**
 * Counts by key, for all processes in Redis, and in memory where there is none. Memory is told what Redis counts, so that
 * it goes on from there while Redis is away or slow.
 */
export function createRateLimiter(
  redis: RedisClient | null,
  { keyPrefix, points, durationSeconds, refusal }: RateLimiterOptions,
): RateLimiter {
  const options = { keyPrefix, points, duration: durationSeconds };
  const memory = new RateLimiterMemory(options);
  const shared = redis && new RateLimiterRedis({ ...options, storeClient: redis, rejectIfRedisNotReady: true });
  const remembered = new LRUCache<string, true>({
    max: memoryKeysMax,
    dispose: (_value, key, reason) => {
      if (reason === 'evict') void memory.delete(key);
    },
  });

  async function remember(key: string, { consumedPoints, msBeforeNext }: RateLimiterRes): Promise<void> {
    await memory.set(key, consumedPoints, Math.max(1, msBeforeNext) / 1_000);
  }

  /** @throws {RateLimiterRes} when there is no point left to consume */
  async function count(key: string, step: 'consume' | 'reward'): Promise<RateLimiterRes> {
    if (!shared) return memory[step](key);
    let state: RateLimiterRes;
    try {
      state = await shared[step](key);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) return memory[step](key);
      await remember(key, error);
      throw error;
    }
    await remember(key, state);
    return state;
  }

  async function clear(key: string): Promise<void> {
    await memory.delete(key);
    // What Redis cannot be told ends there with its window.
    await shared?.delete(key).catch(() => {});
  }

  async function giveBack(key: string): Promise<void> {
    const { consumedPoints } = await count(key, 'reward');
    // Else a flood of keys for which nothing is ever counted would fill Redis.
    if (consumedPoints <= 0) await clear(key);
  }

  return {
    take: async (key) => {
      remembered.set(key, true);
      try {
        await count(key, 'consume');
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
    clear,
  };
}

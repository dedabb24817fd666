import type { Redis } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ShopError } from '../errors.ts';

const windowSeconds = 15 * 60;
const pairFailuresMax = 10;
const addressFailuresMax = 100;

export type LoginThrottle = {
  /**
   * Counts an attempt before it is checked, so that attempts made at the same instant count too.
   * @throws {ShopError} `rate_limited`
   */
  attempt: (address: string, account: string) => Promise<void>;
  /** Takes the attempt back: the pair starts afresh, the address gets its point again. */
  succeeded: (address: string, account: string) => Promise<void>;
};

/** Limits guesses at passwords (contract: "Who may do what"). Counts in Redis, and in memory while Redis is away. */
export function createLoginThrottle(redis: Redis | null): LoginThrottle {
  const limiter = (keyPrefix: string, points: number): RateLimiterAbstract => {
    const memory = new RateLimiterMemory({ keyPrefix, points, duration: windowSeconds });
    if (!redis) return memory;
    return new RateLimiterRedis({
      storeClient: redis,
      keyPrefix,
      points,
      duration: windowSeconds,
      insuranceLimiter: memory,
      rejectIfRedisNotReady: true,
    });
  };
  const pairs = limiter('login-pair', pairFailuresMax);
  const addresses = limiter('login-address', addressFailuresMax);
  const pairKey = (address: string, account: string) => `${address}|${account.toLowerCase()}`;

  return {
    attempt: async (address, account) => {
      await consume(pairs, pairKey(address, account));
      await consume(addresses, address);
    },
    succeeded: async (address, account) => {
      await Promise.all([pairs.delete(pairKey(address, account)), addresses.reward(address)]);
    },
  };
}

async function consume(limiter: RateLimiterAbstract, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (state) {
    if (!(state instanceof RateLimiterRes)) throw state;
    const waitSeconds = String(Math.max(1, Math.ceil(state.msBeforeNext / 1_000)));
    throw new ShopError('rate_limited', 'Too many failed attempts to sign in; try again later.', {
      headers: {
        'Retry-After': waitSeconds,
        'RateLimit-Limit': String(limiter.points),
        'RateLimit-Remaining': String(state.remainingPoints),
        'RateLimit-Reset': waitSeconds,
      },
    });
  }
}

import type { RedisClient } from '../lib/redis.ts';
import { createRateLimiter } from './rate-limiter.ts';

const durationSeconds = 60 * 60;

export type RegistrationThrottle = {
  /**
   * Hashes the password of a new account, unless the address has registered too often. Counts once it is hashed,
   * whatever becomes of it then, because that is the expensive part; what is not hashed counts for nothing.
   * @param address in the one form of `canonicalAddress`
   * @throws {ShopError} `rate_limited`; what `hash` throws
   */
  guard: (address: string, hash: () => Promise<string>) => Promise<string>;
};

/** Limits accounts opened from one address (SECURITY.md, "Limits"); `perHour` 0 is no limit. */
export function createRegistrationThrottle(redis: RedisClient | null, perHour: number): RegistrationThrottle {
  if (perHour === 0) return { guard: (_address, hash) => hash() };
  const refusal = 'Too many accounts were opened from this address; try again later.';
  const addresses = createRateLimiter(redis, { keyPrefix: 'registration', points: perHour, durationSeconds, refusal });
  return {
    guard: async (address, hash) => {
      await addresses.take(address);
      try {
        return await hash();
      } catch (error) {
        await addresses.giveBack(address);
        throw error;
      }
    },
  };
}

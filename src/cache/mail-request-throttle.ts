import { ShopError } from '../errors.ts';
import type { RedisClient } from '../lib/redis.ts';
import { createRateLimiter } from './rate-limiter.ts';

const requestsMax = 20;
const durationSeconds = 60 * 60;

export type MailRequestThrottle = {
  /**
   * Does what somebody asks for who wants a mail with a token, unless the address has asked too often. It counts whatever
   * comes of it, but for a failure of ours.
   * @param address in the one form of `canonicalAddress`
   * @throws {ShopError} `rate_limited`; what `work` throws
   */
  guard: <Result>(address: string, work: () => Promise<Result>) => Promise<Result>;
};

/** Limits requests for mails with tokens from one network address (SECURITY.md, "Limits"). */
export function createMailRequestThrottle(redis: RedisClient | null): MailRequestThrottle {
  const refusal = 'Too many such mails were asked for from this address; try again later.';
  const addresses = createRateLimiter(redis, {
    keyPrefix: 'mail-request',
    points: requestsMax,
    durationSeconds,
    refusal,
  });
  return {
    guard: async (address, work) => {
      await addresses.take(address);
      try {
        return await work();
      } catch (error) {
        const isRefusal = error instanceof ShopError && error.code !== 'unavailable';
        if (!isRefusal) await addresses.giveBack(address);
        throw error;
      }
    },
  };
}

import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { databaseWaitMsMax, withDeadline } from '../deadline.ts';
import { ShopError, unavailable } from '../errors.ts';
import type { RedisClient } from '../redis.ts';

const windowSeconds = 15 * 60;
const pairFailuresMax = 10;
const addressFailuresMax = 100;
/** Enough to keep every core busy with hashing, and few beside the failures that an address may have. */
const addressChecksMax = 8;

export type LoginThrottle = {
  /**
   * Runs a check of a password, unless too many have failed. One that fails with `invalid_credentials` counts; one that
   * succeeds lets the pair of address and account start afresh; trouble of ours counts for nothing.
   * @throws {ShopError} `rate_limited`, `unavailable`; what the check throws
   */
  guard: <Checked>(address: string, account: string, check: () => Promise<Checked>) => Promise<Checked>;
};

/** Limits guesses at passwords (contract: "Who may do what"). Counts in Redis, and in memory while Redis is away. */
export function createLoginThrottle(redis: RedisClient | null): LoginThrottle {
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
  const inTurnOfPair = createGate(1);
  const inTurnOfAddress = createGate(addressChecksMax);

  /** Counts before the check, so that guesses made at the same instant count too, and takes back what was none. */
  async function counted<Checked>(address: string, pair: string, check: () => Promise<Checked>): Promise<Checked> {
    await consume(pairs, pair);
    await consume(addresses, address);
    let checked: Checked;
    try {
      checked = await check();
    } catch (error) {
      if (!isWrongPassword(error)) await Promise.all([pairs.reward(pair), addresses.reward(address)]);
      throw error;
    }
    await Promise.all([pairs.delete(pair), addresses.reward(address)]);
    return checked;
  }

  return {
    guard: (address, account, check) => {
      const pair = `${address}|${account.toLowerCase()}`;
      const endsAt = performance.now() + databaseWaitMsMax;
      const checked = inTurnOfPair(pair, () =>
        inTurnOfAddress(address, () => {
          // Who has been told 503 meanwhile has gone.
          if (performance.now() >= endsAt) throw unavailable('Too many sign in just now.');
          return counted(address, pair, check);
        }),
      );
      return withDeadline(checked, databaseWaitMsMax);
    },
  };
}

/**
 * Lets so many pieces of work of a key run at once; the others wait, in the order of their arrival. So those who know
 * the password are not refused because others, or they themselves, are being checked at the same instant.
 */
function createGate(width: number): <Result>(key: string, work: () => Promise<Result>) => Promise<Result> {
  const gates = new Map<string, { running: number; waiting: (() => void)[] }>();
  return async (key, work) => {
    const gate = gates.get(key) ?? { running: 0, waiting: [] };
    gates.set(key, gate);
    if (gate.running < width) gate.running += 1;
    else await new Promise<void>((resolve) => gate.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = gate.waiting.shift();
      if (next) next();
      else gate.running -= 1;
      if (gate.running === 0) gates.delete(key);
    }
  };
}

function isWrongPassword(error: unknown): boolean {
  return error instanceof ShopError && error.code === 'invalid_credentials';
}

async function consume(limiter: RateLimiterAbstract, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (state) {
    if (!(state instanceof RateLimiterRes)) throw state;
    const waitSeconds = Math.max(1, Math.ceil(state.msBeforeNext / 1_000));
    throw new ShopError('rate_limited', 'Too many failed attempts to sign in; try again later.', {
      retryAfterSeconds: waitSeconds,
      rateLimit: { limit: limiter.points, remaining: state.remainingPoints, resetSeconds: waitSeconds },
    });
  }
}

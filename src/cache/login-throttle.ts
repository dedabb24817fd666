import { ShopError, unavailable } from '../errors.ts';
import { databaseWaitMsMax, withDeadline } from '../lib/deadline.ts';
import type { RedisClient } from '../lib/redis.ts';
import { createSlots, type Slots } from '../lib/slots.ts';
import { createRateLimiter } from './rate-limiter.ts';

const durationSeconds = 15 * 60;
const pairFailuresMax = 10;
const addressFailuresMax = 100;
/** Enough to keep every core busy with hashing, and few beside the failures that an address may have. */
const addressChecksMax = 8;
/** How many may wait in a row, of an address or a pair; more would only wait until they are told 503. */
const waitingMax = 500;
const refusal = 'Too many failed attempts to sign in; try again later.';

export type Attempt = {
  /** Where it comes from, in the one form of `canonicalAddress`. */
  address: string;
  /** What it tries: an e-mail address or the id of an account. */
  account: string;
  /** Aborted when the caller has hung up; an attempt whose turn comes later is neither checked nor counted. */
  signal: AbortSignal;
};

export type LoginThrottle = {
  /**
   * Runs a check of a password, unless too many have failed. One that fails with `invalid_credentials` counts; one that
   * succeeds lets the pair of address and account start afresh; a failure of ours counts for nothing.
   * @throws {ShopError} `rate_limited`, `unavailable`; what the check throws
   */
  guard: <Checked>(attempt: Attempt, check: () => Promise<Checked>) => Promise<Checked>;
};

/** Limits guesses at passwords (SECURITY.md, "Limits"). */
export function createLoginThrottle(redis: RedisClient | null): LoginThrottle {
  const common = { durationSeconds, refusal };
  const pairs = createRateLimiter(redis, { ...common, keyPrefix: 'login-pair', points: pairFailuresMax });
  const addresses = createRateLimiter(redis, { ...common, keyPrefix: 'login-address', points: addressFailuresMax });
  const inTurnOfPair = createGate(1);
  const inTurnOfAddress = createGate(addressChecksMax);

  /** The address first: one that is closed must neither close accounts nor write a key for each that it names. */
  async function take(address: string, pair: string): Promise<void> {
    await addresses.take(address);
    try {
      await pairs.take(pair);
    } catch (error) {
      await addresses.giveBack(address);
      throw error;
    }
  }

  /** Counts before the check, so that guesses made at the same instant count too, and takes back what was none. */
  async function counted<Checked>(address: string, pair: string, check: () => Promise<Checked>): Promise<Checked> {
    await take(address, pair);
    let checked: Checked;
    try {
      checked = await check();
    } catch (error) {
      if (!isWrongPassword(error)) await Promise.all([pairs.giveBack(pair), addresses.giveBack(address)]);
      throw error;
    }
    await Promise.all([pairs.clear(pair), addresses.giveBack(address)]);
    return checked;
  }

  return {
    guard: ({ address, account, signal }, check) => {
      const pair = `${address}|${account.toLowerCase()}`;
      const endsAt = performance.now() + databaseWaitMsMax;
      const checked = inTurnOfPair(pair, () =>
        inTurnOfAddress(address, () => {
          signal.throwIfAborted();
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
  const gates = new Map<string, Slots>();
  return async (key, work) => {
    const gate = gates.get(key) ?? createSlots(() => width);
    if (gate.waiting() >= waitingMax) throw unavailable('Too many sign in just now.');
    gates.set(key, gate);
    await gate.take();
    try {
      return await work();
    } finally {
      gate.free();
      if (gate.taken() === 0) gates.delete(key);
    }
  };
}

function isWrongPassword(error: unknown): boolean {
  return error instanceof ShopError && error.code === 'invalid_credentials';
}

import { setTimeout as sleep } from 'node:timers/promises';
import { ShopError, unavailable } from '../errors.ts';
import { waitEndsAt, withDeadline } from '../lib/deadline.ts';
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
const accountFailuresMax = 100;
const accountDurationSeconds = 60 * 60;
/** At an account that too many have guessed at, strangers get a turn each so many seconds. */
const turnSeconds = 1;
/** Those behind so many others would not get their turn before they are told 503. */
const waitingForTurnMax = 4;
const turnPollMs = 100;
const refusalOfTurn = 'Too many have failed to sign in to this account; try again in a moment.';
const refusal = 'Too many failed attempts to sign in; try again later.';
const tooMany = () => unavailable('Too many sign in just now.');

export type Attempt = {
  /** Where it comes from, in the one form of `canonicalAddress`. */
  address: string;
  /** What it tries: the e-mail address of an account, in any case. */
  account: string;
  /** Whether somebody has signed in to the account from this address, and still is; asked only when it matters. */
  isKnownAddress: () => Promise<boolean>;
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
  const accounts = createRateLimiter(redis, {
    keyPrefix: 'login-account',
    points: accountFailuresMax,
    durationSeconds: accountDurationSeconds,
    refusal,
  });
  const turns = createRateLimiter(redis, {
    keyPrefix: 'login-turn',
    points: 1,
    durationSeconds: turnSeconds,
    refusal: refusalOfTurn,
  });
  const inTurnOfPair = createGate(1);
  const inTurnOfStrangers = createGate(1, waitingForTurnMax, () => {
    const rateLimit = { limit: 1, remaining: 0, resetSeconds: turnSeconds };
    return new ShopError('rate_limited', refusalOfTurn, { retryAfterSeconds: turnSeconds, rateLimit });
  });
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

  /** Takes one of the failures that an account may have from anywhere; says whether there was one left. */
  async function takeOfAccount(account: string): Promise<boolean> {
    try {
      await accounts.take(account);
      return true;
    } catch (error) {
      if (error instanceof ShopError && error.code === 'rate_limited') return false;
      throw error;
    }
  }

  /**
   * Counts before the check, so that guesses made at the same instant count too, and takes back what was none.
   * @param mayPass whether an account that too many have guessed at may be tried all the same
   * @returns `waits` when it may not; nothing is checked or counted then
   */
  async function counted<Checked>(
    { address, account, pair }: { address: string; account: string; pair: string },
    mayPass: () => Promise<boolean>,
    check: () => Promise<Checked>,
  ): Promise<{ checked: Checked } | 'waits'> {
    await take(address, pair);
    const isCounted = await takeOfAccount(account);
    const giveBack = () =>
      Promise.all([addresses.giveBack(address), isCounted ? accounts.giveBack(account) : undefined]);
    let checked: Checked;
    try {
      if (!isCounted && !(await mayPass())) {
        await Promise.all([pairs.giveBack(pair), giveBack()]);
        return 'waits';
      }
      checked = await check();
    } catch (error) {
      if (!isWrongPassword(error)) await Promise.all([pairs.giveBack(pair), giveBack()]);
      throw error;
    }
    await Promise.all([pairs.clear(pair), giveBack()]);
    return { checked };
  }

  /** Waits for the next turn of an account, among all processes. @throws {ShopError} `rate_limited` when none comes in time */
  async function waitForTurn(account: string, endsAt: number): Promise<void> {
    for (;;) {
      try {
        await turns.take(account);
        return;
      } catch (error) {
        const isWaiting = error instanceof ShopError && error.code === 'rate_limited';
        if (!isWaiting || performance.now() + turnPollMs >= endsAt) throw error;
      }
      await sleep(turnPollMs);
    }
  }

  return {
    guard: (attempt, check) => {
      const { address, signal } = attempt;
      const account = attempt.account.toLowerCase();
      const pair = `${address}|${account}`;
      const endsAt = waitEndsAt();
      const requireWaiting = () => {
        signal.throwIfAborted();
        // Who has been told 503 meanwhile has gone.
        if (performance.now() >= endsAt) throw tooMany();
      };
      const tryNow = (mayPass: () => Promise<boolean>) =>
        inTurnOfAddress(address, () => {
          requireWaiting();
          return counted({ address, account, pair }, mayPass, check);
        });
      const checked = inTurnOfPair(pair, async () => {
        let outcome = await tryNow(attempt.isKnownAddress);
        // Outside the gate of the address, which others behind it need.
        while (outcome === 'waits') {
          await inTurnOfStrangers(account, () => {
            requireWaiting();
            return waitForTurn(account, endsAt);
          });
          outcome = await tryNow(async () => true);
        }
        return outcome.checked;
      });
      return withDeadline(checked, Math.max(0, endsAt - performance.now()));
    },
  };
}

/**
 * Lets so many pieces of work of a key run at once; the others wait, in the order of their arrival. So those who know
 * the password are not refused because others, or they themselves, are being checked at the same instant.
 */
function createGate(
  width: number,
  queueMax = waitingMax,
  refuse = tooMany,
): <Result>(key: string, work: () => Promise<Result>) => Promise<Result> {
  const gates = new Map<string, Slots>();
  return async (key, work) => {
    const gate = gates.get(key) ?? createSlots(() => width);
    if (gate.waiting() >= queueMax) throw refuse();
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

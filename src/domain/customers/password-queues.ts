import { createBatcher } from '../../lib/batcher.ts';
import { databaseWaitMsMax } from '../../lib/deadline.ts';
import { hashPassword, passwordMatches } from './passwords.ts';

/** How many may wait for each that is hashed at once: 1.3 s of work for a core that is free, 4 s for a busy one. */
const waitingMax = 100;

/**
 * Hashing in turn: few at once, because each takes a core for some 13 ms, and new passwords apart from comparisons, so that
 * neither keeps the other waiting. A caller who has hung up (`signal` is aborted) when their turn comes is not served.
 */
export type PasswordQueues = {
  /**
   * @param check runs when the turn has come; what it throws saves the hash
   * @throws {ShopError} `unavailable` when too many wait, or for too long; the signal's reason; what `check` throws
   */
  hash: (password: string, signal: AbortSignal, check?: () => Promise<unknown>) => Promise<string>;
  /** See `passwordMatches`. @throws as `hash` does */
  matches: (passwordHash: string | undefined, password: string, signal: AbortSignal) => Promise<boolean>;
};

/** @param cores how many the machine has; new passwords get half of them, so that a crowd of them leaves room */
export function createPasswordQueues(cores: number): PasswordQueues {
  const hash = inTurn(
    Math.max(1, Math.floor(cores / 2)),
    async ({ password, check }: { password: string; check: (() => Promise<unknown>) | undefined }) => {
      await check?.();
      return hashPassword(password);
    },
  );
  const compare = inTurn(cores, ({ passwordHash, password }: { passwordHash: string | undefined; password: string }) =>
    passwordMatches(passwordHash, password),
  );
  return {
    hash: (password, signal, check) => hash({ password, check }, signal),
    matches: (passwordHash, password, signal) => compare({ passwordHash, password }, signal),
  };
}

/** Does so much of a kind of work at once; the rest waits, in the order of its arrival. */
function inTurn<Input, Output>(
  atOnce: number,
  work: (input: Input) => Promise<Output>,
): (input: Input, signal: AbortSignal) => Promise<Output> {
  const { add } = createBatcher<{ input: Input; signal: AbortSignal }, Output>({
    batchesMax: atOnce,
    batchSizeMax: 1,
    waitingMax: waitingMax * atOnce,
    deadlineMs: databaseWaitMsMax,
    run: (batch) =>
      Promise.all(
        batch.map(async ({ input, signal }) => {
          signal.throwIfAborted();
          return work(input);
        }),
      ),
  });
  return (input, signal) => add({ input, signal });
}

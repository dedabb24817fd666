import { AsyncLocalStorage } from 'node:async_hooks';
import { unavailable } from '../errors.ts';

/** How long a request may wait for Postgres before it is told 503, which is to be within 5 s (README, "What you can rely on"). */
export const databaseWaitMsMax = 4_500;

/** How much longer for what was sent and cannot be called off, a commit above all: a 503 would be untrue if it succeeds. */
export const commitWaitMsMax = 400;

/** What is left of a request's time; nothing once it has been answered, wherever its context goes on. */
type Rest = { endsAt: number; answered: boolean };

const restOfWait = new AsyncLocalStorage<Rest>();

/** Until when (by `performance.now()`) one who asks now may wait for Postgres: for all of that time, or what is left of it. */
export function waitEndsAt(): number {
  const rest = restOfWait.getStore();
  return rest && !rest.answered ? rest.endsAt : performance.now() + databaseWaitMsMax;
}

/**
 * Runs the rest of a request of which Postgres has taken a part of its time already. What outlives it has all of the
 * time for each wait again, though it inherits the context: a body that is streamed, a timer.
 */
export async function withRestOfWait<T>(endsAt: number, work: () => Promise<T>): Promise<T> {
  const rest = { endsAt, answered: false };
  try {
    return await restOfWait.run(rest, work);
  } finally {
    rest.answered = true;
  }
}

/**
 * Waits for `work`, but no longer than `withinMs`, or `commitWaitMsMax` more if it is at its commit by then.
 * @throws {ShopError} `unavailable` when the time is up; what `work` does afterwards goes unheard
 */
export async function withDeadline<T>(
  work: Promise<T>,
  withinMs: number,
  isCommitting: () => boolean = () => false,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeUp = new Promise<never>((_, reject) => {
    const refuse = () => reject(unavailable('The shop did not answer in time.'));
    timer = setTimeout(() => {
      if (isCommitting()) timer = setTimeout(refuse, commitWaitMsMax);
      else refuse();
    }, withinMs);
  });
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

import { availableParallelism, loadavg } from 'node:os';

type WaitOptions = {
  /** Far longer than what is waited for takes, because a busy machine takes far longer; give it where it is a promise. */
  withinMs?: number;
  everyMs?: number;
};

/**
 * Asks `condition` until it answers something other than false, null, undefined or an empty list, such as the rows of a
 * query, and gives that back. What it throws counts as "not yet", so expectations may stand in it.
 * @throws what the condition threw last, or an error that the time is up
 */
export async function eventually<Answer>(
  condition: () => Answer | Promise<Answer>,
  { withinMs = 15_000, everyMs = 20 }: WaitOptions = {},
): Promise<Exclude<Answer, false | null | undefined>> {
  const endsAt = Date.now() + withinMs;
  for (;;) {
    let failure: unknown = new Error(`The condition did not come true within ${withinMs} ms.`);
    try {
      const answer = await condition();
      const isEmpty = Array.isArray(answer) && answer.length === 0;
      if (answer !== false && answer !== null && answer !== undefined && !isEmpty) {
        return answer as Exclude<Answer, false | null | undefined>;
      }
    } catch (error) {
      failure = error;
    }
    if (Date.now() > endsAt) throw failure;
    await pause(everyMs);
  }
}

/** For the rare test that shows that something does not happen. Anything else should use `eventually`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How many times longer things take here for want of a core, over the last minute; at least 1. */
export function busyness(): number {
  const [load = 0] = loadavg();
  return Math.max(1, load / availableParallelism());
}

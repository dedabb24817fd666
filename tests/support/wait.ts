import { availableParallelism, loadavg } from 'node:os';

type WaitOptions = {
  /** Give it where it is a promise. Without it, far longer than what is waited for takes. Longer on a busy machine. */
  withinMs?: number;
  /** Without it, a twentieth of the time that has passed, because each look costs those who are waited for. */
  everyMs?: number;
};

const patienceMs = 15_000;
const everyMsMin = 20;
const everyMsMax = 100;
const busynessMax = 4;
const toldMax = 300;

/**
 * Asks `condition` until it answers something other than false, null, undefined or an empty list, such as the rows of a
 * query, and gives that back. What it throws counts as "not yet", so expectations may stand in it.
 * @throws what the condition threw last, or an error that the time is up and says what was waited for
 */
export async function eventually<Answer>(
  condition: () => Answer | Promise<Answer>,
  { withinMs: quietMs = patienceMs, everyMs }: WaitOptions = {},
): Promise<Exclude<Answer, false | null | undefined>> {
  const withinMs = givenLoad(quietMs);
  const startedAt = Date.now();
  const endsAt = startedAt + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await condition();
      const isEmpty = Array.isArray(answer) && answer.length === 0;
      if (answer !== false && answer !== null && answer !== undefined && !isEmpty) {
        return answer as Exclude<Answer, false | null | undefined>;
      }
    } catch (error) {
      failure = error;
    }
    const now = Date.now();
    if (now > endsAt) throw failure ?? new Error(unmet(condition, withinMs));
    await pause(everyMs ?? Math.min(Math.max((now - startedAt) / 20, everyMsMin), everyMsMax));
  }
}

function unmet(condition: () => unknown, withinMs: number): string {
  const text = condition.toString().replace(/\s+/g, ' ').slice(0, toldMax);
  return `This did not come true within ${Math.round(withinMs)} ms: ${text}`;
}

/** For the rare test that shows that something does not happen. Anything else should use `eventually`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How long something may take here that takes at most so long on a machine that has nothing else to do. */
export function givenLoad(ms: number): number {
  return ms * Math.min(busyness(), busynessMax);
}

/** How many times longer things take here for want of a core, over the last minute; at least 1. */
export function busyness(): number {
  const [load = 0] = loadavg();
  return Math.max(1, load / availableParallelism());
}

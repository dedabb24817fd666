import { isDeepStrictEqual } from 'node:util';
import type { Call } from './calls.ts';
import { type Answer, answerTo, type Outcome, ownerOf } from './rules.ts';
import { caughtUp, identify, progressOf, type ShopState } from './state.ts';
import { type ShopView, shopView } from './views.ts';

export type AnsweredCall = { call: Call; answer: Answer };

/**
 * Looks for an order in which calls that were made at once could have been served one after the other, so that the
 * model gives each of them the answer it got and ends in what was seen afterwards. Steps that were due may have come
 * at any moment between.
 * @returns the shop after them; null when no order explains it all
 */
export function explain(start: ShopState, made: AnsweredCall[], seen: ShopView): ShopState | null {
  const deadEnds = new Set<string>();

  function serve(state: ShopState, waiting: AnsweredCall[]): ShopState | null {
    if (waiting.length === 0) {
      const end = caughtUp(state);
      return isDeepStrictEqual(shopView(end), seen) ? end : null;
    }
    const place = JSON.stringify([waiting.map(({ call }) => call.name), state]);
    if (deadEnds.has(place)) return null;
    for (const next of waiting) {
      const rest = waiting.filter((other) => other !== next);
      for (const { answer, state: after } of possibleOutcomes(state, start, next, made)) {
        const end = isDeepStrictEqual(answer, next.answer) ? serve(after, rest) : null;
        if (end) return end;
      }
    }
    deadEnds.add(place);
    return null;
  }

  return serve(start, made);
}

/** A token is looked at when a call comes in, so it may have died since; the call's order may have moved on before it. */
function possibleOutcomes(state: ShopState, start: ShopState, { call, answer }: AnsweredCall, made: AnsweredCall[]) {
  const by = 'by' in call ? call.by : null;
  const outcomes: Outcome[] = stepsBefore(state, call).flatMap((ready) => [
    answerTo(ready, call, identify(start, by)),
    answerTo(ready, call, identify(ready, by)),
  ]);
  if (answer.code === 'idempotency_in_progress' && hasRival(start, call, made)) outcomes.push({ answer, state });
  if (answer.code === 'invalid_credentials' && wasSignedOut(start, call, made)) outcomes.push({ answer, state });
  return outcomes;
}

/**
 * Whether all sessions of an account were ended while this call showed its password: what was checked may be the password
 * no longer, for all that the shop knows.
 */
function wasSignedOut(start: ShopState, call: Call, made: AnsweredCall[]): boolean {
  const account =
    call.kind === 'sign in' ? ownerOf(start, call.email) : 'by' in call ? identify(start, call.by)?.account : undefined;
  return made.some(
    ({ call: other, answer }) => other.kind === 'sign out' && other.account === account && answer.status === 204,
  );
}

/** Steps of other orders than those a call is about make no difference to it, so they can wait. */
function stepsBefore(state: ShopState, call: Call): ShopState[] {
  if ('order' in call) return progressOf(state, call.order);
  if (call.kind !== 'close account') return [state];
  const owned = Object.keys(state.orders).filter((name) => state.orders[name]?.customer === call.account);
  return [state, caughtUp(state, owned)];
}

/** Whether another call under the same idempotency key was under way at the same time. */
function hasRival(start: ShopState, call: Call, made: AnsweredCall[]): boolean {
  const scopeOf = (call: Call) =>
    'key' in call && call.key !== null && `${call.kind} ${identify(start, call.by)?.account} ${call.key}`;
  return made.some(
    ({ call: other, answer }) =>
      other !== call && scopeOf(other) === scopeOf(call) && answer.code !== 'idempotency_in_progress',
  );
}

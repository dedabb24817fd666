import { expect } from 'bun:test';
import { inspect } from 'node:util';
import type { Call } from './calls.ts';
import { expectCatalogue } from './catalogue.ts';
import { type AnsweredCall, explain } from './explain.ts';
import type { Intent } from './intents.ts';
import { brokenPromises, unitsInWorld } from './invariants.ts';
import { answerTo } from './rules.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';
import { caughtUp, identify, type ShopState } from './state.ts';
import { expectTokens } from './tokens.ts';
import { type ShopView, shopView } from './views.ts';
import { versionKey } from './wire.ts';
import { makeAll, nextName, passHours, passMinute, readMailTokens, untilProgressed, type World } from './world.ts';

/**
 * Lets hours pass, then carries out intents all at once, in the world and in the model.
 * @returns the model's shop afterwards
 * @throws when the model cannot explain what was answered and what is seen afterwards, or a promise is broken
 */
export async function step(world: World, state: ShopState, intents: Intent[], hours = 0): Promise<ShopState> {
  if (hours > 0) {
    world.story.push(`${hours} hours pass.`);
    await passHours(world, hours);
  }
  const later = { ...state, hour: state.hour + hours };
  const focus = {};
  const calls = intents.map((intent) =>
    intent.callIn({ state: later, name: nextName(world), word: world.word, focus }),
  );
  return signInAll(world, await carryOut(world, later, calls));
}

/** Signs in everyone whose last token has died, or who never had one. */
export function signInAll(world: World, state: ShopState): ShopState | Promise<ShopState> {
  const lockedOut = Object.values(state.accounts).filter(
    ({ open, sessions }) => open && !identify(state, sessions.at(-1)?.name ?? null),
  );
  if (lockedOut.length === 0) return state;
  const calls = lockedOut.map(
    ({ email, password }): Call => ({ kind: 'sign in', name: nextName(world), email, password }),
  );
  return carryOut(world, state, calls);
}

/** Makes calls all at once in the world and in the model, and holds one against the other. */
export async function carryOut(world: World, before: ShopState, calls: Call[]): Promise<ShopState> {
  const since = Date.now();
  if (before.mailed.length > 0) await passMinute(world);
  const start = { ...before, mailed: [] };
  const unitsBefore = await unitsInWorld(world);
  const [made, brokenMeanwhile] = await Promise.all([makeAll(world, calls), brokenPromises(world)]);
  world.story.push(tell(made));
  await untilProgressed(world);
  const snapshot = await takeSnapshot(
    world,
    [...Object.keys(before.accounts), ...created(made, 'register')],
    [...Object.keys(before.products), ...created(made, 'create product')],
  );
  const after = explain(start, made, snapshot.view);
  if (!after) expectInTurn(start, made, snapshot.view);
  await learnMailTokens(world, after);
  rememberEtags(world, after, snapshot);
  await expectCatalogue(world, after, since);
  if (calls.some(({ kind }) => endsTokens.has(kind))) await expectTokens(world, after);
  expectSameUnits(world, calls, unitsBefore, await unitsInWorld(world));
  expect([...brokenMeanwhile, ...(await brokenPromises(world))]).toEqual([]);
  return after;
}

const endsTokens = new Set<Call['kind']>([
  'change password',
  'reset password',
  'log out',
  'sign out',
  'close account',
  'restore account',
]);

/** Remembers what the mails brought, under the names that the model has for it. */
async function learnMailTokens(world: World, { accounts }: ShopState): Promise<void> {
  if (Object.values(accounts).every(({ tokens }) => Object.keys(tokens).length === 0)) return;
  for (const { account, kind, token } of await readMailTokens(world)) {
    const name = accounts[world.names.nameOf(account)]?.tokens[kind];
    if (name !== undefined) world.mailTokens.set(name, token);
  }
}

function created(made: AnsweredCall[], kind: Call['kind']): string[] {
  return made.flatMap(({ call, answer }) => (call.kind === kind && answer.status === 201 ? [call.name] : []));
}

/** A product keeps its entity tag for as long as it keeps its version, and never gets an old one back. */
function rememberEtags({ etags }: World, state: ShopState, snapshot: Snapshot): void {
  for (const [name, { version }] of Object.entries(state.products)) {
    const etag = snapshot.etags[name] ?? '';
    const key = versionKey(name, version);
    const isOld = [...etags].some(([other, old]) => other !== key && other.startsWith(`${name} `) && old === etag);
    expect({ key, etag: isOld ? 'one of before' : etag }).toEqual({ key, etag: etags.get(key) ?? etag });
    etags.set(key, etag);
  }
}

function expectSameUnits(
  { names }: World,
  calls: Call[],
  before: Map<string, number>,
  after: Map<string, number>,
): void {
  const booked = calls.flatMap((call) => {
    if (call.kind === 'replace product') return [names.idOf(call.product)];
    return call.kind === 'book stock' ? [names.idOf(call.booking.product)] : [];
  });
  const kept = [...before].filter(([id]) => !booked.includes(id));
  expect(kept.map(([id]) => [id, after.get(id)])).toEqual(kept);
}

/** Shows how the end differs from what the model gives when it serves the calls in turn. */
function expectInTurn(before: ShopState, made: AnsweredCall[], shop: ShopView): never {
  let state = caughtUp(before);
  const answers = made.map(({ call }) => {
    const outcome = answerTo(state, call, identify(state, 'by' in call ? call.by : null));
    state = outcome.state;
    return outcome.answer;
  });
  expect({ answers: made.map(({ answer }) => answer), shop }).toEqual({ answers, shop: shopView(state) });
  throw new Error('The model does not explain what it would give itself.');
}

function tell(made: AnsweredCall[]): string {
  const inOneLine = { breakLength: Number.POSITIVE_INFINITY, depth: 4 };
  const lines = made.map(
    ({ call, answer: { status, code = '' } }) => `${inspect(call, inOneLine)} → ${status} ${code}`,
  );
  return lines.length > 1 ? `At once:\n  ${lines.join('\n  ')}` : lines.join();
}

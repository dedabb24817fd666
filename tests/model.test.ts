import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Intent } from './model/intents.ts';
import { expectEveryMailOnce, mailKeys } from './model/invariants.ts';
import { parameters, replay, seeds, testMsMax } from './model/runs.ts';
import { seedWorld } from './model/seed.ts';
import { deleteAfterHours, intervalHours, type ShopState } from './model/state.ts';
import { step } from './model/step.ts';
import { anyIntent, crowd, hours } from './model/traffic.ts';
import { openWorld, type World, withStory } from './model/world.ts';
import { signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;
let urls: string[];
let adminToken: string;

beforeAll(async () => {
  console.log(`The model is tried with the seeds ${seeds.join(', ')}.`);
  shop = await startShop({
    apis: 2,
    workers: 2,
    env: {
      // Long enough that only the tests move the clock.
      ORDER_STATUS_INTERVAL: `${intervalHours}h`,
      ORDER_DELETE_AFTER: `${deleteAfterHours}h`,
      TRUST_PROXY: '1',
    },
  });
  urls = [shop.api(0).url, shop.api(1).url];
  adminToken = await signInAdmin(shop.url);
});

afterAll(() => shop.stop());

type Model = { state: ShopState };
type Command = fc.AsyncCommand<Model, World>;

/** Hours pass, then everyone does what they intend, all at once. */
function command(passed: number, intents: Intent[]): Command {
  return {
    check: () => true,
    run: async (model, world) => {
      model.state = await step(world, model.state, intents, passed);
    },
    toString: () =>
      [...(passed > 0 ? [`${passed} h pass`] : []), ...intents.map((intent) => fc.stringify(intent))].join(' & '),
  };
}

const oneCall = anyIntent.map((intent) => command(0, [intent]));
const time = hours.map((passed) => command(passed, []));
const manyCalls = fc.tuple(fc.oneof(fc.constant(0), hours), crowd).map(([passed, intents]) => command(passed, intents));

/** Runs commands in a world of their own until they or the promises about mail fail. */
async function holds(commands: fc.Arbitrary<Iterable<Command>>, seed: number, runs: number): Promise<void> {
  const property = fc.asyncProperty(commands, async (chosen) => {
    const world = openWorld(shop, urls, adminToken);
    await withStory(world, async () => {
      const model: Model = { state: await seedWorld(world) };
      await fc.asyncModelRun(() => ({ model, real: world }), chosen);
      await expectEveryMailOnce(world, model.state);
    });
  });
  await fc.assert(property, parameters(seed, runs));
}

function expectNoMailTwice(): void {
  const keys = mailKeys(shop.mail);
  expect(keys.sort()).toEqual([...new Set(keys)]);
}

describe('the shop', () => {
  describe('when calls come one after the other', () => {
    const runs = 3;
    const calls = fc.oneof({ weight: 12, arbitrary: oneCall }, { weight: 1, arbitrary: time });
    const commands = fc.commands([calls], { maxCommands: 40, size: 'max', ...replay });

    test.concurrent.each(seeds)(
      'answers and ends up as the model says (seed %i)',
      (seed) => holds(commands, seed, runs),
      testMsMax(runs),
    );
    test('sends no mail twice', expectNoMailTwice);
  });

  describe('when calls come at once', () => {
    const runs = 3;
    const calls = fc.oneof({ weight: 3, arbitrary: manyCalls }, { weight: 1, arbitrary: oneCall });
    const commands = fc.commands([calls], { maxCommands: 12, size: 'max', ...replay });

    test.concurrent.each(seeds)(
      'answers and ends up as the model says for one order of them (seed %i)',
      (seed) => holds(commands, seed, runs),
      testMsMax(runs),
    );
    test('sends no mail twice', expectNoMailTwice);
  });
});

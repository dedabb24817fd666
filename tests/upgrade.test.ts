import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateDatabase } from '../src/db/migrate.ts';
import { orderStatuses } from '../src/schema/orders.ts';
import { runUnderLoad, type Scene } from './chaos/chaos.ts';
import { patienceBesideOthers } from './chaos/limits.ts';
import { report } from './chaos/report.ts';
import { single } from './chaos/single.ts';
import { root } from './support/app-process.ts';
import { findCodeBefore, unpackCode } from './support/code-before.ts';
import { eventually } from './support/wait.ts';

const patience = patienceBesideOthers();
/** What the limits allow for the load to live and to settle, and the rest of it. */
const timeoutMs = patience * 75_000 + 100_000;

const code = mkdtempSync(join(tmpdir(), 'shop-before-'));
afterAll(() => rmSync(code, { recursive: true }));

/** Waits until orders have entered every status from now on. */
async function untilOrdersLive({ shop, journal }: Scene): Promise<void> {
  const since = new Date();
  const entered = () => shop.db`select distinct status from order_history where at > ${since}`;
  await eventually(async () => journal.breaches().length > 0 || (await entered()).length === orderStatuses.length, {
    withinMs: patience * 10_000,
    everyMs: 100,
  });
  expect(journal.breaches()).toEqual([]);
}

describe('a shop under load', () => {
  test(
    'when the newest migration comes, and then the code it was made for › goes on as if nothing had happened',
    async () => {
      const commit = await findCodeBefore(root);
      if (commit) await unpackCode(root, commit, code);
      const options = {
        seed: Math.floor(Math.random() * 1_000_000),
        // The other suites run on the same machine at the same time.
        rate: 8,
        patience,
        code: commit ? code : root,
        logDirectory: process.env.TEST_LOGS ?? tmpdir(),
      };
      const result = await runUnderLoad(single, options, async (scene) => {
        await migrateDatabase(scene.shop.postgres.url);
        // The code from before does all there is to do on the tables of this one, then the two do it together.
        await untilOrdersLive(scene);
        await scene.shop.fleet.roll(root);
      });
      const origin = commit ?? 'today, because the history is not here (git fetch --unshallow)';
      console.log(`The code before is that of ${origin}.\n${report(result)}`);
      expect(result.journal.breaches()).toEqual([]);
    },
    timeoutMs,
  );
});

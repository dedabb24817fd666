import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { progressLine, report } from './report.ts';
import type { ChaosShop } from './shop.ts';
import type { Topology } from './topology.ts';

/** What a run of chaos is told on the command line. */
export type ChaosArguments = { minutes: number; seed: number; rate: number };

/** Bun's fetch has 256 connections, and a frozen Postgres makes every request last for 4.5 s. */
const rateMax = 50;
const progressEveryMs = 10_000;

/** Reads `--minutes`, `--seed` (a new one by default) and `--rate`; ends the process when they make no sense. */
export function readChaosArguments(
  defaults: { minutes: string; rate: string },
  args = process.argv.slice(2),
): ChaosArguments {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: defaults.minutes },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      rate: { type: 'string', default: defaults.rate },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  const rate = Number(values.rate);
  if (!(minutes > 0) || !Number.isInteger(seed) || !(rate > 0 && rate <= rateMax)) {
    console.error(`--minutes is a number above 0, --seed a whole number, --rate a number up to ${rateMax}.`);
    process.exit(2);
  }
  return { minutes, seed, rate };
}

/** Runs chaos, reports its progress and what it has found; answers whether every promise was kept. */
export async function tellOfChaos<Shop extends ChaosShop, Kind extends string>(
  topology: Topology<Shop, Kind>,
  { minutes, seed, rate }: ChaosArguments,
  signal: AbortSignal,
): Promise<boolean> {
  const logDirectory = mkdtempSync(join(tmpdir(), 'shop-chaos-logs-'));
  const { isTTY } = process.stdout;
  let progressAt = 0;
  let kept = false;
  console.log(`Chaos for ${minutes} min at ${rate} actions/s, seed ${seed}.`);
  try {
    const result = await runChaos(topology, {
      seed,
      rate,
      loadMs: minutes * 60_000,
      logDirectory,
      signal,
      onProgress(progress) {
        if (progress.elapsedMs < progressAt) return;
        progressAt = progress.elapsedMs + (isTTY ? 0 : progressEveryMs);
        process.stdout.write(isTTY ? `\r\x1b[K${progressLine(progress)}` : `${progressLine(progress)}\n`);
      },
    });
    console.log(`\n${report(result)}`);
    kept = result.journal.breaches().length === 0;
  } catch (error) {
    if (!signal.aborted) console.error(error);
  }
  if (kept || signal.aborted) rmSync(logDirectory, { recursive: true, force: true });
  else console.log(`The logs of the processes are in ${logDirectory}.`);
  return kept;
}

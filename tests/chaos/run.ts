// What `bun run chaos` runs: a whole shop under load while everything around it fails, and a report.
// --minutes N (1), --seed N (a new one each time; the same seed makes the same faults), --rate N (actions per second)

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { progressLine, report } from './report.ts';

/** Bun's fetch has 256 connections, and a frozen Postgres makes every request last for 4.5 s. */
const rateMax = 50;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    rate: { type: 'string', default: '30' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const rate = Number(values.rate);
if (!(minutes > 0) || !Number.isInteger(seed) || !(rate > 0 && rate <= rateMax)) {
  console.error(`--minutes is a number above 0, --seed a whole number, --rate a number up to ${rateMax}.`);
  process.exit(2);
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());

const logDirectory = mkdtempSync(join(tmpdir(), 'shop-chaos-logs-'));
const progressEveryMs = process.stdout.isTTY ? 0 : 10_000;
let progressAt = 0;

console.log(`Chaos for ${minutes} min at ${rate} actions/s, seed ${seed}.`);
let exitCode = 1;
try {
  const result = await runChaos({
    seed,
    rate,
    loadMs: minutes * 60_000,
    logDirectory,
    signal: interruption.signal,
    onProgress(progress) {
      if (progress.elapsedMs < progressAt) return;
      progressAt = progress.elapsedMs + progressEveryMs;
      process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${progressLine(progress)}` : `${progressLine(progress)}\n`);
    },
  });
  console.log(`\n${report(result)}`);
  exitCode = result.journal.breaches().length === 0 ? 0 : 1;
} catch (error) {
  if (!interruption.signal.aborted) console.error(error);
}

if (interruption.signal.aborted) {
  console.log('\nInterrupted; everything has been taken down.');
  exitCode = 130;
}
if (exitCode === 1) console.log(`The logs of the processes are in ${logDirectory}.`);
else rmSync(logDirectory, { recursive: true, force: true });
process.exit(exitCode);

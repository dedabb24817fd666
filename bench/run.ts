// What `npm run bench` runs: measures the shop beside its peers and the machine's own limits.
// Names of works measure those alone. --quick takes about two minutes, --smoke shows only that everything works,
// --anyway measures on a busy machine, too, --write puts a full run into docs/performance.md.

import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.ts';
import { BusyError, untilQuiet } from './quiet.ts';
import { describeDisturbance, describeWork, type Measurement, targetsTable, writeReport } from './report.ts';
import type { Work } from './results.ts';
import { measureInRounds } from './rounds.ts';
import { type Servers, startServers } from './servers.ts';
import { allSizes, targetConnections } from './sizes.ts';
import { openStage } from './stage.ts';
import { detail } from './works/detail.ts';
import { hotOrder } from './works/hot-order.ts';
import { lifecycle } from './works/lifecycle.ts';
import { list } from './works/list.ts';
import { mails } from './works/mails.ts';
import { memory } from './works/memory.ts';
import { mix } from './works/mix.ts';
import { order } from './works/order.ts';
import { profile } from './works/profile.ts';
import { start } from './works/start.ts';
import { wholeOrder } from './works/whole-order.ts';

const works: Work[] = [list, detail, wholeOrder, order, hotOrder, mix, lifecycle, mails, start, memory, profile];

function refuse(reason: string): never {
  console.error(reason);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
        anyway: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { values, positionals } = readArguments();
const unknown = positionals.filter((name) => !works.some((work) => work.name === name));
if (unknown.length > 0) {
  refuse(`There is no ${unknown.join(', ')}. Works: ${works.map(({ name }) => name).join(', ')}.`);
}
if (values.write && (values.quick || values.smoke || positionals.length > 0 || values.anyway)) {
  refuse('--write takes a full run of every work on a quiet machine.');
}
if (!existsSync('/proc/self/stat')) refuse('The bench reads /proc, so it needs Linux.');

const chosen = positionals.length === 0 ? works : works.filter(({ name }) => positionals.includes(name));
const sizeName = values.smoke ? 'smoke' : values.quick ? 'quick' : 'full';
const sizes = allSizes[sizeName];
const anyway = values.anyway || values.smoke;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());

async function beforeRound(): Promise<void> {
  interruption.signal.throwIfAborted();
  if (!anyway) await untilQuiet(sizes, interruption.signal);
}

async function measureWork(work: Work, servers: Servers): Promise<Measurement> {
  const stage = openStage(servers);
  try {
    const result = await work.run({
      sizes,
      servers,
      stage,
      beforeRound,
      measure: (contenders) => measureInRounds(contenders, { ...sizes, servers, beforeRound }),
    });
    return { work, result };
  } finally {
    await stage.close();
  }
}

async function measureAll(servers: Servers): Promise<void> {
  const measurements: Measurement[] = [];
  for (const work of chosen) {
    const measurement = await measureWork(work, servers);
    measurements.push(measurement);
    console.log(`\n${describeWork(measurement)}`);
  }
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const conditions = `${sizes.connections} connections, ${sizes.rounds} rounds of ${sizes.secondsPerRun} s each.`;
  const machine = await describeMachine(servers);
  const report = { machine, command, conditions, anyway, measurements };
  // The targets are about a crowd.
  if (sizes.connections === targetConnections) console.log(`\n${targetsTable(measurements)}`);
  console.log(`\n${conditions} ${describeDisturbance(report)}`);
  if (values.write) writeReport(report);
}

const startedAt = Date.now();
let exitCode = 1;
let servers: Servers | undefined;
try {
  await beforeRound();
  servers = await startServers();
  await measureAll(servers);
  exitCode = 0;
} catch (error) {
  // What fails after Ctrl-C fails because of it: everything in this terminal got the signal.
  if (interruption.signal.aborted) exitCode = 130;
  else if (error instanceof BusyError) console.error(error.message);
  else console.error(error);
} finally {
  await servers?.stop();
}
console.log(
  interruption.signal.aborted
    ? '\nInterrupted; everything has been taken down.'
    : `\n${Math.round((Date.now() - startedAt) / 1_000)} s in all.`,
);
process.exit(exitCode);

// What `npm run test:mutants` runs: puts each bug of the catalogue into a copy of the code, one at a time, and sees
// whether its suites notice. By default the mutants of the rooms, and of the suites, that differ from the default branch.
// --all of them, --only NAME (a mutant or a room, more than once too), --at-once N (the number of cores)
// --check that all of them still fit, and --write their table into docs/reliability.md

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../support/app-process.ts';
import type { TearDown } from '../support/suites.ts';
import { rooms } from './catalogue.ts';
import { changedFiles } from './changes.ts';
import { type Mutant, misfits } from './mutant.ts';
import { isTableCurrent, writeTable } from './table.ts';
import {
  migrates,
  needsServers,
  openWorkplace,
  type Servers,
  startServers,
  type Verdict,
  type Workplace,
} from './workplace.ts';

const { values: options } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    'at-once': { type: 'string', default: String(availableParallelism()) },
    check: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const entries = Object.entries(rooms);
const everyMutant = entries.flatMap(([, { mutants }]) => mutants);

if (options.write) writeTable();
const faults = faultsOfCatalogue();
for (const fault of faults) console.error(fault);
if (options.check || options.write) {
  if (faults.length === 0) console.log(`${everyMutant.length} mutants fit the code.`);
  process.exit(faults.length === 0 ? 0 : 1);
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
const verdicts = await judgeAll(
  chosen().filter((mutant) => misfits(root, mutant).length === 0),
  interruption.signal,
);
process.exit(interruption.signal.aborted ? 130 : tell(verdicts));

function faultsOfCatalogue(): string[] {
  const names = everyMutant.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  return [
    ...twice.map((name) => `${name}: two mutants are called so`),
    ...everyMutant.flatMap((mutant) => misfits(root, mutant)),
    ...entries.flatMap(([room, { paths, mutants }]) =>
      mutants
        .filter(({ file }) => !isWithin(file, paths))
        .map(({ name, file }) => `${name}: ${file} is not of ${room}`),
    ),
    ...(isTableCurrent() ? [] : ['docs/reliability.md has another table: npm run test:mutants -- --write']),
  ];
}

function isWithin(file: string, paths: string[]): boolean {
  return paths.some((path) => file === path || file.startsWith(`${path}/`));
}

function chosen(): Mutant[] {
  const { all, only } = options;
  if (all) return everyMutant;
  if (only) {
    const unknown = only.filter((word) => !(word in rooms) && !everyMutant.some(({ name }) => name === word));
    if (unknown.length > 0) throw new Error(`No mutant and no room: ${unknown.join(', ')}`);
    return entries.flatMap(([room, { mutants }]) =>
      mutants.filter(({ name }) => only.includes(room) || only.includes(name)),
    );
  }
  const changed = changedFiles();
  return entries.flatMap(([, { paths, mutants }]) => {
    const isTouched = changed.some((file) => isWithin(file, paths));
    return mutants.filter(({ suites }) => isTouched || suites.some((suite) => changed.includes(suite)));
  });
}

/** Several at once, each in a copy of its own; on servers that are started when a suite first needs them. */
async function judgeAll(mutants: Mutant[], signal: AbortSignal): Promise<Verdict[]> {
  const directory = mkdtempSync(join(tmpdir(), 'shop-mutants-'));
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
  const tearDown: TearDown = [() => rmSync(directory, { recursive: true, force: true })];
  let servers: Promise<Servers> | undefined;
  const openServers = () => {
    servers ??= startServers(directory, tearDown);
    return servers;
  };
  const verdicts: Verdict[] = [];

  async function work({ judge }: Workplace, waiting: Mutant[]): Promise<void> {
    for (let mutant = waiting.shift(); mutant && !signal.aborted; mutant = waiting.shift()) {
      const verdict = await judge(mutant, signal);
      if (signal.aborted) return;
      verdicts.push(verdict);
      console.log(`${verdicts.length}/${mutants.length} ${lineOf(verdict)}`);
    }
  }

  try {
    const workplaces = Array.from({ length: Math.min(Number(options['at-once']), mutants.length) }, (_, index) =>
      openWorkplace(join(directory, String(index)), openServers),
    );
    // What is fast comes first, so that what it finds is known early.
    const together = mutants.filter((mutant) => !migrates(mutant));
    const waiting = together.toSorted((a, b) => Number(needsServers(a)) - Number(needsServers(b)));
    await Promise.all(workplaces.map((workplace) => work(workplace, waiting)));
    for (const workplace of workplaces.slice(0, 1)) await work(workplace, mutants.filter(migrates));
  } finally {
    for (const step of tearDown.reverse()) await step();
  }
  return verdicts;
}

function lineOf({ mutant, outcome, seconds }: Verdict): string {
  return `${outcome.padEnd(6)} ${seconds.toFixed(1).padStart(6)} s  ${mutant.name}: ${mutant.says}`;
}

/** @returns the exit code */
function tell(verdicts: Verdict[]): 0 | 1 {
  const order = verdicts.toSorted((a, b) => everyMutant.indexOf(a.mutant) - everyMutant.indexOf(b.mutant));
  const count = (outcome: Verdict['outcome']) => verdicts.filter((verdict) => verdict.outcome === outcome).length;
  console.log();
  for (const verdict of order) console.log(lineOf(verdict));
  for (const { mutant, outcome, why } of order) {
    if (outcome !== 'killed') console.log(`\n${outcome}: ${mutant.name} (${mutant.file})\n${why}`);
  }
  console.log(
    `\n${count('killed')} killed, ${count('lived')} lived, ${count('broken')} broken, ${faults.length} faults`,
  );
  if (verdicts.length === 0) console.log('No room has changed that has mutants: --all runs every one.');
  return count('killed') === verdicts.length && faults.length === 0 ? 0 : 1;
}

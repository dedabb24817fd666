import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Glob } from 'bun';
import { installPackage } from '../tests/support/programs.ts';
import { customerCount, productCount } from './catalogue.ts';
import { root } from './children.ts';
import type { Contender, Load } from './rounds.ts';
import { percentile } from './statistics.ts';

/** What pgbench does in every transaction: which statement, over which random values. */
export type PgbenchWork = 'detail' | 'order' | 'hot-order';

const scripts = join(import.meta.dir, 'pgbench');
const cacheDirectory = join(root, '.data/bench/pgbench');
/** Logging every one of 30 000 short transactions a second would slow them; the expensive ones are few. */
const loggedShare = { detail: 0.05, order: 1, 'hot-order': 1 };

/** The same work by pgbench, straight in Postgres: no HTTP, no JSON, no token. */
export function pgbenchContender(
  work: PgbenchWork,
  { databaseUrl, connections, directory }: { databaseUrl: string; connections: number; directory: string },
): Contender {
  return {
    name: 'pgbench',
    load: (seconds) => runPgbench(work, { databaseUrl, connections, directory, seconds }),
  };
}

function scriptOf(work: PgbenchWork): string {
  const read = (name: string) => readFileSync(join(scripts, `${name}.sql`), 'utf8');
  return work === 'detail' ? read('detail') : read(work) + read('place-order');
}

async function runPgbench(
  work: PgbenchWork,
  { databaseUrl, connections, directory, seconds }: Parameters<typeof pgbenchContender>[1] & { seconds: number },
): Promise<Load> {
  const program = await pgbenchProgram();
  const own = mkdtempSync(join(directory, 'pgbench-'));
  const script = join(own, 'script.sql');
  writeFileSync(script, scriptOf(work));
  const threads = Math.min(availableParallelism(), connections);
  const options = {
    '--protocol': 'prepared',
    '--client': connections,
    '--jobs': threads,
    '--time': Math.ceil(seconds),
    '--file': script,
    '--log-prefix': join(own, 'log'),
    '--sampling-rate': loggedShare[work],
  };
  const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  const variables = ['-D', `products=${productCount}`, '-D', `customers=${customerCount}`];
  const pgbench = Bun.spawn([program, '--no-vacuum', '--log', ...words, ...variables, databaseUrl], {
    stdin: 'ignore',
    stderr: 'pipe',
  });
  const [output, complaints] = await Promise.all([
    new Response(pgbench.stdout).text(),
    new Response(pgbench.stderr).text(),
  ]);
  const count = Number(/^number of transactions actually processed: (\d+)/m.exec(output)?.[1]);
  const perSecond = Number(/^tps = ([\d.]+)/m.exec(output)?.[1]);
  if ((await pgbench.exited) !== 0 || !(count > 0) || !(perSecond > 0)) {
    throw new Error(`pgbench failed: ${complaints}${output}`);
  }
  const latenciesMs = readLatencies(own);
  rmSync(own, { recursive: true });
  return {
    count,
    seconds: count / perSecond,
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
  };
}

/** The third word of a line of pgbench's log is how long a transaction took, in microseconds. */
function readLatencies(directory: string): number[] {
  const logs = readdirSync(directory).filter((name) => name.startsWith('log'));
  const lines = logs.flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').filter(Boolean));
  return lines.map((line) => Number(line.split(' ')[2]) / 1_000);
}

/**
 * Finds pgbench, which speaks to newer servers, too. Installing Debian's server would start one, so its package is only
 * unpacked.
 * @throws saying how to get it
 */
export async function pgbenchProgram(): Promise<string> {
  const present = findPgbench();
  if (present) return present;
  mkdirSync(cacheDirectory, { recursive: true });
  await installPackage('libpq5');
  const unpack = `
    apt-get download "$(apt-cache depends postgresql | sed -n 's/.*Depends: \\(postgresql-[0-9]*\\)$/\\1/p')"
    dpkg -x postgresql-*.deb . && rm postgresql-*.deb`;
  if (Bun.which('apt-get')) Bun.spawnSync(['sh', '-euc', unpack], { cwd: cacheDirectory });
  const unpacked = findPgbench();
  if (!unpacked) throw new Error('pgbench has to be on the PATH; Debian has it in its package postgresql-15 or newer.');
  return unpacked;
}

function findPgbench(): string | undefined {
  const onPath = Bun.which('pgbench');
  if (onPath) return onPath;
  const places = ['/usr/lib/postgresql', join(cacheDirectory, 'usr/lib/postgresql')];
  const found = places
    .filter((place) => existsSync(place))
    .flatMap((place) => [...new Glob('*/bin/pgbench').scanSync({ cwd: place, absolute: true })]);
  return found.toSorted().at(-1);
}

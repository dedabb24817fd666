import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '../../standalone/postgres.ts';
import { bundleShop } from './bundle.ts';
import { createFailureReader, describeFailures } from './failures.ts';
import { placeCluster } from './kept-cluster.ts';
import { postgresSettings, prepareTestbeds } from './testbed-servers.ts';

/** One that is too slow takes the others of its file with it, because Bun then ends every process that they use. */
const testTimeoutMs = 120_000;
/** How long each file takes, because the slowest go first: `npm test -- --update-timings` writes it again. */
const timings = 'tests/timings.json';
const complaintsMax = 60;
const complaintCharactersMax = 400;

/** What no log may hold: hashes, tokens, and passwords that the suites use for every account and Redis. */
const secrets = /\$argon2|eyJhbGciOi[\w-]+\.|correct horse battery|open sesame|not the password|sesame(@|%40)door/;

export type TearDown = (() => unknown)[];

type SuitesOptions = {
  /** For `bun test`: files, and options of its own. */
  args: string[];
  /** How many files run at a time. */
  parallel: number;
  /**
   * Starts what the suites need, with data below `directory`, and answers the variables by which they find it. What ends
   * a server goes on `tearDown` as soon as it runs.
   */
  startServers: (directory: string, tearDown: TearDown) => Promise<Record<string, string>>;
  /** Ends the run early. */
  signal: AbortSignal;
};

/** Brings up what the suites need, runs them with `bun test`, and takes everything down again; answers the exit code. */
export async function runSuites({ args, parallel, startServers, signal }: SuitesOptions): Promise<number> {
  const startedAt = Date.now();
  const directory = mkdtempSync(join(tmpdir(), 'shop-test-'));
  const logDirectory = join(directory, 'logs');
  const tearDown: TearDown = [];
  const reader = createFailureReader();
  let exitCode = 1;
  try {
    mkdirSync(logDirectory);
    // As root, Postgres runs under another account, which has to get at its data.
    chmodSync(directory, 0o755);
    const [servers, bundle] = await Promise.all([startServers(directory, tearDown), bundleShop()]);
    const testArgs = [`--parallel=${parallel}`, `--timings=${timings}`, ...args];
    const env = { ...servers, TEST_LOGS: logDirectory, TEST_BUNDLE: bundle };
    if (!signal.aborted) exitCode = await runBunTest({ args: testArgs, env, signal, take: reader.take, shown: true });
    if (exitCode !== 0) printComplaints(logDirectory);
    if (countLeaks(logDirectory) > 0) exitCode = 1;
  } finally {
    for (const step of tearDown.reverse()) await step();
    if (exitCode === 0 || signal.aborted) rmSync(directory, { recursive: true, force: true });
    else console.log(`The logs of every process are in ${logDirectory}.`);
  }
  if (reader.failures().names.size > 0) console.log(describeFailures(reader.failures()));
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(`The suites ${exitCode === 0 ? 'passed' : 'failed'} after ${seconds} s, servers included.`);
  return exitCode;
}

type BunTestOptions = {
  /** Files, and options of its own. */
  args: string[];
  /** On top of our own environment. */
  env: Record<string, string>;
  signal: AbortSignal;
  /** Takes each line that says how the tests fare. */
  take: (line: string) => void;
  /** Whether all that is written is passed on. */
  shown?: boolean;
  /** Where the suites and what they are about are; here by default. */
  code?: string;
};

/** Runs `bun test` on servers that run already, and answers its exit code. */
export async function runBunTest(options: BunTestOptions): Promise<number> {
  const { args, env, signal, take, shown = false, code = join(import.meta.dir, '../..') } = options;
  const colors = shown && process.stderr.isTTY ? { FORCE_COLOR: '1' } : {};
  const suites = Bun.spawn([process.execPath, 'test', '--no-orphans', `--timeout=${testTimeoutMs}`, ...args], {
    cwd: code,
    env: { ...process.env, ...colors, ...env },
    stdio: ['inherit', shown ? 'inherit' : 'ignore', 'pipe'],
  });
  signal.addEventListener('abort', () => suites.kill('SIGINT'));
  let line = '';
  for await (const text of suites.stderr.pipeThrough(new TextDecoderStream())) {
    if (shown) process.stderr.write(text);
    const [last = '', ...before] = (line + text).split('\n').reverse();
    for (const whole of before.reverse()) take(whole);
    line = last;
  }
  return suites.exited;
}

/** Starts a Postgres that testbeds can be made on. */
export async function startTestbedPostgres(directory: string, tearDown: TearDown): Promise<PostgresServer> {
  await placeCluster(directory);
  const database = await startPostgres({ directory, settings: postgresSettings });
  tearDown.push(() => rmSync(database.cluster, { recursive: true, force: true }), database.stop);
  await prepareTestbeds(database.url);
  return database;
}

/** Prints what the shops of the suites complained about last, for those who look into a failure. */
function printComplaints(logDirectory: string): void {
  const complaints = readdirSync(logDirectory).flatMap((file) => {
    const lines = readFileSync(join(logDirectory, file), 'utf8').split('\n');
    return lines.filter((line) => line && !/"level":"(info|debug|trace)"/.test(line)).map((line) => `${file}: ${line}`);
  });
  for (const complaint of complaints.slice(-complaintsMax)) console.log(complaint.slice(0, complaintCharactersMax));
}

/** Searches what every process of every suite has logged, and answers how many lines hold a secret. */
function countLeaks(logDirectory: string): number {
  const lines = readdirSync(logDirectory).flatMap((file) => readFileSync(join(logDirectory, file), 'utf8').split('\n'));
  const leaks = lines.filter((line) => secrets.test(line));
  for (const leak of leaks) console.log(`A secret in a log: ${leak.slice(0, complaintCharactersMax)}`);
  if (leaks.length === 0)
    console.log(`No secret in ${lines.length} lines of ${readdirSync(logDirectory).length} logs.`);
  return leaks.length;
}

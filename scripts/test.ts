// What `npm test` runs: brings up what the suites need, runs them with `bun test`, and takes everything down again.
// Arguments go to `bun test`: npm test -- tests/orders

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../standalone/postgres.ts';
import { startRedis } from '../tests/support/redis-server.ts';
import { postgresSettings, prepareTestbeds, testbedsMax } from '../tests/support/testbed-servers.ts';

const testTimeoutMs = 30_000;
const parallelFiles = 3;
const complaintsMax = 60;
const complaintCharactersMax = 400;

/** What no log may hold: hashes, tokens, and passwords that the suites use for every account and Redis. */
const secrets = /\$argon2|eyJhbGciOi[\w-]+\.|correct horse battery|open sesame|not the password|sesame(@|%40)door/;

/** Prints what the shops of the suites complained about last, for whoever looks into a failure. */
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

const startedAt = Date.now();
const directory = mkdtempSync(join(tmpdir(), 'shop-test-'));
const logDirectory = join(directory, 'logs');
const tearDown: (() => unknown)[] = [removeFiles];
let exitCode = 1;
let interrupted = false;
let suites: Bun.Subprocess | undefined;

function removeFiles(): void {
  if (exitCode === 0 || interrupted) rmSync(directory, { recursive: true, force: true });
  else console.log(`The logs of every process are in ${logDirectory}.`);
}

// Whatever is being brought up is finished first, so that it is known and can be taken down.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
    suites?.kill(signal);
  });
}

try {
  mkdirSync(logDirectory);
  // As root, Postgres runs under another account, which has to get at its data.
  chmodSync(directory, 0o755);
  const redis = await startRedis({ databases: testbedsMax + 1 });
  tearDown.push(redis.stop);
  const database = await startPostgres({ directory: join(directory, 'postgres'), settings: postgresSettings });
  tearDown.push(() => rmSync(database.cluster, { recursive: true, force: true }), database.stop);
  await prepareTestbeds(database.url);
  if (!interrupted) {
    const options = ['--no-orphans', `--parallel=${parallelFiles}`, `--timeout=${testTimeoutMs}`];
    suites = Bun.spawn([process.execPath, 'test', ...options, ...process.argv.slice(2)], {
      cwd: join(import.meta.dir, '..'),
      env: { ...process.env, TEST_DATABASE_URL: database.url, TEST_REDIS_URL: redis.url, TEST_LOGS: logDirectory },
      stdio: ['inherit', 'inherit', 'inherit'],
    });
    exitCode = await suites.exited;
  }
  if (exitCode !== 0) printComplaints(logDirectory);
  if (countLeaks(logDirectory) > 0) exitCode = 1;
} finally {
  for (const step of tearDown.reverse()) await step();
}

const seconds = Math.round((Date.now() - startedAt) / 1_000);
console.log(`The suites ${exitCode === 0 ? 'passed' : 'failed'} after ${seconds} s, servers included.`);
process.exit(exitCode);

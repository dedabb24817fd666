import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endLeftover } from './leftovers.ts';
import { freePort } from './ports.ts';
import { findPlace, type Place } from './postgres-place.ts';
import { asRunning, type Running } from './running.ts';
import { keptSecret } from './secrets.ts';

export type PostgresServer = Running & {
  /** Of the database `shop`, as its superuser. */
  url: string;
  /** Where its data are: below the given directory, unless that is out of reach for the account it runs as. */
  cluster: string;
};

type PostgresOptions = {
  /** For the data, the password and `server.log`; made when missing. */
  directory: string;
  /** Asked once nothing of an earlier run is left; any free one by default. */
  choosePort?: () => Promise<number>;
  /** Server settings by name; what is left out is as Postgres has it. */
  settings?: Record<string, string>;
};

const pollMs = 20;
const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

/**
 * Starts the Postgres that npm installed, on 127.0.0.1 only. The first start in a directory makes a cluster; later ones
 * find its data again, and end a server that a killed run left behind there. Root may call it, too.
 * @throws when the server does not start, with the end of its log
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { directory, choosePort = freePort, settings = {} } = options;
  const own = resolve(directory);
  mkdirSync(own, { recursive: true });
  const place = findPlace(own);
  const cluster = join(place.home, 'cluster');
  const password = keptSecret(join(own, 'password'));

  await endOrphan(cluster);
  if (!existsSync(cluster)) makeCluster(place, cluster, password);

  const port = await choosePort();
  const allSettings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    ...settings,
  };
  const flags = Object.entries(allSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logFile = join(own, 'server.log');
  const log = openSync(logFile, 'w');
  const server = Bun.spawn([join(place.programs, 'postgres'), '-D', cluster, ...flags], {
    ...runOptions(place),
    // A session of its own: Ctrl-C in a terminal must not end the server before those who use it.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);

  const running = asRunning(server, { signal: 'SIGINT', lastSignal: 'SIGQUIT', timeoutMs: stopTimeoutMs });
  if (!(await becomesReady(cluster, server))) {
    await running.stop();
    const logEnd = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n');
    throw new Error(`Postgres did not start:\n${logEnd}`);
  }
  return { ...running, url: `postgres://shop:${password}@127.0.0.1:${port}/shop`, cluster };
}

/** Made aside and renamed when whole: a run that is killed meanwhile leaves no half cluster behind. */
function makeCluster(place: Place, cluster: string, password: string): void {
  const fresh = mkdtempSync(`${cluster}-`);
  if (place.account) chownSync(fresh, place.account.uid, place.account.gid);
  const access = ['--username=shop', '--auth-local=reject', '--auth-host=scram-sha-256'];
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  runProgram(place, 'initdb', ['--pgdata', fresh, ...access, ...locale]);
  // A single-user session sets the password, so that no command line and no temporary file shows it.
  const statements = `alter role shop password '${password}';\ncreate database shop;\n`;
  runProgram(place, 'postgres', ['--single', '-D', fresh, '-c', 'exit_on_error=on', 'postgres'], statements);
  renameSync(fresh, cluster);
}

function runProgram(place: Place, program: string, args: string[], input = ''): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([join(place.programs, program), ...args], {
    ...runOptions(place),
    stdin: Buffer.from(input),
  });
  if (exitCode !== 0) throw new Error(`Postgres could not be set up, ${program} failed:\n${stdout}${stderr}`);
}

function runOptions({ home, account }: Place) {
  return { ...account, cwd: home, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
}

async function endOrphan(cluster: string): Promise<void> {
  const pid = Number(lockFileLines(cluster)[0] ?? 0);
  if (pid === 0) return;
  await endLeftover(pid, cluster, 'SIGINT', stopTimeoutMs);
  // After a reboot the pid may be another program's, which Postgres would take for a server that still runs.
  if (isAlive(pid)) rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The server keeps its pid on the first line of its lock file and its state on the eighth, for programs like this. */
async function becomesReady(cluster: string, server: Bun.Subprocess): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs;
  while (server.exitCode === null && server.signalCode === null && Date.now() < deadline) {
    const lines = lockFileLines(cluster);
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return true;
    await sleep(pollMs);
  }
  return false;
}

function lockFileLines(cluster: string): string[] {
  const file = join(cluster, 'postmaster.pid');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
}

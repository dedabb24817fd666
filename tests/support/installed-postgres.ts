import { chownSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import postgres from 'postgres';
import { freePort } from '../../standalone/ports.ts';
import type { PostgresServer } from '../../standalone/postgres.ts';
import { findPlace } from '../../standalone/postgres-place.ts';
import { asRunning } from '../../standalone/running.ts';
import { installPackage } from './programs.ts';
import { eventually } from './wait.ts';

type InstalledOptions = { major: number; directory: string; settings: Record<string, string> };

const stopTimeoutMs = 10_000;

/** Starts a new cluster of a Postgres that Debian's packages have put on this machine, or put there for this. */
export async function startInstalledPostgres(options: InstalledOptions): Promise<PostgresServer> {
  const { major, directory, settings } = options;
  const programs = `/usr/lib/postgresql/${major}/bin`;
  if (!existsSync(programs)) {
    const install = await installPackage(`postgresql-${major}`);
    if (!existsSync(programs)) throw new Error(`Postgres ${major} has to be installed. As root: ${install}`);
  }
  const own = resolve(directory);
  mkdirSync(own, { recursive: true });
  const { home, account } = findPlace(own);
  const cluster = join(home, 'cluster');
  rmSync(cluster, { recursive: true, force: true });
  mkdirSync(cluster, { mode: 0o700 });
  if (account) chownSync(cluster, account.uid, account.gid);
  const runOptions = { ...account, cwd: home, env: { PATH: process.env.PATH, LC_ALL: 'C' } };

  const access = ['--username=shop', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8'];
  const made = Bun.spawnSync([join(programs, 'initdb'), '--pgdata', cluster, ...access], runOptions);
  if (made.exitCode !== 0) throw new Error(`initdb failed:\n${made.stdout}${made.stderr}`);
  const port = await freePort();
  const all = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '', ...settings };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = Bun.spawn([join(programs, 'postgres'), '-D', cluster, ...flags], {
    ...runOptions,
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const running = asRunning(server, { signal: 'SIGINT', lastSignal: 'SIGQUIT', timeoutMs: stopTimeoutMs });
  const at = (database: string) => `postgres://shop@127.0.0.1:${port}/${database}`;
  await eventually(
    async () => {
      const maintenance = postgres(at('postgres'), { max: 1 });
      try {
        await maintenance`create database shop`;
        return true;
      } finally {
        await maintenance.end();
      }
    },
    { withinMs: 30_000, everyMs: 200 },
  );
  return { ...running, url: at('shop'), cluster };
}

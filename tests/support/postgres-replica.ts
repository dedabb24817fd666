import { appendFileSync, chownSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import postgres from 'postgres';
import { freePort } from '../../standalone/ports.ts';
import { type PostgresServer, startPostgres } from '../../standalone/postgres.ts';
import { findPlace } from '../../standalone/postgres-place.ts';
import { eventually } from './wait.ts';

type ReplicaOptions = {
  /** For the data; made when missing. */
  directory: string;
  /** Server settings by name. */
  settings?: Record<string, string>;
};

/** Starts a Postgres that follows `primary`, from a copy that is taken while that works on; answers once it streams. */
export async function startReplica(
  primary: Pick<PostgresServer, 'url' | 'cluster'>,
  { directory, settings = {} }: ReplicaOptions,
): Promise<PostgresServer> {
  const own = resolve(directory);
  mkdirSync(own, { recursive: true });
  const { home } = findPlace(own);
  const cluster = join(home, 'cluster');
  const { hostname, port, username, password } = new URL(primary.url);
  writeFileSync(join(own, 'password'), `${password}\n`, { mode: 0o600 });

  await copyCluster(primary, `${cluster}-copy`);
  const source = `host=${hostname} port=${port} user=${username} password=${password}`;
  appendFileSync(join(`${cluster}-copy`, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`);
  renameSync(`${cluster}-copy`, cluster);

  const server = await startPostgres({ directory, choosePort: freePort, settings });
  const replica = postgres(server.url, { max: 1 });
  await eventually(async () => (await replica`select 1 from pg_stat_wal_receiver where status = 'streaming'`)[0], {
    withinMs: 20_000,
  });
  await replica.end();
  return server;
}

/** A base backup, as the manual's "Making a Base Backup Using the Low Level API" has it. */
async function copyCluster({ url, cluster }: Pick<PostgresServer, 'url' | 'cluster'>, copy: string): Promise<void> {
  const session = postgres(url, { max: 1, onnotice: () => {} });
  await session`select pg_backup_start('replica', true)`;
  // With its owner, who alone may read it.
  const copying = Bun.spawnSync(['cp', '-a', cluster, copy]);
  if (copying.exitCode !== 0) throw new Error(`The data could not be copied: ${copying.stderr}`);
  const [backup] = await session<{ labelfile: string }[]>`select labelfile from pg_backup_stop()`;
  await session.end();
  for (const file of ['postmaster.pid', 'postmaster.opts']) rmSync(join(copy, file), { force: true });
  // The log is not copied in one instant either: it comes from the primary.
  for (const segment of new Bun.Glob('[0-9A-F]*').scanSync(join(copy, 'pg_wal'))) rmSync(join(copy, 'pg_wal', segment));
  const { uid, gid } = statSync(cluster);
  for (const [name, text] of [
    ['backup_label', backup?.labelfile ?? ''],
    ['standby.signal', ''],
  ] as const) {
    writeFileSync(join(copy, name), text);
    chownSync(join(copy, name), uid, gid);
  }
}

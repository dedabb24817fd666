import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { freePort } from '../../standalone/ports.ts';
import { asRunning } from '../../standalone/running.ts';
import { readSource } from './declared.ts';
import { installedProgram } from './programs.ts';
import { eventually } from './wait.ts';

/** A PgBouncer before one Postgres, in transaction mode. */
export type PgBouncer = {
  /** Of the database it was started for. */
  url: string;
  /** The database and credentials of another URL of its Postgres, through the pooler. */
  through: (databaseUrl: string) => string;
  /** Leaves every connection to its Postgres when it is free next, as RECONNECT of its console; its user has to be an admin. */
  reconnect: () => Promise<void>;
  /** Ends it as a crash would (SIGKILL). */
  kill: () => Promise<void>;
  /** Starts it again on its port. */
  start: () => Promise<void>;
  stop: () => Promise<void>;
};

const stopTimeoutMs = 5_000;

/** What the shop asks of a PgBouncer, see docs/operations.md. */
export const poolerSettings = {
  pool_mode: 'transaction',
  max_prepared_statements: '200',
  ignore_startup_parameters:
    'statement_timeout, lock_timeout, idle_in_transaction_session_timeout, random_page_cost, enable_seqscan, jit, max_parallel_workers_per_gather, work_mem',
  query_wait_timeout: '5',
  server_login_retry: '1',
};

/** Whether the PgBouncer of this machine keeps prepared statements; it is installed if need be. */
export async function pgBouncerKeepsStatements(): Promise<boolean> {
  const program = await installedProgram('pgbouncer', 'pgbouncer');
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(Bun.spawnSync([program, '--version']).stdout.toString()) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

/** What a URL that leads through the PgBouncer of this machine has at its end. */
export async function pooledParameters(): Promise<string> {
  return (await pgBouncerKeepsStatements()) ? '' : '?prepare=false';
}

/** Gives a role what docs/operations.md says that a pooler does not pass on, in the URL's database or in all. */
export async function limitRole(databaseUrl: string, where: 'here' | 'everywhere', role = 'shop'): Promise<void> {
  const statements = readSource('docs/operations.md').match(/^alter role shop in database shop set .*;$/gm) ?? [];
  if (statements.length === 0) throw new Error('docs/operations.md names no settings of the role.');
  const scope = where === 'here' ? ` in database ${new URL(databaseUrl).pathname.slice(1)}` : '';
  const server = postgres(databaseUrl, { max: 1 });
  for (const statement of statements) {
    await server.unsafe(statement.replace('role shop in database shop', `role ${role}${scope}`));
  }
  await server.end();
}

/** Starts a PgBouncer before the Postgres of a URL on this machine; `settings` go over those that the shop asks for. */
export async function startPgBouncer(databaseUrl: string, settings: Record<string, string> = {}): Promise<PgBouncer> {
  const keepsStatements = await pgBouncerKeepsStatements();
  const target = new URL(databaseUrl);
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'shop-pgbouncer-'));
  chmodSync(directory, 0o755);
  const users = join(directory, 'users');
  writeFileSync(users, `"${decodeURIComponent(target.username)}" "${decodeURIComponent(target.password)}"\n`);
  const { max_prepared_statements: _unknown, ...known } = poolerSettings;
  const allSettings = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    default_pool_size: '4',
    max_client_conn: '200',
    ...(keepsStatements ? poolerSettings : known),
    // It refuses to stay root.
    ...(process.getuid?.() === 0 ? { user: 'nobody' } : {}),
    ...settings,
  };
  const lines = Object.entries(allSettings).map(([name, value]) => `${name} = ${value}`);
  const file = join(directory, 'pgbouncer.ini');
  writeFileSync(file, `[databases]\n* = host=127.0.0.1 port=${target.port}\n[pgbouncer]\n${lines.join('\n')}\n`);
  const log = Bun.file(join(directory, 'log'));
  const program = await installedProgram('pgbouncer', 'pgbouncer');
  const launch = () =>
    // Its own session: Ctrl-C in a terminal must not end it before those who use it.
    Bun.spawn([program, file], { detached: true, stdio: ['ignore', log, log] });
  const through = (direct: string) => {
    const pooled = new URL(direct);
    pooled.port = String(port);
    return pooled.href;
  };
  const url = through(databaseUrl);
  const untilUp = () => eventually(() => answers(url), { withinMs: 10_000 });

  let child = launch();
  await untilUp();
  return {
    url,
    through,
    reconnect: async () => {
      const console = new URL(url);
      console.pathname = '/pgbouncer';
      const admin = postgres(console.href, { max: 1, prepare: false, fetch_types: false });
      await admin.unsafe('reconnect').simple();
      await admin.end();
    },
    kill: async () => {
      child.kill('SIGKILL');
      await child.exited;
    },
    start: async () => {
      child = launch();
      await untilUp();
    },
    stop: async () => {
      await asRunning(child, { signal: 'SIGTERM', lastSignal: 'SIGKILL', timeoutMs: stopTimeoutMs }).stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<true> {
  const client = postgres(url, { max: 1, prepare: false });
  try {
    await client`select 1`;
    return true;
  } finally {
    await client.end();
  }
}

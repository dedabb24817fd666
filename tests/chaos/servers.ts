import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { freePort } from '../../standalone/ports.ts';
import { type PostgresServer, startPostgres } from '../../standalone/postgres.ts';
import { placeCluster } from '../support/kept-cluster.ts';
import { startReplica } from '../support/postgres-replica.ts';
import type { RedisNode } from '../support/redis-node.ts';
import { startRedis } from '../support/redis-server.ts';
import { openSlowLink } from './slow-link.ts';

/** A Postgres that comes back on the same port with what it had committed. */
type Restartable = {
  url: string;
  /** Where its data are. */
  cluster: string;
  /** Ends it: SIGQUIT is its immediate mode, which is like a crash, SIGINT its fast and orderly one. */
  end: (signal: 'SIGQUIT' | 'SIGINT') => Promise<void>;
  start: () => Promise<void>;
  /** Ends it for good, and removes its data. */
  stop: () => Promise<void>;
};

/** A Postgres that can be taken away in several ways. */
export type ChaosPostgres = Restartable & {
  /** Stops every process of the server. What comes back lets them go on. */
  freeze: () => Promise<() => void>;
  /** Runs statements one after the other as the owner of all, and lets them write whatever the default is. */
  run: (...statements: string[]) => Promise<void>;
  /** Keeps a transaction open that has run a statement; what comes back ends it. */
  hold: (statement: string) => Promise<() => Promise<void>>;
};

/** Whom the shop's processes are at Postgres. */
export const shopRole = 'shop_app';

/** Ends the connections of the shop's processes. */
export const terminateConnections = `
  select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '${shopRole}'`;

/** A Postgres that follows another one, at a distance if need be. */
export type ChaosReplica = Restartable & { setLag: (lagMs: number) => Promise<void> };

type ServerSettings = Record<string, string>;

const postmasterOf = (cluster: string) => Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);

function restartable(first: PostgresServer, startAgain: () => Promise<PostgresServer>): Restartable {
  const { url, cluster } = first;
  let server = first;
  return {
    url,
    cluster,
    end: async (signal) => {
      process.kill(postmasterOf(cluster), signal);
      await server.ended;
    },
    start: async () => {
      server = await startAgain();
    },
    stop: async () => {
      await server.stop();
      rmSync(cluster, { recursive: true, force: true });
    },
  };
}

/** Starts a Postgres for data below `directory`, with the durable settings it has by default. */
export async function startChaosPostgres(directory: string, settings: ServerSettings = {}): Promise<ChaosPostgres> {
  const port = await freePort();
  await placeCluster(directory);
  const launch = () => startPostgres({ directory, settings, choosePort: async () => port });
  const server = restartable(await launch(), launch);
  const { url } = server;
  const postmaster = () => postmasterOf(server.cluster);

  async function freeze(): Promise<() => void> {
    const own = postgres(url, { max: 1 });
    await own`select 1`;
    // The postmaster first, so that it starts nothing that is not in the list.
    process.kill(postmaster(), 'SIGSTOP');
    const rows = await own<{ pid: number }[]>`select pid from pg_stat_activity`;
    const pids = [postmaster(), ...rows.map(({ pid }) => pid)];
    for (const pid of pids) signal(pid, 'SIGSTOP');
    return () => {
      for (const pid of pids) signal(pid, 'SIGCONT');
      void own.end();
    };
  }

  async function run(...statements: string[]): Promise<void> {
    const own = postgres(url, { max: 1, onnotice: () => {} });
    try {
      await own`set default_transaction_read_only = off`;
      for (const statement of statements) await own.unsafe(statement);
    } finally {
      await own.end();
    }
  }

  async function hold(statement: string): Promise<() => Promise<void>> {
    const own = postgres(url, { max: 1 });
    await own.unsafe('begin');
    await own.unsafe(statement);
    return () => own.end({ timeout: 0 });
  }

  return { ...server, freeze, run, hold };
}

/** Starts a Postgres for data below `directory` that follows `primary`. */
export async function startChaosReplica(
  primary: ChaosPostgres,
  directory: string,
  settings: ServerSettings = {},
): Promise<ChaosReplica> {
  const first = await startReplica(primary, { directory, settings });
  const port = portOf(first.url);
  const server = restartable(first, () => startPostgres({ directory, settings, choosePort: async () => port }));

  async function setLag(lagMs: number): Promise<void> {
    const own = postgres(server.url, { max: 1 });
    await own.unsafe(`alter system set recovery_min_apply_delay = '${lagMs}ms'`);
    await own`select pg_reload_conf()`;
    await own.end();
  }

  return { ...server, setLag };
}

/** A Redis that can be taken away in several ways, always reached at the same URL. */
export type ChaosRedis = {
  url: string;
  kill: () => Promise<void>;
  /** Starts an empty one after `kill`. */
  start: () => Promise<void>;
  wipe: () => Promise<unknown>;
  /** `CLIENT PAUSE`: connections stay, commands wait. It ends by itself. */
  pause: (ms: number) => Promise<unknown>;
  freeze: () => void;
  thaw: () => void;
  setDelay: (delayMs: number) => void;
  command: RedisNode['command'];
  /** Ends all connections and lets nobody connect, until what comes back is called. */
  lockOut: () => Promise<() => Promise<void>>;
  stop: () => Promise<void>;
};

/** Ends all connections but the one it comes by. */
export const killConnections = ['CLIENT', 'KILL', 'TYPE', 'normal'] as const;
const connectionsMax = 10_000;

/** Starts a Redis behind a link that can make it slow. */
export async function startChaosRedis(): Promise<ChaosRedis> {
  const launch = () => startRedis({ databases: 1 });
  let server = await launch();
  const link = await openSlowLink(portOf(server.url));

  async function command(name: string, ...words: (string | number)[]): Promise<unknown> {
    const client = new Redis(server.url);
    try {
      return await client.call(name, ...words);
    } finally {
      client.disconnect();
    }
  }

  async function lockOut(): Promise<() => Promise<void>> {
    const client = new Redis(server.url);
    const allow = (connections: number) => client.call('CONFIG', 'SET', 'maxclients', connections);
    await allow(1);
    await client.call(...killConnections);
    return async () => {
      await allow(connectionsMax);
      client.disconnect();
    };
  }

  return {
    url: `redis://127.0.0.1:${link.port}`,
    kill: async () => {
      process.kill(server.pid, 'SIGKILL');
      await server.stop();
    },
    start: async () => {
      server = await launch();
      link.leadTo(portOf(server.url));
    },
    wipe: () => command('FLUSHALL'),
    pause: (ms) => command('CLIENT', 'PAUSE', ms),
    command,
    lockOut,
    freeze: () => void process.kill(server.pid, 'SIGSTOP'),
    thaw: () => void process.kill(server.pid, 'SIGCONT'),
    setDelay: link.setDelay,
    stop: async () => {
      await link.close();
      await server.stop();
    },
  };
}

/** Some of Postgres' processes come and go by themselves. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

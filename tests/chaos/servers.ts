import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { freePort } from '../../standalone/ports.ts';
import { startPostgres } from '../../standalone/postgres.ts';
import { startRedis } from '../support/redis-server.ts';
import { openSlowLink } from './slow-link.ts';

/** A Postgres that can be taken away in several ways, and comes back on the same port with what it had committed. */
export type ChaosPostgres = {
  url: string;
  /** Ends it: SIGQUIT is its immediate mode, which is as good as a crash, SIGINT its fast and orderly one. */
  end: (signal: 'SIGQUIT' | 'SIGINT') => Promise<void>;
  start: () => Promise<void>;
  /** Stops every process of the server. What comes back lets them go on. */
  freeze: () => Promise<() => void>;
  /** Ends the connections of the shop's processes. */
  terminateConnections: () => Promise<void>;
  /** Ends it for good, and removes its data. */
  stop: () => Promise<void>;
};

/** Starts a Postgres with the durable settings it has by default, for data below `directory`. */
export async function startChaosPostgres(directory: string): Promise<ChaosPostgres> {
  const port = await freePort();
  const launch = () => startPostgres({ directory, choosePort: async () => port });
  let server = await launch();
  const { url, cluster } = server;
  const postmaster = () => Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);

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

  async function terminateConnections(): Promise<void> {
    const own = postgres(url, { max: 1 });
    await own`select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'shop %'`;
    await own.end();
  }

  return {
    url,
    end: async (signal) => {
      process.kill(postmaster(), signal);
      await server.ended;
    },
    start: async () => {
      server = await launch();
    },
    freeze,
    terminateConnections,
    stop: async () => {
      await server.stop();
      rmSync(cluster, { recursive: true, force: true });
    },
  };
}

/** A Redis that can be taken away in several ways, always reached at the same URL. */
export type ChaosRedis = {
  url: string;
  kill: () => Promise<void>;
  /** Starts an empty one after `kill`. */
  start: () => Promise<void>;
  wipe: () => Promise<void>;
  /** `CLIENT PAUSE`: connections stay, commands wait. It ends by itself. */
  pause: (ms: number) => Promise<void>;
  freeze: () => void;
  thaw: () => void;
  setDelay: (delayMs: number) => void;
  stop: () => Promise<void>;
};

/** Starts a Redis behind a link that can make it slow. */
export async function startChaosRedis(): Promise<ChaosRedis> {
  const launch = () => startRedis({ databases: 1 });
  let server = await launch();
  const link = await openSlowLink(portOf(server.url));

  async function command(...words: [string, ...string[]]): Promise<void> {
    const client = new Redis(server.url);
    await client.call(...words);
    client.disconnect();
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
    pause: (ms) => command('CLIENT', 'PAUSE', String(ms)),
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

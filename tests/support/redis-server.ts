import { Redis } from 'ioredis';
import { freePort } from './ports.ts';
import { installedProgram } from './programs.ts';
import { eventually } from './wait.ts';

export type RedisServer = {
  url: string;
  pid: number;
  stop: () => Promise<void>;
};

/** Starts a Redis that keeps nothing on disk, on a free loopback port. */
export async function startRedis({ databases }: { databases: number }): Promise<RedisServer> {
  const port = await freePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    databases,
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
  };
  const program = await installedProgram('redis-server', 'redis-server');
  const server = Bun.spawn(
    [program, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])],
    // Its own session: Ctrl-C in a terminal must not end it before those who use it.
    { detached: true, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { retryStrategy: () => 20, enableOfflineQueue: false });
  client.on('error', () => {});
  await eventually(async () => (await client.ping()) === 'PONG', { withinMs: 10_000 });
  client.disconnect();
  return {
    url,
    pid: server.pid,
    async stop() {
      server.kill();
      await server.exited;
    },
  };
}

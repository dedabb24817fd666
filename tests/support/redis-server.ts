import { Redis } from 'ioredis';
import { freePort } from './ports.ts';
import { eventually } from './wait.ts';

export type RedisServer = {
  url: string;
  stop: () => Promise<void>;
};

const install = 'apt-get update && apt-get install -y --no-install-recommends redis-server';

/**
 * The path of `redis-server`, installed with apt-get if need be and may be.
 * @throws saying how to get it, when it is missing and cannot be installed
 */
async function redisProgram(): Promise<string> {
  const present = Bun.which('redis-server');
  if (present) return present;
  const asRoot = process.getuid?.() === 0 ? ['sh', '-c', install] : ['sudo', '-n', 'sh', '-c', install];
  if (Bun.which('apt-get') && Bun.which(asRoot[0] ?? '')) {
    console.log('Installing redis-server with apt-get.');
    const child = Bun.spawn(asRoot, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await child.exited;
  }
  const installed = Bun.which('redis-server');
  if (!installed) throw new Error(`The tests need redis-server on the PATH. As root: ${install}`);
  return installed;
}

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
  const server = Bun.spawn(
    [await redisProgram(), ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])],
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
    async stop() {
      server.kill();
      await server.exited;
    },
  };
}

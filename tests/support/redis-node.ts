import { Redis } from 'ioredis';
import { installedProgram } from './programs.ts';
import { eventually } from './wait.ts';

/** What servers ask for. It has to be encoded in a URL; no blank, because a Sentinel cannot read one that it wrote. */
export const redisPassword = 'sesame@door/7';

/** One `redis-server` on loopback, that can be taken away and come back on its port. */
export type RedisNode = {
  port: number;
  url: string;
  /** Ends it as a crash would (SIGKILL). */
  kill: () => Promise<void>;
  /** Starts it again, with what it had on disk. */
  start: () => Promise<void>;
  /** Lets it hold its connections and answer nothing, until `thaw`. */
  freeze: () => void;
  thaw: () => void;
  /** The process that runs at the moment. */
  pid: () => number;
  /** Sends it one command. */
  command: (name: string, ...words: (string | number)[]) => Promise<unknown>;
};

const startTimeoutMs = 10_000;
/** A node that is frozen would keep a command for ever. */
const commandMsMax = 2_000;

/** Starts `redis-server` with these arguments, which name its port and password, and waits until it answers. */
export async function startRedisNode(port: number, words: string[], password = ''): Promise<RedisNode> {
  const program = await installedProgram('redis-server', 'redis-server');
  const launch = () =>
    // Its own session: Ctrl-C in a terminal must not end it before those who use it.
    Bun.spawn([program, ...words], { detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
  let server = launch();
  const login = password === '' ? '' : `:${encodeURIComponent(password)}@`;
  const url = `redis://${login}127.0.0.1:${port}`;

  async function command(name: string, ...rest: (string | number)[]): Promise<unknown> {
    const options = { retryStrategy: () => null, enableReadyCheck: false, lazyConnect: true };
    const client = new Redis(url, { ...options, commandTimeout: commandMsMax });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(name, ...rest);
    } finally {
      client.disconnect();
    }
  }

  const untilUp = () => eventually(async () => (await command('PING')) === 'PONG', { withinMs: startTimeoutMs });

  await untilUp();
  return {
    port,
    url,
    kill: async () => {
      server.kill('SIGKILL');
      await server.exited;
    },
    start: async () => {
      server = launch();
      await untilUp();
    },
    freeze: () => server.kill('SIGSTOP'),
    thaw: () => server.kill('SIGCONT'),
    pid: () => server.pid,
    command,
  };
}

/** Arguments for a node that keeps no data on disk. */
export function redisArguments(settings: Record<string, string | number>): string[] {
  const all = { bind: '127.0.0.1', save: '', appendonly: 'no', 'maxmemory-policy': 'noeviction', ...settings };
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** The `name:value` lines that INFO and its like answer. */
export function fieldsOf(answer: unknown): Record<string, string> {
  const lines = String(answer).split('\r\n');
  return Object.fromEntries(lines.map((line) => line.split(/:(.*)/, 2)));
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../standalone/ports.ts';
import { fieldsOf, type RedisNode, redisArguments, redisPassword, startRedisNode } from './redis-node.ts';
import { eventually } from './wait.ts';

export type SentinelGroup = {
  /** For `REDIS_URL`; names every Sentinel. */
  url: string;
  /** The primary it begins with, then its replicas. */
  nodes: RedisNode[];
  sentinels: RedisNode[];
  /** The node that the Sentinels hold for the primary. */
  primary: () => Promise<RedisNode>;
  stop: () => Promise<void>;
};

type SentinelOptions = {
  replicas?: number;
  sentinels?: number;
  /** For how long a primary may be silent before the Sentinels let a replica take over. */
  downAfterMs?: number;
};

const name = 'shop';
const formingMsMax = 20_000;

/** Starts a primary with replicas that Sentinels watch over, on free loopback ports, with passwords; no data is kept on disk. */
export async function startSentinelGroup({
  replicas = 1,
  sentinels: sentinelCount = 3,
  downAfterMs = 1_500,
}: SentinelOptions = {}): Promise<SentinelGroup> {
  const directory = mkdtempSync(join(tmpdir(), 'shop-redis-sentinel-'));
  const nodes: RedisNode[] = [];
  const sentinels: RedisNode[] = [];

  async function startServer(primary?: RedisNode): Promise<void> {
    const port = await freePort();
    const settings = {
      port,
      dir: directory,
      'repl-diskless-sync-delay': 0,
      requirepass: redisPassword,
      masterauth: redisPassword,
    };
    const replication = primary ? ['--replicaof', '127.0.0.1', String(primary.port)] : [];
    nodes.push(await startRedisNode(port, [...redisArguments(settings), ...replication], redisPassword));
  }

  async function startSentinel({ port: primaryPort }: RedisNode): Promise<void> {
    const port = await freePort();
    // A Sentinel writes what it learns into its file.
    const file = join(directory, `sentinel-${port}.conf`);
    const quorum = Math.floor(sentinelCount / 2) + 1;
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `requirepass "${redisPassword}"`,
      `sentinel sentinel-pass "${redisPassword}"`,
      `sentinel monitor ${name} 127.0.0.1 ${primaryPort} ${quorum}`,
      `sentinel auth-pass ${name} "${redisPassword}"`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      `sentinel failover-timeout ${name} ${downAfterMs * 5}`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    sentinels.push(await startRedisNode(port, [file, '--sentinel'], redisPassword));
  }

  async function knowsAll(sentinel: RedisNode): Promise<boolean> {
    const state = fieldsOf(await sentinel.command('INFO', 'sentinel')).master0;
    return state?.endsWith(`slaves=${replicas},sentinels=${sentinelCount}`) ?? false;
  }

  async function stop(): Promise<void> {
    await Promise.all([...sentinels, ...nodes].map((node) => node.kill()));
    rmSync(directory, { recursive: true, force: true });
  }

  try {
    await startServer();
    const [primary] = nodes;
    if (!primary) throw new Error('There is no primary.');
    await Promise.all(Array.from({ length: replicas }, () => startServer(primary)));
    await eventually(
      async () => fieldsOf(await primary.command('INFO', 'replication')).connected_slaves === String(replicas),
      { withinMs: formingMsMax },
    );
    await Promise.all(Array.from({ length: sentinelCount }, () => startSentinel(primary)));
    for (const sentinel of sentinels) await eventually(() => knowsAll(sentinel), { withinMs: formingMsMax });
  } catch (error) {
    await stop();
    throw error;
  }
  const [secret, hosts] = [encodeURIComponent(redisPassword), sentinels.map(({ port }) => `127.0.0.1:${port}`)];
  return {
    url: `redis+sentinel://:${secret}@${hosts.join()}/${name}?sentinel_password=${secret}`,
    nodes,
    sentinels,
    primary: async () => {
      for (const sentinel of sentinels) {
        const address = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name).catch(() => null);
        const found = nodes.find(({ port }) => Array.isArray(address) && String(port) === address[1]);
        if (found) return found;
      }
      throw new Error('No Sentinel answers.');
    },
    stop,
  };
}

import { Cluster, Redis } from 'ioredis';
import { type Link, openLink } from './link.ts';
import { startRedisCluster } from './redis-cluster.ts';
import { redisPassword } from './redis-node.ts';

/** The Redis that one suite has to itself. */
export type RedisBed = {
  /** For the process under test; leads through the link. */
  url: string;
  link: Outages;
  /** For the test itself, past the link. */
  redis: RedisView;
  /** Leaves nothing of it behind. */
  close: () => Promise<void>;
};

/** What a link can do to whatever is behind it. */
export type Outages = Omit<Link, 'port' | 'strand' | 'leadTo'>;

/** What tests ask of Redis, whether its keys are on one server or on several. */
export type RedisView = Pick<Redis, 'exists' | 'get' | 'set' | 'pttl' | 'ttl' | 'pexpire'> & {
  keys: (pattern: string) => Promise<string[]>;
  flushdb: () => Promise<unknown>;
};

/** Opens one of the databases of a Redis. */
export async function openRedisDatabase(serverUrl: string, database: number): Promise<RedisBed> {
  const direct = new URL(serverUrl);
  direct.pathname = `/${database}`;
  const link = await openLink(Number(direct.port));
  const through = new URL(direct);
  through.port = String(link.port);
  const redis = new Redis(direct.href);
  return {
    url: through.href,
    link,
    redis,
    close: async () => {
      await link.cut();
      await redis.flushdb();
      redis.disconnect();
    },
  };
}

/** Starts a Redis Cluster of three nodes, each behind a link of its own. */
export async function openRedisCluster(): Promise<RedisBed> {
  const links = new Map<Link, number>();
  const announce = async (port: number) => {
    const link = await openLink(port);
    links.set(link, port);
    return link.port;
  };
  const cluster = await startRedisCluster({ announce });
  const pastLinks = [...links].map(([link, port]) => [`127.0.0.1:${link.port}`, { host: '127.0.0.1', port }]);
  const client = new Cluster(
    cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    {
      natMap: Object.fromEntries(pastLinks),
      redisOptions: { password: redisPassword },
    },
  );
  const onAllNodes = <Answer>(ask: (node: Redis) => Promise<Answer>) => Promise.all(client.nodes('master').map(ask));
  const each = (act: (link: Link) => unknown) => [...links.keys()].map(act);
  return {
    url: cluster.url,
    link: {
      cut: async () => void (await Promise.all(each((link) => link.cut()))),
      restore: async () => void (await Promise.all(each((link) => link.restore()))),
      hang: () => void each((link) => link.hang()),
      drop: () => void each((link) => link.drop()),
    },
    redis: {
      exists: client.exists.bind(client),
      get: client.get.bind(client),
      set: client.set.bind(client),
      pttl: client.pttl.bind(client),
      ttl: client.ttl.bind(client),
      pexpire: client.pexpire.bind(client),
      keys: async (pattern) => (await onAllNodes((node) => node.keys(pattern))).flat(),
      flushdb: () => onAllNodes((node) => node.flushdb()),
    },
    close: async () => {
      client.disconnect();
      await Promise.all(each((link) => link.cut()));
      await cluster.stop();
    },
  };
}

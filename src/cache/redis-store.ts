import { isCluster, type RedisClient } from '../lib/redis.ts';
import type { Store } from './store.ts';

/**
 * A store on a connection that the caller closes. It is up when the server is; in a Cluster, when the nodes are that
 * have `keys`.
 */
export function createRedisStore(redis: RedisClient, keys: string[]): Store {
  // In a Cluster the keys may be on different nodes, each of which is asked at the same time.
  const [getMany, probe] = isCluster(redis)
    ? [
        (wanted: string[]) => Promise.all(wanted.map((key) => redis.get(key))),
        () => Promise.all(keys.map((key) => redis.exists(key))),
      ]
    : [(wanted: string[]) => redis.mget(wanted), () => redis.ping()];
  return {
    getMany,
    set: async (key, value, ttlMs) => {
      await redis.set(key, value, 'PX', ttlMs);
    },
    setIfAbsent: async (key, value, ttlMs) => (await redis.set(key, value, 'PX', ttlMs, 'NX', 'GET')) ?? value,
    status: () =>
      probe().then(
        () => 'up' as const,
        () => 'down' as const,
      ),
    close: async () => {},
  };
}

/**
 * Tells whenever what is in Redis may be older than what this process has seen of it: it has connected, or, in a
 * Cluster, lost a node or found others in charge.
 */
export function onRenewal(redis: RedisClient, ending: AbortSignal, renewed: () => void): void {
  const tell = () => {
    if (!ending.aborted) renewed();
  };
  redis.on('ready', tell);
  if (!isCluster(redis)) return;
  redis.on('+node', (node) => node.once('ready', () => node.once('end', tell)));
  let known = '';
  redis.on('refresh', () => {
    const inCharge = redis
      .nodes('master')
      .map(({ options }) => `${options.host}:${options.port}`)
      .sort()
      .join(' ');
    if (known !== '' && inCharge !== known) tell();
    known = inCharge;
  });
}

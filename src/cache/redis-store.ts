import { Redis } from 'ioredis';
import type { Store } from './store.ts';

/** A cache that takes longer than this is slower than the query that it saves. */
const commandTimeoutMs = 150;
const reconnectDelayMsMax = 500;

/**
 * Opens the cache's own connection: it gives up in milliseconds and never queues commands for a server that is away.
 */
export function connectCacheRedis(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempts) => Math.min(attempts * 50, reconnectDelayMsMax),
  });
  redis.on('error', onError);
  return redis;
}

/** A store on a connection that the caller closes. */
export function createRedisStore(redis: Redis): Store {
  return {
    getMany: (keys) => redis.mget(keys),
    set: async (key, value, ttlMs) => {
      await redis.set(key, value, 'PX', ttlMs);
    },
    setIfAbsent: async (key, value, ttlMs) => (await redis.set(key, value, 'PX', ttlMs, 'NX', 'GET')) ?? value,
    status: () =>
      redis.ping().then(
        () => 'up' as const,
        () => 'down' as const,
      ),
    close: async () => {},
  };
}

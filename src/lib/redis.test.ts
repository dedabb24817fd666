import { afterEach, describe, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import type { RedisPlace } from '../settings.ts';
import { connectRedis, isCluster, openQueueConnection, type RedisProfile } from './redis.ts';

const nobody = { username: '', password: '' };
const nodes = [{ host: '127.0.0.1', port: 1 }];
const server: RedisPlace = { kind: 'server', url: 'redis://127.0.0.1:1' };
const cluster: RedisPlace = { kind: 'cluster', nodes, login: nobody, tls: false };
const sentinel: RedisPlace = {
  kind: 'sentinel',
  nodes,
  name: 'shop',
  database: 3,
  login: nobody,
  sentinelLogin: nobody,
  tls: false,
};

const opened: { disconnect: () => void }[] = [];

afterEach(() => {
  for (const connection of opened.splice(0)) connection.disconnect();
});

/** How a connection to one node behaves, and after which pauses it tries to come back. */
function mannersOf(place: RedisPlace, profile: RedisProfile): { found: Record<string, unknown>; pauses: unknown[] } {
  const connection = connectRedis(place, profile, () => {});
  opened.push(connection);
  const { options } = connection;
  const nodeOptions = isCluster(connection) ? connection.options.redisOptions : {};
  const strategy = isCluster(connection) ? connection.options.clusterRetryStrategy : connection.options.retryStrategy;
  return {
    found: Object.fromEntries(Object.entries({ ...options, ...nodeOptions })),
    pauses: attempts.map((attempt) => strategy?.(attempt)),
  };
}

const attempts = [1, 2, 4, 1_000_000];
const manners = {
  cache: {
    commandTimeout: 150,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  },
  request: { commandTimeout: 2_000, connectTimeout: 1_000, enableOfflineQueue: false, maxRetriesPerRequest: 1 },
  worker: { commandTimeout: undefined, connectTimeout: 2_000, enableOfflineQueue: true, maxRetriesPerRequest: null },
};
/** After each of those attempts, in ms. */
const pauses = {
  cache: [50, 100, 200, 500],
  request: [100, 200, 400, 1_000],
  worker: [100, 200, 400, 1_000],
};
const silenceMsMax = { cache: 2_000, request: 3_000, worker: 8_000 };
const profiles = ['cache', 'request', 'worker'] as const;

/** `expected` as ioredis holds it: what is not given has a default of its own. */
const held = (expected: object) =>
  Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined));

describe('connectRedis', () => {
  describe.each(profiles)('as %s', (profile) => {
    test.each([
      ['one server', server],
      ['a Cluster', cluster],
      ['what Sentinels name', sentinel],
    ])('to %s › waits, queues and tries again as far as that profile may', (_what, place) => {
      const connection = mannersOf(place, profile);
      expect(connection.found).toMatchObject(held(manners[profile]));
      expect(connection.found.commandTimeout).toBe(manners[profile].commandTimeout);
      expect(connection.pauses).toEqual(pauses[profile]);
    });

    test.each([
      ['a Cluster', cluster],
      ['what Sentinels name', sentinel],
    ])('to %s › leaves a server that says nothing', (_what, place) => {
      expect(mannersOf(place, profile).found.socketTimeout).toBe(silenceMsMax[profile]);
    });
  });

  test('as cache, to a Cluster › waits for no other node', () => {
    expect(mannersOf(cluster, 'cache').found).toMatchObject({ retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 });
  });

  test('as worker, to a Cluster › follows it wherever a slot goes', () => {
    expect(mannersOf(cluster, 'worker').found.maxRedirections).toBe(Number.POSITIVE_INFINITY);
  });

  test('to what Sentinels name › asks them no longer and no less often than the server', () => {
    const { found } = mannersOf(sentinel, 'request');
    expect(found).toMatchObject({ name: 'shop', db: 3, sentinels: nodes, sentinelCommandTimeout: 1_000 });
    expect(found.sentinelRetryStrategy).toBe(found.retryStrategy);
  });

  test('as request, to a server that takes connections and says nothing › gives up after two seconds', async () => {
    const silent = createServer(() => {});
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, '127.0.0.1', () => {
        const address = silent.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    const connection = connectRedis({ kind: 'server', url: `redis://127.0.0.1:${port}` }, 'request', () => {});
    opened.push(connection);
    await new Promise((resolve) => connection.once('connect', resolve));
    const startedAt = performance.now();
    await expect(connection.info()).rejects.toThrow('Command timed out');
    expect(performance.now() - startedAt).toBeGreaterThan(1_900);
    silent.close();
  });

  test.each(['cache', 'request'] as const)(
    'as %s, to a server that is away › refuses a command at once',
    async (profile) => {
      const connection = connectRedis(server, profile, () => {});
      opened.push(connection);
      await expect(connection.get('x')).rejects.toThrow("Stream isn't writeable");
    },
  );
});

describe('openQueueConnection', () => {
  test.each([
    ['one server', server, 'request'],
    ['one server', server, 'worker'],
    ['what Sentinels name', sentinel, 'request'],
    ['what Sentinels name', sentinel, 'worker'],
  ] as const)('to %s › has the manners of that profile', (_what, place, profile) => {
    const { connection, close } = openQueueConnection(place, profile, () => {});
    if (isCluster(connection)) throw new Error('This is no Cluster.');
    const { url, ...options } = { url: undefined, ...connection };
    const redis =
      url === undefined
        ? new Redis({ ...options, lazyConnect: true })
        : new Redis(url, { ...options, lazyConnect: true });
    opened.push(redis);
    expect(redis.options).toMatchObject(held(manners[profile]));
    expect(attempts.map((attempt) => redis.options.retryStrategy?.(attempt))).toEqual(pauses[profile]);
    close();
  });

  test('to a Cluster › has the manners of that profile', () => {
    const { connection, close } = openQueueConnection(cluster, 'worker', () => {});
    if (!isCluster(connection)) throw new Error('This is no Cluster.');
    expect({ ...connection.options, ...connection.options.redisOptions }).toMatchObject(held(manners.worker));
    close();
  });
});

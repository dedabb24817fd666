import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { versionKey } from '../src/cache/versions.ts';
import { keyPrefix, mailQueue } from '../src/jobs/queue-names.ts';
import { connectRedis, isRedisAway, type RedisProfile } from '../src/lib/redis.ts';
import { readSettings } from '../src/settings.ts';
import { createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

let shop: Shop;
let adminToken: string;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  adminToken = await signInAdmin(shop.url);
});

afterEach(() => shop.redisLink.restore());

afterAll(() => shop.stop());

/** Runs `work` on a connection to the Redis of this suite, made as the processes make theirs, once it is ready. */
async function onConnection(
  profile: RedisProfile,
  work: (redis: ReturnType<typeof connectRedis>) => Promise<void>,
): Promise<void> {
  const { redis: place } = readSettings({ REDIS_URL: shop.redisUrl });
  if (!place) throw new Error('There is no Redis.');
  const redis = connectRedis(place, profile, () => {});
  try {
    await eventually(() => redis.status === 'ready');
    await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** What a command failed with, and after how long. */
async function failure(command: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const startedAt = performance.now();
  const error = await command.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - startedAt };
}

describe('a connection to Redis', () => {
  describe('when the server holds it and answers nothing', () => {
    test.each([
      ['of the cache', 'cache', 1_000],
      ['of a request', 'request', 3_500],
    ] as const)('%s gives a command up in time', async (_whose, profile, msMax) => {
      await onConnection(profile, async (redis) => {
        await redis.get('a');
        shop.redisLink.hang();
        const { error, tookMs } = await failure(redis.get('a'));
        expect(isRedisAway(error)).toBe(true);
        expect(tookMs).toBeLessThan(givenLoad(msMax));
      });
    });
  });

  describe('when the server is away', () => {
    test.each(['cache', 'request'] as const)(
      'of a %s › refuses a command, and does not send it later',
      async (profile) => {
        const key = `late-${randomUUID()}`;
        await onConnection(profile, async (redis) => {
          await shop.redisLink.cut();
          await eventually(() => redis.status !== 'ready');
          // Refused at once, and not for having waited.
          const { error } = await failure(redis.set(key, '1', 'PX', 60_000));
          expect(isRedisAway(error)).toBe(true);
          expect(String(error)).toContain('enableOfflineQueue');
          await shop.redisLink.restore();
          await eventually(() => redis.status === 'ready');
          expect(await redis.get(key)).toBeNull();
        });
      },
    );

    test.each(['cache', 'request', 'worker'] as const)(
      'of a %s › is made again about once a second, however long that takes',
      async (profile) => {
        await onConnection(profile, async (redis) => {
          const { retryStrategy, clusterRetryStrategy } = redis.options as Partial<
            Record<'retryStrategy' | 'clusterRetryStrategy', (attempts: number) => number>
          >;
          const pauseMs = retryStrategy ?? clusterRetryStrategy ?? (() => Number.NaN);
          for (const attempts of [1, 2, 10, 100, 10_000]) expect(pauseMs(attempts)).toBeWithin(1, 1_001);
        });
      },
    );
  });
});

describe('the cached lists', () => {
  type List = { data: { name: string }[] };

  function listOn(api: number, name: string) {
    return request<List>(shop.api(api).url, 'GET', `/api/products?q=${name}&sort=name`);
  }

  const seen = async (api: number, name: string) => {
    const { body, headers } = await listOn(api, name);
    return { from: headers.get('X-Cache'), names: body.data.map((product) => product.name) };
  };

  describe('when Redis was gone and is back with what it had before the last write', () => {
    test('are read again, on every API', async () => {
      const name = `mug${randomUUID().replaceAll('-', '')}`;
      const { id } = await createProduct(shop.url, adminToken, { name });
      for (const api of [0, 1]) {
        const { names } = await eventually(async () => {
          const found = await seen(api, name);
          return found.from === 'HIT' && found;
        });
        expect(names).toEqual([name]);
      }
      const before = (await shop.redis.get(versionKey('products'))) ?? '';
      const body = { name: `${name} new`, priceCents: 1, stock: 1 };
      expect((await request(shop.url, 'PUT', `/api/products/${id}`, { token: adminToken, body })).status).toBe(200);
      await shop.redisLink.cut();
      for (const api of [0, 1]) {
        await eventually(async () => (await seen(api, name)).from === 'BYPASS');
      }
      // As from a snapshot that was made before the write.
      await shop.redis.set(versionKey('products'), before, 'PX', 60_000);
      await shop.redisLink.restore();
      for (const api of [0, 1]) {
        const first = await eventually(async () => {
          const found = await seen(api, name);
          return found.from !== 'BYPASS' && found;
        });
        expect(first.names).toEqual([`${name} new`]);
      }
      expect(await shop.redis.get(versionKey('products'))).not.toBe(before);
    });
  });
});

describe('POST /api/orders', () => {
  describe('when Redis holds its connections and answers nothing', () => {
    test('answers at once, and gives the queue up before anything else gives up on it', async () => {
      const buyer = await registerCustomer(shop.url);
      const { id } = await createProduct(shop.url, adminToken, { stock: 10 });
      const place = () => placeOrder(shop.api(0).url, buyer.token, [{ productId: id, quantity: 1 }]);
      await place();
      await eventually(async () => (await shop.redis.keys(`${keyPrefix}:${mailQueue}:wait`)).length > 0);
      shop.redisLink.hang();
      await place();
      const told = () =>
        shop
          .api(0)
          .log()
          .filter(({ msg }) => msg === 'the mail queue is out of reach');
      await eventually(() => told().length > 0, { withinMs: 10_000 });
      expect(JSON.stringify(told())).toContain('Command timed out');
    });
  });
});

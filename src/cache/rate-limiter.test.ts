import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { type Link, openLink } from '../../tests/support/link.ts';
import { type RedisServer, startRedis } from '../../tests/support/redis-server.ts';
import { connectRedis, type RedisClient } from '../lib/redis.ts';
import { createRateLimiter } from './rate-limiter.ts';

const limiterOf = (points: number) =>
  createRateLimiter(null, { keyPrefix: 'test', points, durationSeconds: 60, refusal: 'Too many.' });
const limited = expect.objectContaining({ code: 'rate_limited' });

describe('createRateLimiter', () => {
  describe('when a key has taken its points', () => {
    test('refuses one more, which takes nothing', async () => {
      const { take, giveBack } = limiterOf(2);
      await take('a');
      await take('a');
      for (let time = 0; time < 5; time += 1) await expect(take('a')).rejects.toEqual(limited);
      await giveBack('a');
      await take('a');
      await expect(take('a')).rejects.toEqual(limited);
      await take('b');
    });
  });

  describe('when more is given back than was taken', () => {
    test('leaves no credit', async () => {
      const { take, giveBack } = limiterOf(1);
      await giveBack('a');
      await take('a');
      await expect(take('a')).rejects.toEqual(limited);
    });
  });

  describe('when it counts in memory and keys never end', () => {
    test('forgets those used longest ago, and none used since', async () => {
      const { take } = limiterOf(1);
      await take('first');
      await take('used since');
      for (let number = 0; number < 19_999; number += 1) {
        await take(`flood ${number}`);
        if (number === 10_000) await expect(take('used since')).rejects.toEqual(limited);
      }
      await take('first');
      await expect(take('used since')).rejects.toEqual(limited);
    });
  });

  describe('when it counts in a Redis that falls silent', () => {
    let server: RedisServer;
    let link: Link;
    let redis: RedisClient;
    let redisOfOthers: RedisClient;

    beforeAll(async () => {
      server = await startRedis({ databases: 1 });
      const url = new URL(server.url);
      const connect = (to: URL) => connectRedis({ kind: 'server', url: to.href }, 'cache', () => {});
      redisOfOthers = connect(url);
      link = await openLink(Number(url.port));
      url.port = String(link.port);
      redis = connect(url);
      for (const client of [redis, redisOfOthers]) {
        if (client.status !== 'ready') await new Promise((resolve) => client.once('ready', resolve));
      }
    });

    afterAll(async () => {
      redis.disconnect();
      redisOfOthers.disconnect();
      await link.cut();
      await server.stop();
    });

    /** Limiters of two processes. */
    function limiters(points: number) {
      const options = { keyPrefix: randomUUID(), points, durationSeconds: 60, refusal: 'Too many.' };
      return { own: createRateLimiter(redis, options), others: createRateLimiter(redisOfOthers, options) };
    }

    test('goes on from what all processes had counted, and neither loses a point nor takes one twice', async () => {
      const { own, others } = limiters(6);
      await others.take('a');
      for (let time = 0; time < 3; time += 1) await own.take('a');
      await own.giveBack('a');
      link.hang();
      await own.take('a');
      await own.take('a');
      await own.take('a');
      await expect(own.take('a')).rejects.toEqual(limited);
      await link.restore();
      await expect(own.take('a')).rejects.toEqual(limited);
      await expect(others.take('a')).rejects.toEqual(limited);
    });

    test('starts afresh there as well, when another process has cleared the key', async () => {
      const { own, others } = limiters(2);
      await own.take('a');
      await own.take('a');
      await others.clear('a');
      await own.take('a');
      link.hang();
      await own.take('a');
      await expect(own.take('a')).rejects.toEqual(limited);
      await link.restore();
    });
  });
});

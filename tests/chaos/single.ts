import { join } from 'node:path';
import {
  instant,
  mailFaults,
  nothingToEnd,
  postgresFaults,
  processFaults,
  receiverFaults,
  redisFaults,
  switchOver,
} from './faults.ts';
import { type ChaosPostgres, type ChaosRedis, startChaosPostgres, startChaosRedis } from './servers.ts';
import { type ChaosShop, startChaosShop } from './shop.ts';
import type { Fault, Topology } from './topology.ts';

/** A shop on one Postgres and one Redis. */
type SingleShop = ChaosShop & { postgres: ChaosPostgres; redis: ChaosRedis };

const processes = 2;

const faults = {
  ...processFaults,
  'Redis killed, back empty': {
    target: 'redis',
    durationMs: [500, 4_000],
    begin: async ({ redis }) => {
      await redis.kill();
      return redis.start;
    },
  },
  'Redis wiped': {
    target: 'redis',
    durationMs: instant,
    begin: async ({ redis }) => {
      await redis.wipe();
      return nothingToEnd;
    },
  },
  'Redis frozen (SIGSTOP)': {
    target: 'redis',
    durationMs: [1_000, 5_000],
    begin: async ({ redis }) => {
      redis.freeze();
      return redis.thaw;
    },
  },
  'Redis frozen (CLIENT PAUSE)': {
    target: 'redis',
    durationMs: [1_000, 5_000],
    begin: async ({ redis }, { durationMs }) => {
      await redis.pause(durationMs);
      return nothingToEnd;
    },
  },
  'Redis slow (300 ms)': {
    target: 'redis',
    durationMs: [1_000, 4_000],
    begin: async ({ redis }) => {
      redis.setDelay(300);
      return () => redis.setDelay(0);
    },
  },
  ...postgresFaults,
  'Postgres frozen (SIGSTOP)': {
    target: 'postgres',
    durationMs: [1_000, 6_000],
    begin: ({ postgres }) => postgres.freeze(),
  },
  'Postgres sessions read-only': switchOver,
  ...redisFaults(async ({ redis }: SingleShop) => redis),
  'Redis demoted (READONLY)': {
    target: 'redis',
    durationMs: [500, 4_000],
    begin: async ({ redis }) => {
      // Nobody listens there.
      await redis.command('REPLICAOF', '127.0.0.1', 1);
      return () => redis.command('REPLICAOF', 'NO', 'ONE');
    },
  },
  'Redis lets nobody connect': {
    target: 'redis',
    durationMs: [500, 4_000],
    begin: ({ redis }) => redis.lockOut(),
  },
  ...mailFaults,
  ...receiverFaults,
} satisfies Record<string, Fault<SingleShop>>;

export type SingleFault = keyof typeof faults;

/** Two APIs and two workers on a Postgres and a Redis of their own. */
export const single: Topology<SingleShop, SingleFault> = {
  processes,
  faults,
  start: (options) =>
    startChaosShop({ ...options, processes }, async (directory, tearDown, prepare) => {
      const redis = await startChaosRedis();
      tearDown.push(redis.stop);
      const database = await startChaosPostgres(join(directory, 'postgres'));
      tearDown.push(database.stop);
      return {
        servers: { postgres: database, redis },
        env: { DATABASE_URL: await prepare(database.url), REDIS_URL: redis.url },
      };
    }),
};

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { instant, nothingToEnd, postgresFaults, processFaults } from './faults.ts';
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
  'Postgres connections terminated': {
    target: 'postgres',
    durationMs: [0, 2_000],
    begin: async ({ postgres }, { durationMs }) => {
      const terminating = terminateConnections(postgres, durationMs);
      return () => terminating;
    },
  },
  'mail server refuses (450)': mailFault('refuses'),
  'mail server greets with 554': mailFault('greets with 554'),
  'mail server hangs in DATA': mailFault('hangs'),
  'mail server hangs up in DATA': mailFault('hangs up'),
  'mail server accepts without 250': mailFault('unacknowledged'),
} satisfies Record<string, Fault<SingleShop>>;

export type SingleFault = keyof typeof faults;

/** Two APIs and two workers on a Postgres and a Redis of their own. */
export const single: Topology<SingleShop, SingleFault> = {
  processes,
  faults,
  start: (options) =>
    startChaosShop({ ...options, processes }, async (directory, tearDown) => {
      const redis = await startChaosRedis();
      tearDown.push(redis.stop);
      const database = await startChaosPostgres(join(directory, 'postgres'));
      tearDown.push(database.stop);
      return {
        servers: { postgres: database, redis },
        env: { DATABASE_URL: database.url, REDIS_URL: redis.url },
      };
    }),
};

function mailFault(behaviour: Parameters<ChaosShop['mailServer']['behave']>[0]): Fault<ChaosShop> {
  return {
    target: 'mail server',
    durationMs: [500, 4_000],
    begin: async ({ mailServer }) => {
      mailServer.behave(behaviour);
      return () => mailServer.behave('accepts');
    },
  };
}

/** Again and again, so that connections break at every point of a transaction. */
async function terminateConnections(postgres: ChaosPostgres, durationMs: number): Promise<void> {
  const endsAt = Date.now() + durationMs;
  do {
    await postgres.terminateConnections();
    await sleep(50);
  } while (Date.now() < endsAt);
}

import type { ChaosPostgres } from './servers.ts';
import type { ChaosShop } from './shop.ts';
import type { End, Fault } from './topology.ts';

/** The length of a fault that is over at once. */
export const instant = [0, 0] as const;
export const nothingToEnd: End = () => {};

/** Killed processes come back after about a second, as an orchestrator would have it. */
const restartMs = [500, 1_500] as const;

/** What can happen to the processes of any shop. */
export const processFaults = {
  'worker killed': {
    target: 'worker',
    durationMs: restartMs,
    begin: async ({ fleet }, { place }) => {
      await fleet.kill('worker', place);
      return () => fleet.startAgain('worker', place);
    },
  },
  'API killed': {
    target: 'API',
    durationMs: restartMs,
    begin: async ({ fleet }, { place }) => {
      await fleet.kill('api', place);
      return () => fleet.startAgain('api', place);
    },
  },
  'rolling restart': {
    target: 'all processes',
    durationMs: instant,
    begin: async ({ fleet }) => {
      await fleet.roll();
      return nothingToEnd;
    },
  },
} satisfies Record<string, Fault<ChaosShop>>;

/** What can happen to the Postgres of any shop, which comes back with what it had committed. */
export const postgresFaults = {
  'Postgres crashed (immediate)': postgresStop('SIGQUIT'),
  'Postgres restarted (fast)': postgresStop('SIGINT'),
};

function postgresStop(signal: 'SIGQUIT' | 'SIGINT'): Fault<{ postgres: ChaosPostgres }> {
  return {
    target: 'postgres',
    durationMs: [0, 4_000],
    begin: async ({ postgres }) => {
      await postgres.end(signal);
      return postgres.start;
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './journal.ts';
import type { Random } from './random.ts';
import type { ChaosPostgres } from './servers.ts';
import type { ChaosShop } from './shop.ts';

/** A fault that is to come. `place` says which API or worker it hits. */
export type PlannedFault = { kind: FaultKind; durationMs: number; place: number; pauseMs: number };

type Fault = {
  target: Target;
  /** How long it lasts at least and at most; a fault of an instant has none. */
  durationMs: readonly [number, number];
  /** Brings it about; what comes back ends it. */
  begin: (shop: ChaosShop, planned: PlannedFault) => Promise<End>;
};

type End = () => unknown;

const instant = [0, 0] as const;
const nothingToEnd: End = () => {};

function mailFault(manners: Parameters<ChaosShop['mailServer']['behave']>[0]): Fault {
  return {
    target: 'mail server',
    durationMs: [500, 4_000],
    begin: async ({ mailServer }) => {
      mailServer.behave(manners);
      return () => mailServer.behave('accepts');
    },
  };
}

function postgresStop(signal: 'SIGQUIT' | 'SIGINT'): Fault {
  return {
    target: 'postgres',
    durationMs: [0, 4_000],
    begin: async ({ postgres }) => {
      await postgres.end(signal);
      return postgres.start;
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

/** Killed processes come back after about a second, as an orchestrator would have it. */
const restartMs = [500, 1_500] as const;

/** Every kind of fault, by what the report calls it. */
export const faults = {
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
  'Postgres crashed (immediate)': postgresStop('SIGQUIT'),
  'Postgres restarted (fast)': postgresStop('SIGINT'),
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
  'mail server accepts unheard': mailFault('unheard'),
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof faults;

export const faultKinds = Object.keys(faults) as FaultKind[];

/** The faults of a run, for ever: every kind comes once before any comes again. The same draws make the same faults. */
export function* planFaults(random: Random, kinds: readonly FaultKind[]): Generator<PlannedFault, never> {
  for (;;) {
    for (const kind of random.shuffle(kinds)) {
      const [min, max] = faults[kind].durationMs;
      yield {
        kind,
        durationMs: random.between(min, max),
        place: random.between(0, 1),
        pauseMs: random.between(300, 1_500),
      };
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes, treeCpuSeconds } from './processes.ts';
import { watchOthers } from './quiet.ts';
import type { Servers } from './servers.ts';
import { median } from './statistics.ts';

/** What one run of one contender gave. */
export type Load = { count: number; seconds: number; p50Ms: number; p99Ms: number };

/** Something that is measured against others. */
export type Contender = {
  name: string;
  /** The process that does the work; none where only Postgres does. */
  pid?: number;
  load: (seconds: number) => Promise<Load>;
};

/** CPU time by who used it, in microseconds a request. */
export type CpuUs = { server: number; postgres: number; redis: number };

export type Run = { perSecond: number; p50Ms: number; p99Ms: number; cpuUs: CpuUs; othersShare: number };

/** A contender's runs, and the medians over them. */
export type Measured = {
  name: string;
  runs: Run[];
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuUs: CpuUs;
  /** The most memory that its process ever had; null without one. */
  peakBytes: number | null;
};

/** The order of a round: as given, and back the next time, so that a drift of the machine touches all alike. */
export function roundOrder<T>(contenders: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...contenders] : contenders.toReversed();
}

export type RoundOptions = {
  rounds: number;
  secondsPerRun: number;
  warmUpSeconds: number;
  servers: Pick<Servers, 'postgres' | 'redis'>;
  /** Between two runs, so that what one left behind, such as a commit to flush, is not the next one's to bear. */
  settleMs: number;
  /** Called before each round; what it throws ends the measurement. */
  beforeRound: () => Promise<void>;
};

/** Lets contenders take turns, one loaded at a time, and answers what each did. */
export async function measureInRounds(contenders: readonly Contender[], options: RoundOptions): Promise<Measured[]> {
  const { rounds, secondsPerRun, warmUpSeconds, settleMs, servers, beforeRound } = options;
  const runs = new Map(contenders.map(({ name }) => [name, [] as Run[]]));
  for (const contender of warmUpSeconds > 0 ? contenders : []) await contender.load(warmUpSeconds);
  for (let round = 0; round < rounds; round += 1) {
    await beforeRound();
    for (const contender of roundOrder(contenders, round)) {
      await sleep(settleMs);
      runs.get(contender.name)?.push(await measureOnce(contender, secondsPerRun, servers));
    }
  }
  return contenders.map((contender) => summarise(contender, runs.get(contender.name) ?? []));
}

async function measureOnce(
  { pid, load }: Contender,
  seconds: number,
  { postgres, redis }: RoundOptions['servers'],
): Promise<Run> {
  const cpuSeconds = () => ({
    server: pid === undefined ? 0 : treeCpuSeconds(pid),
    postgres: treeCpuSeconds(postgres.pid),
    redis: treeCpuSeconds(redis.pid),
  });
  const othersShare = watchOthers();
  const before = cpuSeconds();
  const { count, seconds: taken, p50Ms, p99Ms } = await load(seconds);
  const after = cpuSeconds();
  const perRequest = (who: keyof CpuUs) => ((after[who] - before[who]) * 1_000_000) / count;
  return {
    perSecond: count / taken,
    p50Ms,
    p99Ms,
    cpuUs: { server: perRequest('server'), postgres: perRequest('postgres'), redis: perRequest('redis') },
    othersShare: othersShare(),
  };
}

function summarise({ name, pid }: Contender, runs: Run[]): Measured {
  const middle = (value: (run: Run) => number) => median(runs.map(value));
  return {
    name,
    runs,
    perSecond: middle((run) => run.perSecond),
    p50Ms: middle((run) => run.p50Ms),
    p99Ms: middle((run) => run.p99Ms),
    cpuUs: {
      server: middle((run) => run.cpuUs.server),
      postgres: middle((run) => run.cpuUs.postgres),
      redis: middle((run) => run.cpuUs.redis),
    },
    peakBytes: pid === undefined ? null : residentBytes(pid).peak,
  };
}

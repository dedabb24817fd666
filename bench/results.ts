import type { Contender, Measured } from './rounds.ts';
import type { Servers } from './servers.ts';
import type { Sizes } from './sizes.ts';
import type { Stage } from './stage.ts';
import { spread } from './statistics.ts';

/** A limit that a figure is held against. */
export type Target = { what: string; value: number; bound: 'at least' | 'at most'; limit: number; unit: string };

export type Table = { columns: string[]; rows: string[][] };

export type Chart = { unit: string; bars: { name: string; value: number; ours: boolean }[] };

export type WorkResult = {
  /** How the figures came about, as a sentence or two. */
  method: string;
  table: Table;
  chart: Chart;
  targets: Target[];
  /** The largest share of the machine that others used during any run. */
  othersShareMax: number;
};

/** What a work is given. */
export type Bench = {
  sizes: Sizes;
  servers: Servers;
  stage: Stage;
  /** Waits for a quiet machine; throws when there is none, or when the run is to end. */
  beforeRound: () => Promise<void>;
  /** Measures contenders in rounds, as large as the run is. */
  measure: (contenders: Contender[]) => Promise<Measured[]>;
};

/** One thing to measure: what `npm run bench -- NAME` asks for. */
export type Work = { name: string; title: string; run: (bench: Bench) => Promise<WorkResult> };

export function isMet({ value, bound, limit }: Target): boolean {
  return bound === 'at least' ? value >= limit : value <= limit;
}

/** By how much a target is met or missed, as a signed share of its limit; positive is better. */
export function margin({ value, bound, limit }: Target): number {
  return (bound === 'at least' ? value - limit : limit - value) / limit;
}

/** A figure with three significant digits, and blanks between its thousands. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '';
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const rounded = digits > 0 ? value.toFixed(Math.min(digits, 2)) : String(Math.round(value));
  const [whole = '', fraction] = rounded.split('.');
  const spaced = whole.replaceAll(/\B(?=(\d{3})+$)/g, ' ');
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

export const percent = (share: number) => `${figure(share * 100)} %`;
export const megabytes = (bytes: number) => bytes / 1_000_000;

/** Finds a contender's figures. */
export function find(measured: Measured[], name: string): Measured {
  const found = measured.find((each) => each.name === name);
  if (!found) throw new Error(`${name} was not measured.`);
  return found;
}

/** Table, chart and disturbance of what was measured in rounds. */
export function describeRounds(
  measured: Measured[],
  unit: string,
): Pick<WorkResult, 'table' | 'chart' | 'othersShareMax'> {
  const rows = measured.map(({ name, runs, perSecond, p50Ms, p99Ms, cpuUs, peakBytes }) => [
    name,
    figure(perSecond),
    percent(spread(runs.map((run) => run.perSecond))),
    figure(p50Ms),
    figure(p99Ms),
    peakBytes === null ? '' : figure(cpuUs.server),
    figure(cpuUs.postgres),
    figure(cpuUs.redis),
    peakBytes === null ? '' : figure(megabytes(peakBytes)),
  ]);
  const columns = [
    '',
    unit,
    'spread',
    'p50 ms',
    'p99 ms',
    'CPU µs a request: server',
    'Postgres',
    'Redis',
    'peak RSS MB',
  ];
  return {
    table: { columns, rows },
    chart: { unit, bars: measured.map(({ name, perSecond }) => ({ name, value: perSecond, ours: isOurs(name) })) },
    othersShareMax: Math.max(...measured.flatMap(({ runs }) => runs.map((run) => run.othersShare))),
  };
}

export function isOurs(name: string): boolean {
  return name.startsWith('shop');
}

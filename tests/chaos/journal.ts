import type { Limits } from './limits.ts';

/** The part of the shop that a fault takes away. */
export type Target =
  | 'postgres'
  | 'replica'
  | 'redis'
  | 'mail server'
  | 'receiver'
  | 'worker'
  | 'API'
  | 'all processes'
  | 'log';

/** What a fault may have refused, by method and path, and from its beginning until when, which is its end by default. */
export type Refusals = { requests?: RegExp; within?: keyof Limits };

/** A fault as it happened; moments are Unix ms, null while it has not come to that. */
export type FaultRecord = {
  kind: string;
  target: Target;
  refuses: Refusals;
  /** What processes may log as errors because of it. */
  errors: RegExp | null;
  startedAt: number;
  endedAt: number | null;
  recoveredAt: number | null;
};

/** A promise that was not kept, with the cases in point. */
export type Breach = { promise: string; cases: string[] };

/** Everything that a run has seen and that its report is made of. */
export type Journal = {
  faults: FaultRecord[];
  /** The faults at a target that some part of this time was affected by, until the shop had recovered from them. */
  affecting: (target: Target, from: number, to: number) => FaultRecord[];
  /** Whether the shop has recovered from every fault so far. */
  isQuiet: () => boolean;
  /** Counts an event under a name, such as a status code. */
  count: (name: string) => void;
  counts: ReadonlyMap<string, number>;
  /** Keeps a duration under a name. */
  took: (name: string, ms: number) => void;
  durationsMs: (name: string) => readonly number[];
  /** Notes that a promise was broken. */
  breach: (promise: string, case_: string) => void;
  breaches: () => Breach[];
};

export function createJournal(): Journal {
  const faults: FaultRecord[] = [];
  const counts = new Map<string, number>();
  const durations = new Map<string, number[]>();
  const breaches = new Map<string, string[]>();

  return {
    faults,
    affecting: (target, from, to) =>
      faults.filter(
        (fault) =>
          fault.target === target && fault.startedAt <= to && (fault.recoveredAt ?? Number.POSITIVE_INFINITY) >= from,
      ),
    isQuiet: () => faults.every(({ recoveredAt }) => recoveredAt !== null),
    counts,
    count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    took: (name, ms) => void append(durations, name, ms),
    durationsMs: (name) => durations.get(name) ?? [],
    breach: (promise, case_) => void append(breaches, promise, case_),
    breaches: () => [...breaches].map(([promise, cases]) => ({ promise, cases })),
  };
}

function append<Value>(lists: Map<string, Value[]>, name: string, value: Value): void {
  const list = lists.get(name);
  if (list) list.push(value);
  else lists.set(name, [value]);
}

/** The value below which `share` (0 to 1) of the values lie; NaN when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

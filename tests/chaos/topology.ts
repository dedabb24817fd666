import type { Refusals, Target } from './journal.ts';
import type { Random } from './random.ts';
import type { ChaosShop, StartOptions } from './shop.ts';

/** A shop of one build, and everything that can happen to it. */
export type Topology<Shop extends ChaosShop, Kind extends string> = {
  /** How many APIs there are, and how many workers. */
  processes: number;
  start: (options: StartOptions) => Promise<Shop>;
  /** By what the report calls them. */
  faults: Record<Kind, Fault<Shop>>;
};

export type Fault<Shop> = {
  target: Target;
  /** How long it lasts at least and at most; a fault of an instant has none. */
  durationMs: readonly [number, number];
  /** What may be answered 503 because of it, if it is at Postgres: everything by default. */
  refuses?: Refusals;
  /** What processes may log as errors because of it. */
  errors?: RegExp | null;
  /** Brings it about; what comes back ends it. */
  begin: (shop: Shop, planned: Hit) => Promise<End>;
};

/** `place` says which API, worker or node it hits; `choose` chooses among what else it may hit. */
export type Hit = { durationMs: number; place: number; choose: Random['pick'] };

export type End = () => unknown;

/** A fault that is to come. */
export type PlannedFault<Kind> = Hit & { kind: Kind; pauseMs: number };

/** The faults of a run, without end: every kind comes once before any comes again. The same draws make the same faults. */
export function* planFaults<Shop extends ChaosShop, Kind extends string>(
  random: Random,
  { faults, processes }: Topology<Shop, Kind>,
  kinds: readonly Kind[],
): Generator<PlannedFault<Kind>, never> {
  for (;;) {
    for (const kind of random.shuffle(kinds)) {
      const [min, max] = faults[kind].durationMs;
      yield {
        kind,
        durationMs: random.between(min, max),
        place: random.between(0, processes - 1),
        choose: random.pick,
        pauseMs: random.between(300, 1_500),
      };
    }
  }
}

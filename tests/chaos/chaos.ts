import { setTimeout as sleep } from 'node:timers/promises';
import { signInAdmin } from '../support/client.ts';
import { eventually } from '../support/wait.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { type Client, createClient } from './client.ts';
import { gatherCrowd } from './crowd.ts';
import { createCustomers } from './customers.ts';
import { createExpectations } from './expectations.ts';
import { checkStock } from './invariants.ts';
import { createJournal, type FaultRecord, type Journal } from './journal.ts';
import { judge, type Verdict } from './judge.ts';
import { type Limits, limitsWith } from './limits.ts';
import { startLoad } from './load.ts';
import { createPlaceOrder, type PlaceOrder } from './orders.ts';
import { seededRandom } from './random.ts';
import { readProducts } from './records.ts';
import { awaitRecovery, awaitRest } from './recovery.ts';
import type { ChaosShop } from './shop.ts';
import { type Fault, type PlannedFault, planFaults, type Topology } from './topology.ts';
import { createWebhook } from './webhook.ts';

export type LoadOptions = {
  seed: number;
  /** Actions begun per second, on average. */
  rate: number;
  /** Where the code is that the processes run, when it is another than this. */
  code?: string;
  /** Makes the promises about time so many times longer, for a machine that has other work to do. */
  patience?: number;
  /** For what the processes print; it exists. */
  logDirectory: string;
  /** Ends the run early. */
  signal?: AbortSignal;
  /** Called with the state of the run, once a second. */
  onProgress?: (progress: Progress) => void;
};

export type ChaosOptions<Kind> = LoadOptions & {
  /** How long new faults begin. */
  loadMs: number;
  /** Every kind that the shop knows, by default. */
  kinds?: readonly Kind[];
};

/** A shop under load, for what is to happen to it. */
export type Scene<Shop = ChaosShop> = {
  shop: Shop;
  placeOrder: PlaceOrder;
  journal: Journal;
  limits: Limits;
  signal: AbortSignal;
};

export type Progress = { elapsedMs: number; journal: Journal; underWay: number; acknowledged: number };

/** What a run has found, once nothing is left to do. */
export type ChaosResult = Verdict & {
  seed: number;
  journal: Journal;
  loadMs: number;
  /** From the end of the load until every order was in a final state, and every mail and delivery was out. */
  settledMs: number;
};

const progressEveryMs = 1_000;
const monitorEveryMs = 2_000;
const lookAfterEveryMs = 1_000;

/**
 * Runs a whole shop under load while faults come and go, lets it settle, and holds what is left against the promises.
 * @throws when the run itself fails or is interrupted; a broken promise is in the journal
 */
export function runChaos<Shop extends ChaosShop, Kind extends string>(
  topology: Topology<Shop, Kind>,
  options: ChaosOptions<Kind>,
): Promise<ChaosResult> {
  const { seed, loadMs, kinds = Object.keys(topology.faults) as Kind[] } = options;
  return runUnderLoad(topology, options, async (scene) => {
    const startedAt = Date.now();
    for (const planned of planFaults(seededRandom(seed), topology, kinds)) {
      await sleep(planned.pauseMs, undefined, { signal: scene.signal });
      if (Date.now() - startedAt > loadMs) break;
      const fault = await inflict(topology.faults[planned.kind], planned, scene);
      await awaitRecovery(fault, scene);
    }
  });
}

/**
 * Runs a whole shop under load while something happens to it, and goes on as `runChaos` does.
 * @throws as `runChaos` does
 */
export async function runUnderLoad<Shop extends ChaosShop>(
  topology: Pick<Topology<Shop, string>, 'start'>,
  options: LoadOptions,
  happen: (scene: Scene<Shop>) => Promise<void>,
): Promise<ChaosResult> {
  const { seed, rate, code, patience = 1, logDirectory, onProgress } = options;
  const { signal = new AbortController().signal } = options;
  const limits = limitsWith(patience);
  const journal = createJournal();
  const expectations = createExpectations(journal);
  const random = seededRandom(seed + 1);
  const shop = await topology.start({ logDirectory, journal, code });
  try {
    signal.throwIfAborted();
    const client = createClient({ fleet: shop.fleet, journal, limits, random });
    const adminToken = await signInAdmin(shop.fleet.anyApi(random).url);
    // The code from before may know no webhooks.
    const webhook =
      code === undefined ? await createWebhook({ client, receiver: shop.receiver, adminToken, limits }) : null;
    const catalogue = await createCatalogue({ client, fleet: shop.fleet, adminToken, journal, random });
    const crowd = await gatherCrowd(client, catalogue, random);
    const placeOrder = createPlaceOrder({ client, crowd, expectations, journal, signal });
    const customers = createCustomers({ client, crowd, placeOrder, catalogue, expectations, random, adminToken });

    const startedAt = Date.now();
    const load = startLoad({ crowd, customers, catalogue, staff: code === undefined, rate, random, journal });
    const monitor = repeat(monitorEveryMs, () => lookAtStock(shop, catalogue, journal));
    const caretaker = repeat(lookAfterEveryMs, () => webhook?.lookAfter());
    const reporter = repeat(progressEveryMs, () =>
      onProgress?.({
        elapsedMs: Date.now() - startedAt,
        journal,
        underWay: load.underWay(),
        acknowledged: expectations.acknowledged(),
      }),
    );
    try {
      await happen({ shop, placeOrder, journal, limits, signal });
    } finally {
      await reporter.stop();
      await monitor.stop();
      await caretaker.stop();
      await load.stop();
    }
    const loadEndedAt = Date.now();
    await releaseAll(shop, client, adminToken, limits);
    await webhook?.settle();
    await awaitRest({ shop, journal, limits, signal });
    const settledMs = Date.now() - loadEndedAt;
    const verdict = await judge({ shop, expectations, catalogue, webhook, adminToken, journal, limits });
    return { seed, journal, loadMs: loadEndedAt - startedAt, settledMs, ...verdict };
  } finally {
    await shop.stop();
  }
}

/** Brings a fault about and ends it when its time is over, or the run's is. */
async function inflict<Shop>(
  { target, refuses = {}, errors = null, begin }: Fault<Shop>,
  planned: PlannedFault<string>,
  { shop, journal, signal }: Scene<Shop>,
): Promise<FaultRecord> {
  const { kind, durationMs } = planned;
  const record: FaultRecord = {
    kind,
    target,
    refuses,
    errors,
    startedAt: Date.now(),
    endedAt: null,
    recoveredAt: null,
  };
  journal.faults.push(record);
  const end = await begin(shop, planned);
  try {
    await sleep(durationMs, undefined, { signal });
  } finally {
    await end();
    record.endedAt = Date.now();
  }
  return record;
}

/** Staff release what is still on hold, because it would never come to its end. */
async function releaseAll({ db }: ChaosShop, client: Client, adminToken: string, limits: Limits): Promise<void> {
  await eventually(
    async () => {
      const held = await db<{ id: string }[]>`
        select id from orders where hold_since is not null and deleted_at is null`;
      for (const { id } of held) {
        const call = { method: 'PATCH', path: `/api/orders/release/${id}`, token: adminToken, expected: [200, 409] };
        await client(call);
      }
      return held.length === 0;
    },
    { withinMs: limits.settledMs, everyMs: 200 },
  );
}

/** As far as Postgres lets one look. */
async function lookAtStock({ db }: ChaosShop, { units }: Catalogue, journal: Journal): Promise<void> {
  const products = await readProducts(db).catch(() => null);
  if (!products) return;
  checkStock(products, units, journal.breach);
  journal.count('looks at the stock');
}

/** Does something again and again, with pauses, until it is stopped. */
function repeat(everyMs: number, work: () => unknown): { stop: () => Promise<void> } {
  const ending = new AbortController();
  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      await sleep(everyMs, undefined, { signal: ending.signal }).catch(() => {});
      await work();
    }
  }
  const running = run();
  return {
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

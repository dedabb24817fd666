import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ReadServer, Refusal } from '../db/replicas.ts';

import type { AttemptOutcome } from '../jobs/delivery.ts';
import type { JobName } from '../jobs/workers.ts';
import { droppedLogLines } from '../lib/log-output.ts';
import { type OrderStatus, orderStatuses } from '../schema/orders.ts';
import { version } from './version.ts';

export type ProcessName = 'api' | 'worker';

/** What both processes count, in a registry of their own. */
export type ShopMetrics = {
  registry: Registry;
  /** So many orders have entered a status, by a commit of this process. */
  ordersEntered: (status: OrderStatus, orders: number) => void;
};

const jobNames: JobName[] = ['send-mail', 'send-webhook', 'sweep', 'clean-up'];
const readServers: ReadServer[] = ['primary', 'replica'];
const refusalReasons: Refusal[] = ['behind', 'failed'];
const attemptOutcomes: AttemptOutcome[] = ['sent', 'refused', 'failed'];

/** How often the lag of the event loop is taken: every look wakes a process that has nothing to do. */
const eventLoopLookMs = 50;

/** Opens a registry with what every process tells: what it is, how it fares, which statuses orders enter. */
export function createShopMetrics(name: ProcessName): ShopMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopLookMs });
  new Gauge({
    name: 'shop_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'process', 'runtime'],
    registers: [registry],
  }).set({ version, process: name, runtime: runtime() }, 1);
  new Counter({
    name: 'shop_log_lines_dropped_total',
    help: 'Log lines of this process that found no room where it writes them',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLogLines());
    },
  });
  const entered = new Counter({
    name: 'shop_orders_entered_total',
    help: 'Orders that entered a status by a commit of this process',
    labelNames: ['status'],
    registers: [registry],
  });
  // From zero, because the first step from nothing to one is no increase to Prometheus.
  for (const status of orderStatuses) entered.inc({ status }, 0);
  return { registry, ordersEntered: (status, orders) => entered.inc({ status }, orders) };
}

function runtime(): string {
  const { bun, deno, node } = process.versions as Record<string, string | undefined>;
  if (bun) return `bun ${bun}`;
  return deno ? `deno ${deno}` : `node ${node}`;
}

/** Shows how busy the pool of connections is. */
export function watchPool(registry: Registry, poolSize: number, underWay: () => number): void {
  new Gauge({
    name: 'shop_database_pool_size',
    help: 'Connections to Postgres that this process opens at most for its work',
    registers: [registry],
  }).set(poolSize);
  new Gauge({
    name: 'shop_database_work_running',
    help: 'Transactions and reads under way; more than the pool has connections means that some wait for one',
    registers: [registry],
    collect() {
      this.set(underWay());
    },
  });
}

/** Shows how many orders wait for a batch. */
export function watchOrderBatcher(registry: Registry, waiting: () => number): void {
  new Gauge({
    name: 'orders_waiting',
    help: 'Orders that wait in this process for their batch',
    registers: [registry],
    collect() {
      this.set(waiting());
    },
  });
}

/** @returns what counts a batch of orders by its size */
export function createBatchSizes(registry: Registry): (orders: number) => void {
  const sizes = new Histogram({
    name: 'shop_order_batch_size',
    help: 'Orders that were placed in one transaction',
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers: [registry],
  });
  return (orders) => sizes.observe(orders);
}

/** @returns what counts a read of a cached list */
export function createCacheReads(registry: Registry): (group: string, outcome: string) => void {
  const reads = new Counter({
    name: 'cache_reads_total',
    help: 'Reads of cached lists by outcome: HIT, MISS or BYPASS',
    labelNames: ['group', 'outcome'],
    registers: [registry],
  });
  return (group, outcome) => reads.inc({ group, outcome });
}

/** @returns what counts a list that came from Postgres by its server, and a replica that did not serve one */
export function createListLoads(registry: Registry): {
  onRead: (server: ReadServer) => void;
  onRefused: (reason: Refusal) => void;
} {
  const loads = new Counter({
    name: 'shop_list_loads_total',
    help: 'Lists that were read from Postgres, by the server that answered: primary or replica',
    labelNames: ['server'],
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'shop_replica_refusals_total',
    help: 'Reads that a replica was asked for and did not serve: behind or failed',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const server of readServers) loads.inc({ server }, 0);
  for (const reason of refusalReasons) refusals.inc({ reason }, 0);
  return { onRead: (server) => loads.inc({ server }), onRefused: (reason) => refusals.inc({ reason }) };
}

const attempts = {
  mail: {
    name: 'shop_mail_attempts_total',
    help: 'Mails handed to the mail server by this process, by what became of it',
  },
  webhook: {
    name: 'shop_webhook_attempts_total',
    help: 'Deliveries sent to webhooks by this process, by what became of it',
  },
};

/** @returns what counts an attempt at something of the outbox */
export function createAttempts(registry: Registry, kind: keyof typeof attempts): (outcome: AttemptOutcome) => void {
  const counter = new Counter({ ...attempts[kind], labelNames: ['outcome'], registers: [registry] });
  for (const outcome of attemptOutcomes) counter.inc({ outcome }, 0);
  return (outcome) => counter.inc({ outcome });
}

/** @returns what times a job that has ended */
export function createJobTimes(registry: Registry): (job: JobName, ok: boolean, seconds: number) => void {
  const times = new Histogram({
    name: 'shop_job_duration_seconds',
    help: 'Duration of jobs in seconds; ok is false when the job threw',
    labelNames: ['name', 'ok'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  for (const name of jobNames) for (const ok of ['true', 'false']) times.zero({ name, ok });
  // Not `job`, which Prometheus calls what it scrapes.
  return (name, ok, seconds) => times.observe({ name, ok: String(ok) }, seconds);
}

/** @returns what shows how many products a round of the worker has found whose stock does not add up */
export function createStockMismatches(registry: Registry): (mismatches: number) => void {
  // Made by the first round: before it nobody knows.
  let gauge: Gauge | undefined;
  return (mismatches) => {
    gauge ??= new Gauge({
      name: 'shop_stock_mismatches',
      help: 'Products whose stock and units in live orders are not the sum of their stock changes, at the last round of this worker',
      registers: [registry],
    });
    gauge.set(mismatches);
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import postgres from 'postgres';
import { keyPrefix, mailQueue } from '../../src/jobs/queue-names.ts';
import { makeBacklog } from '../backlog.ts';
import { residentBytes, treeCpuSeconds } from '../processes.ts';
import { watchOthers } from '../quiet.ts';
import { type Bench, figure, megabytes, type Work } from '../results.ts';

const workers = 2;
const pollMs = 100;
const patienceMs = 10 * 60_000;

type Drain = {
  name: string;
  perSecond: number;
  cpuUs: { workers: number; postgres: number };
  /** The largest of the workers' peaks. */
  peakBytes: number;
  /** Memory when all is done over memory half-way, of the worker that grew most. */
  growth: number;
  othersShare: number;
};

export const lifecycle: Work = {
  name: 'lifecycle',
  title: 'Orders that are due move on',
  async run(bench) {
    const { backlogOrders } = bench.sizes;
    const drains = [
      await drain(bench, 'shop, steps alone', { sending: false }),
      await drain(bench, 'shop, mails go out meanwhile', { sending: true }),
    ];
    const [alone] = drains;
    return {
      method: `A backlog of ${figure(backlogOrders)} orders, all one step late and due in the order in which they were placed, is worked off by ${workers} workers. The clock is that of the orders' own histories, from the first batch of steps to the last. A step is its status, its history and its mail in the outbox, and the mail's way into the queue. For the steps alone the queue of mails is paused, as an operator would; nothing else is switched off.`,
      table: {
        columns: ['', 'steps/s', 'CPU µs a step: workers', 'Postgres', 'peak RSS MB', 'RSS at the end / half-way'],
        rows: drains.map(({ name, perSecond, cpuUs, peakBytes, growth }) => [
          name,
          figure(perSecond),
          figure(cpuUs.workers),
          figure(cpuUs.postgres),
          figure(megabytes(peakBytes)),
          figure(growth),
        ]),
      },
      chart: { unit: 'steps/s', bars: drains.map(({ name, perSecond }) => ({ name, value: perSecond, ours: true })) },
      targets: [
        { what: 'Steps alone', value: alone?.perSecond ?? 0, bound: 'at least', limit: 27_000, unit: 'steps/s' },
        {
          what: 'RSS of a worker at the end / half-way, mails or not',
          value: Math.max(...drains.map(({ growth }) => growth)),
          bound: 'at most',
          limit: 1.2,
          unit: '×',
        },
      ],
      othersShareMax: Math.max(...drains.map(({ othersShare }) => othersShare)),
    };
  },
};

async function drain(
  { stage, sizes, servers, beforeRound }: Bench,
  name: string,
  { sending }: { sending: boolean },
): Promise<Drain> {
  const home = await stage.newHome();
  await makeBacklog(home.databaseUrl, sizes.backlogOrders, 'steps');
  if (!sending) await pauseMails(home.redisUrl);
  await beforeRound();

  const sql = postgres(home.databaseUrl, { max: 1 });
  const othersShare = watchOthers();
  const postgresBefore = treeCpuSeconds(servers.postgres.pid);
  const children = Array.from({ length: workers }, () => stage.worker(home));
  const samples: number[][] = children.map(() => []);
  try {
    const endsAt = Date.now() + patienceMs;
    for (;;) {
      const { begun, done } = await progress(sql);
      if (begun) children.forEach(({ pid }, index) => void samples[index]?.push(residentBytes(pid).now));
      if (done) break;
      if (Date.now() > endsAt) throw new Error(`${name}: orders are still pending after ${patienceMs / 60_000} min.`);
      await sleep(pollMs);
    }
    const workersUsed = children.reduce((sum, { pid }) => sum + treeCpuSeconds(pid), 0);
    const postgresUsed = treeCpuSeconds(servers.postgres.pid) - postgresBefore;
    return {
      name,
      perSecond: await stepsPerSecond(sql),
      cpuUs: {
        workers: (workersUsed * 1_000_000) / sizes.backlogOrders,
        postgres: (postgresUsed * 1_000_000) / sizes.backlogOrders,
      },
      peakBytes: Math.max(...children.map(({ pid }) => residentBytes(pid).peak)),
      growth: Math.max(...samples.map(growthOf)),
      othersShare: othersShare(),
    };
  } finally {
    await sql.end();
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function pauseMails(redisUrl: string): Promise<void> {
  const queue = new Queue(mailQueue, { connection: { url: redisUrl }, prefix: keyPrefix });
  await queue.pause();
  await queue.close();
}

/** Whether any order has moved, and whether all have; no more than a look into an index each. */
async function progress(sql: postgres.Sql): Promise<{ begun: boolean; done: boolean }> {
  const [row] = await sql<{ begun: boolean; done: boolean }[]>`
    select exists (select from orders where status = 'processing') as begun,
      not exists (select from orders where status = 'pending') as done`;
  return row ?? { begun: false, done: false };
}

/** A history tells when its batch began, so the last batch only ends the time of those before it. */
async function stepsPerSecond(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ perSecond: number }[]>`
    select (count(*) filter (where at < last) / extract(epoch from min(last) - min(at)))::float8 as "perSecond"
    from (select at, max(at) over () as last from order_history where status = 'processing')`;
  return row?.perSecond ?? 0;
}

function growthOf(samples: number[]): number {
  const halfWay = samples[Math.floor(samples.length / 2)] ?? Number.NaN;
  return (samples.at(-1) ?? Number.NaN) / halfWay;
}

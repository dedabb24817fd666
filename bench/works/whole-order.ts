import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../tests/support/wait.ts';
import { treeCpuSeconds } from '../processes.ts';
import { watchOthers } from '../quiet.ts';
import { type Bench, figure, type Work } from '../results.ts';
import type { Home, PeerName } from '../stage.ts';
import { loadWithWrk } from '../wrk.ts';

const peers: PeerName[] = ['fastify-pg', 'express-sequelize-bull'];
const mailsOfOrder = 4;
const intervalMs = 2_000;
const patienceMs = 10 * 60_000;

type Pair = { url: string; pids: { server: number; worker: number } };

type Whole = {
  name: string;
  orders: number;
  /** By who used it, in ms of CPU an order. */
  cpuMs: { server: number; worker: number; postgres: number; redis: number };
  inAllMs: number;
  othersShare: number;
};

export const wholeOrder: Work = {
  name: 'whole-order',
  title: 'A whole order, from its request to its fourth mail',
  async run(bench) {
    const { stage } = bench;
    const shopInterval = { ORDER_STATUS_INTERVAL: `${intervalMs}ms` };
    const peerInterval = { STATUS_INTERVAL_MS: String(intervalMs) };
    const found = [
      await measureWhole(bench, 'shop', async (home) => {
        const { url, pid } = await stage.shop(home, shopInterval);
        return { url, pids: { server: pid, worker: stage.worker(home, shopInterval).pid } };
      }),
    ];
    for (const name of peers) {
      found.push(
        await measureWhole(bench, name, async (home) => {
          const { url, pid } = await stage.peer(name, home, peerInterval);
          const worker = await stage.peerWorker(name, home, peerInterval);
          return { url, pids: { server: pid, worker: worker.pid } };
        }),
      );
    }
    const [ours, , classic] = found;
    const perHour = ({ inAllMs }: Whole) => 3_600_000 / inAllMs;
    return {
      method: `Orders of two lines by 1 000 customers for ${bench.sizes.secondsPerRun} s, each of which moves on every ${intervalMs / 1_000} s until it is delivered, with a mail for each status. CPU time of the API, one worker, Postgres and Redis from the first request to the last of four mails an order; the mail server's is left out. Every order has its four mails, none twice. The peers send the same mails with nodemailer and move each order by itself.`,
      table: {
        columns: ['', 'orders', 'CPU ms an order', 'API', 'worker', 'Postgres', 'Redis', 'orders an hour a core'],
        rows: found.map((whole) => [
          whole.name,
          figure(whole.orders),
          ...[whole.inAllMs, ...Object.values(whole.cpuMs)].map(figure),
          figure(perHour(whole)),
        ]),
      },
      chart: {
        unit: 'orders an hour a core',
        bars: found.map((whole) => ({ name: whole.name, value: perHour(whole), ours: whole.name === 'shop' })),
      },
      targets: [
        { what: 'CPU of a whole order', value: ours?.inAllMs ?? Number.NaN, bound: 'at most', limit: 2.8, unit: 'ms' },
        {
          what: 'CPU of a whole order / Express + Sequelize + Bull',
          value: (ours?.inAllMs ?? Number.NaN) / (classic?.inAllMs ?? Number.NaN),
          bound: 'at most',
          limit: 0.2,
          unit: '×',
        },
      ],
      othersShareMax: Math.max(...found.map(({ othersShare }) => othersShare)),
    };
  },
};

/** Lets one of them place orders, and waits until the last mail of the last order is there. */
async function measureWhole(
  { stage, servers, sizes, beforeRound }: Bench,
  name: string,
  open: (home: Home) => Promise<Pair>,
): Promise<Whole> {
  const { mail, postgres, redis, tokensFile } = servers;
  const { url, pids } = await open(await stage.newHome());
  // Until its worker is there, too.
  await sleep(1_000 + sizes.settleMs);
  const used = () => ({
    server: treeCpuSeconds(pids.server),
    worker: treeCpuSeconds(pids.worker),
    postgres: treeCpuSeconds(postgres.pid),
    redis: treeCpuSeconds(redis.pid),
  });

  /** Answers how many mails came; wrk does not count the orders that were under way when its time was up. */
  async function placeAndWait(seconds: number): Promise<number> {
    mail.deliveries.length = 0;
    const { connections } = sizes;
    const { count } = await loadWithWrk({ url, mix: { order: 1 }, connections, seconds, tokensFile });
    let arrived = -1;
    await eventually(
      async () => {
        const now = mail.deliveries.length;
        const still = now === arrived && now >= count * mailsOfOrder && now % mailsOfOrder === 0;
        arrived = now;
        return still;
      },
      { withinMs: patienceMs, everyMs: 1.2 * intervalMs },
    );
    return arrived;
  }

  if (sizes.warmUpSeconds > 0) await placeAndWait(sizes.warmUpSeconds);
  await beforeRound();
  const othersShare = watchOthers();
  const before = used();
  const arrived = await placeAndWait(sizes.secondsPerRun);
  const after = used();
  const share = othersShare();
  const orders = arrived / mailsOfOrder;
  const each = (who: keyof typeof before) => ((after[who] - before[who]) * 1_000) / orders;
  const cpuMs = { server: each('server'), worker: each('worker'), postgres: each('postgres'), redis: each('redis') };
  const different = new Set(mail.deliveries.map(({ messageId }) => messageId)).size;
  if (different !== arrived) throw new Error(`${name} sent ${arrived - different} mails twice.`);
  const inAllMs = Object.values(cpuMs).reduce((sum, ms) => sum + ms, 0);
  await stage.close();
  return { name, orders, cpuMs, inAllMs, othersShare: share };
}

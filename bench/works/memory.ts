import { residentBytes } from '../processes.ts';
import { watchOthers } from '../quiet.ts';
import { figure, megabytes, type Work } from '../results.ts';
import { loadWithWrk } from '../wrk.ts';

/** Two orders in ten requests, far more than a shop of this rate of lists would see. */
const mix = { list: 80, order: 20 };

/** What the two processes may have after the load, in MB. */
const memoryMbMax: Record<string, number> = { 'shop, API': 160, 'shop, worker': 170 };

export const memory: Work = {
  name: 'memory',
  title: 'Memory under load',
  async run({ stage, sizes, servers, beforeRound }) {
    const { connections, memorySeconds: seconds } = sizes;
    const home = await stage.newHome();
    const { url, pid } = await stage.shop(home);
    const processes = [
      { name: 'shop, API', pid, atStart: residentBytes(pid).now },
      { name: 'shop, worker', pid: stage.worker(home).pid, atStart: Number.NaN },
    ];
    await beforeRound();
    const othersShare = watchOthers();
    const { count } = await loadWithWrk({ url, mix, connections, seconds, tokensFile: servers.tokensFile });
    const sizesNow = processes.map((each) => ({ ...each, ...residentBytes(each.pid) }));
    return {
      method: `RSS after ${seconds} s of lists (${mix.list} %) and orders (${mix.order} %), ${figure(count)} requests, while one worker sends the mails.`,
      table: {
        columns: ['', 'idle MB', 'after the load MB', 'peak MB'],
        rows: sizesNow.map(({ name, atStart, now, peak }) => [
          name,
          ...[atStart, now, peak].map((bytes) => figure(megabytes(bytes))),
        ]),
      },
      chart: { unit: 'MB', bars: sizesNow.map(({ name, now }) => ({ name, value: megabytes(now), ours: true })) },
      targets: sizesNow.map(({ name, now }) => ({
        what: name.replace('shop, ', ''),
        value: megabytes(now),
        bound: 'at most',
        limit: memoryMbMax[name] ?? 0,
        unit: 'MB',
      })),
      othersShareMax: othersShare(),
    };
  },
};

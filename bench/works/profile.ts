import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../standalone/ports.ts';
import { startChild } from '../children.ts';
import { type CpuProfile, elsewhere, microsByOwner } from '../cpu-profile.ts';
import { treeCpuSeconds } from '../processes.ts';
import { watchOthers } from '../quiet.ts';
import { type Bench, figure, type Work } from '../results.ts';
import { shopSettings } from '../stage.ts';
import { loadWithWrk } from '../wrk.ts';

const kinds = ['list', 'detail', 'order'] as const;
/** What costs less than this in every kind of request is summed up. */
const worthARowUs = 1;

/** Microseconds of CPU a request, by who used them. */
type Cost = { micros: Map<string, number>; othersShare: number };

export const profile: Work = {
  name: 'profile',
  title: 'Where the time of a request goes',
  async run(bench) {
    const costs = new Map<string, Cost>();
    for (const kind of kinds) costs.set(kind, await profileOne(kind, bench));
    const all = [...costs.values()];
    const of = (owner: string) => all.map(({ micros }) => micros.get(owner) ?? 0);
    const sum = (values: number[]) => values.reduce((total, each) => total + each, 0);
    const owners = [...new Set(all.flatMap(({ micros }) => [...micros.keys()]))];
    const [large, small] = [
      owners.filter((owner) => Math.max(...of(owner)) >= worthARowUs),
      owners.filter((owner) => Math.max(...of(owner)) < worthARowUs),
    ];
    const rows = large.toSorted((a, b) => sum(of(b)) - sum(of(a))).map((owner) => [owner, ...of(owner).map(figure)]);
    const total = (some: string[]) => kinds.map((_, kind) => sum(some.map((owner) => of(owner)[kind] ?? 0)));
    return {
      method:
        'Microseconds of CPU a request. The API runs under `bun --cpu-prof`: a sample counts for the package, or the room of `src`, whose function is innermost; built-in functions count for their caller. Sockets, HTTP and garbage collection are what the process used beside that. The profiler itself slows it down.',
      table: {
        columns: ['', ...kinds],
        rows: [
          ...rows,
          [`${small.length} others`, ...total(small).map(figure)],
          ['**all**', ...total(owners).map(figure)],
        ],
      },
      chart: {
        unit: 'µs of CPU a request',
        bars: kinds.map((kind, index) => ({ name: kind, value: total(owners)[index] ?? 0, ours: true })),
      },
      targets: [],
      othersShareMax: Math.max(...all.map(({ othersShare }) => othersShare)),
    };
  },
};

async function profileOne(kind: (typeof kinds)[number], { stage, sizes, servers, beforeRound }: Bench): Promise<Cost> {
  const { postgres, redis, mail, directory, tokensFile } = servers;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const profiles = join(directory, `profile-${kind}`);
  const env = { ...shopSettings(await stage.newHome(), mail.url), PORT: String(port) };
  const child = startChild([process.execPath, '--cpu-prof', `--cpu-prof-dir=${profiles}`, 'index.ts'], {
    env,
    directory,
  });
  const load = (seconds: number) =>
    loadWithWrk({ url, mix: { [kind]: 1 }, connections: sizes.connections, seconds, tokensFile });
  const used = () => [child, postgres, redis].map(({ pid }) => treeCpuSeconds(pid) * 1_000_000);
  try {
    await child.untilReady(`${url}/readyz`);
    await load(Math.max(1, sizes.warmUpSeconds));
    await beforeRound();
    const othersShare = watchOthers();
    const [from, before] = [Date.now() * 1_000, used()];
    const { count } = await load(sizes.secondsPerRun);
    const [to, after] = [Date.now() * 1_000, used()];
    const share = othersShare();
    await child.stop();
    const [file = ''] = readdirSync(profiles);
    const sampled = microsByOwner(JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile, from, to);
    const [api = 0, inPostgres = 0, inRedis = 0] = after.map((micros, index) => micros - (before[index] ?? 0));
    const inJavaScript = [...sampled.values()].reduce((sum, each) => sum + each, 0);
    const micros = new Map([...sampled].map(([owner, each]) => [owner, each / count]));
    micros.set('Bun: sockets, HTTP, garbage collection', Math.max(0, api - inJavaScript) / count);
    micros.set('Bun: timers, promises', micros.get(elsewhere) ?? 0);
    micros.delete(elsewhere);
    micros.set('The Postgres server', inPostgres / count);
    micros.set('The Redis server', inRedis / count);
    return { micros, othersShare: share };
  } finally {
    await child.stop();
  }
}

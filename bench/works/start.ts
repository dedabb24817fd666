import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../standalone/ports.ts';
import { root, startChild } from '../children.ts';
import { watchOthers } from '../quiet.ts';
import { type Bench, figure, isOurs, type Work } from '../results.ts';
import { roundOrder } from '../rounds.ts';
import { peerSettings, shopSettings } from '../stage.ts';
import { median } from '../statistics.ts';

const pollMs = 1;
const patienceMs = 20_000;

type Program = {
  name: string;
  command: string[];
  env: Record<string, string>;
  cwd: string;
  /** Answers 200 when nothing is missing. */
  readyPath: string;
};
type Start = { aliveMs: number; listMs: number };

export const start: Work = {
  name: 'start',
  title: 'Cold start to the first answer',
  async run(bench) {
    const { sizes, servers, beforeRound } = bench;
    const programs = await findPrograms(bench);
    const starts = new Map(programs.map(({ name }) => [name, [] as Start[]]));
    const shares: number[] = [];
    await beforeRound();
    for (let round = 0; round < sizes.starts; round += 1) {
      for (const program of roundOrder(programs, round)) {
        const othersShare = watchOthers();
        starts.get(program.name)?.push(await startOnce(program, servers.directory));
        shares.push(othersShare());
      }
    }
    const medians = [...starts].map(([name, done]) => ({
      name,
      aliveMs: median(done.map(({ aliveMs }) => aliveMs)),
      listMs: median(done.map(({ listMs }) => listMs)),
      slowestMs: Math.max(...done.map(({ listMs }) => listMs)),
    }));
    const listMsOf = (wanted: string) => medians.find(({ name }) => name === wanted)?.listMs ?? Number.NaN;
    return {
      method: `From the start of the process to its first answers, medians of ${sizes.starts} starts: to \`GET /healthz\`, then to \`GET /api/products\`, which needs Postgres and Redis. The database is migrated and the program is in the page cache. A peer has no \`/healthz\`.`,
      table: {
        columns: ['', 'alive ms', 'first list ms', 'slowest ms'],
        rows: medians.map(({ name, aliveMs, listMs, slowestMs }) => [
          name,
          ...[aliveMs, listMs, slowestMs].map(figure),
        ]),
      },
      chart: { unit: 'ms', bars: medians.map(({ name, listMs }) => ({ name, value: listMs, ours: isOurs(name) })) },
      targets: [
        { what: 'First list, from source', value: listMsOf(fromSource), bound: 'at most', limit: 240, unit: 'ms' },
        {
          what: 'First list, bundled with bytecode',
          value: listMsOf(asBytecode),
          bound: 'at most',
          limit: 140,
          unit: 'ms',
        },
      ],
      othersShareMax: Math.max(...shares),
    };
  },
};

const fromSource = 'shop, from source';
const bundled = 'shop, bundled';
const asBytecode = 'shop, bundled with bytecode';

async function findPrograms({ stage, servers }: Bench): Promise<Program[]> {
  const env = shopSettings(await stage.newHome(), servers.mail.url);
  const shop = { env, cwd: root, readyPath: '/readyz' };
  const bundle = await buildBundle(join(servers.directory, 'bundled'));
  const bytecode = await buildBundle(join(servers.directory, 'bytecode'), '--bytecode', '--format=cjs');
  const peers = (['fastify-pg', 'express-sequelize-bull'] as const).map(async (name) => ({
    name,
    command: ['node', 'server.mjs'],
    readyPath: '/api/products',
    ...(await peerSettings(name, await stage.newHome())),
  }));
  return [
    { name: fromSource, command: [process.execPath, 'index.ts'], ...shop },
    { name: bundled, command: [process.execPath, bundle], ...shop },
    { name: asBytecode, command: [process.execPath, bytecode], ...shop },
    ...(await Promise.all(peers)),
  ];
}

/** Bundles the API as deep below its migrations as the sources are, because it looks for them from where it is. */
async function buildBundle(place: string, ...options: string[]): Promise<string> {
  const outdir = join(place, 'dist/api');
  const words = ['build', 'index.ts', '--target=bun', '--minify', `--outdir=${outdir}`, ...options];
  const build = Bun.spawn([process.execPath, ...words], { cwd: root, stdout: 'ignore', stderr: 'inherit' });
  if ((await build.exited) !== 0) throw new Error('The API could not be bundled.');
  cpSync(join(root, 'drizzle'), join(place, 'drizzle'), { recursive: true });
  return join(outdir, 'index.js');
}

async function startOnce({ command, env, cwd, readyPath }: Program, directory: string): Promise<Start> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const child = startChild(command, { env: { ...env, PORT: String(port) }, directory, cwd });
  try {
    // Any answer shows that it is alive; the peers have none but 404 to give here.
    await untilAnswered(`${url}/healthz`, () => true);
    const aliveMs = performance.now() - startedAt;
    await untilAnswered(`${url}/api/products`, ({ ok }) => ok);
    const listMs = performance.now() - startedAt;
    await untilAnswered(url + readyPath, ({ ok }) => ok);
    return { aliveMs, listMs };
  } finally {
    await child.stop();
  }
}

async function untilAnswered(url: string, isGood: (response: Response) => boolean): Promise<void> {
  const endsAt = performance.now() + patienceMs;
  for (;;) {
    const response = await fetch(url).catch(() => null);
    await response?.arrayBuffer();
    if (response && isGood(response)) return;
    if (performance.now() > endsAt) throw new Error(`${url} gave no good answer within ${patienceMs} ms.`);
    await sleep(pollMs);
  }
}

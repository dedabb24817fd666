import { join } from 'node:path';
import { installedProgram } from '../tests/support/programs.ts';
import { productCount } from './catalogue.ts';
import type { Load } from './rounds.ts';

/** The requests of a load: each kind with its share of all. */
export type Mix = Partial<Record<'list' | 'detail' | 'order' | 'hot-order', number>>;

export type WrkOptions = { url: string; mix: Mix; connections: number; seconds: number; tokensFile: string };

type Summary = { count: number; micros: number; p50Us: number; p99Us: number; refused: number; broken: number };

const scripts = join(import.meta.dir, 'wrk');
/** Lists are all the same request, which wrk sends without asking a script. */
const listPath = '/api/products?limit=20';
/** Set apart from a server that hangs; no answer under this load takes so long. */
const timeout = '10s';

/**
 * Loads a server with wrk, from one thread, for that leaves the other core to the server.
 * @throws when any answer was an error, because then the rest means nothing
 */
export async function loadWithWrk({ url, mix, connections, seconds, tokensFile }: WrkOptions): Promise<Load> {
  const program = await installedProgram('wrk', 'wrk');
  const shares = Object.entries(mix).map(([kind, share]) => `${share},${kind}`);
  const seed = Math.floor(Math.random() * 2 ** 31);
  const target = Object.keys(mix).join() === 'list' ? ['summary.lua', url + listPath] : ['load.lua', url];
  const wrk = Bun.spawn(
    [program, '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', timeout, '-s', ...target].concat(
      ['--', shares.join(','), tokensFile, productCount, seed].map(String),
    ),
    { cwd: scripts, stdin: 'ignore', stderr: 'pipe' },
  );
  const [output, complaints] = await Promise.all([new Response(wrk.stdout).text(), new Response(wrk.stderr).text()]);
  const line = output.split('\n').find((candidate) => candidate.startsWith('{'));
  if ((await wrk.exited) !== 0 || line === undefined) throw new Error(`wrk failed: ${complaints}${output}`);
  const { count, micros, p50Us, p99Us, refused, broken }: Summary = JSON.parse(line);
  if (count === 0 || refused > 0 || broken > 0) {
    throw new Error(`${url} answered ${refused} of ${count} requests with an error, and ${broken} not at all.`);
  }
  return { count, seconds: micros / 1_000_000, p50Ms: p50Us / 1_000, p99Ms: p99Us / 1_000 };
}

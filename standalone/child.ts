import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asRunning, keepRunning, type Running } from './running.ts';
import { endLeftover } from './leftovers.ts';
import { dataDirectory } from './paths.ts';

type ChildOptions = {
  /** Begins a sentence, such as "The worker". */
  name: string;
  /** Names its log, and the file that remembers its pid. */
  slug: string;
  /** What Bun runs: options, a file, its arguments. */
  command: string[];
  /** On top of our own environment. */
  environment?: Record<string, string>;
  /** Whether its output goes where ours goes, rather than to its log. */
  showOutput?: boolean;
  /** How long it may take to end when asked to, before it is killed. */
  stopTimeoutMs: number;
};

const logDirectory = join(dataDirectory, 'logs');
const pidDirectory = join(dataDirectory, 'pids');
const exitWithParent = fileURLToPath(new URL('exit-with-parent.ts', import.meta.url));

/** Where a child without `showOutput` writes to. */
export function logFileOf(slug: string): string {
  return join(logDirectory, `${slug}.log`);
}

/**
 * Keeps a program of ours running in another process of this Bun; it stops by itself when we are gone.
 * @returns what stops it for good
 */
export async function keepChild(options: ChildOptions): Promise<() => Promise<void>> {
  mkdirSync(logDirectory, { recursive: true });
  mkdirSync(pidDirectory, { recursive: true });
  if (existsSync(logFileOf(options.slug))) renameSync(logFileOf(options.slug), logFileOf(`${options.slug}.previous`));
  const { stop } = await keepRunning(options.name, () => startChild(options));
  return stop;
}

function startChild({ slug, command, environment, showOutput = false, stopTimeoutMs }: ChildOptions): Running {
  const output = showOutput ? 'inherit' : openSync(logFileOf(slug), 'a');
  const child = Bun.spawn([process.execPath, '--preload', exitWithParent, ...command], {
    env: { ...process.env, ...environment, SHOP_SUPERVISOR_PID: String(process.pid) },
    // A session of its own: Ctrl-C in a terminal reaches us alone, and we stop everything in good order.
    detached: true,
    stdio: ['ignore', output, output],
  });
  if (typeof output === 'number') closeSync(output);
  writeFileSync(join(pidDirectory, slug), String(child.pid));
  return asRunning(child, { signal: 'SIGTERM', lastSignal: 'SIGKILL', timeoutMs: stopTimeoutMs });
}

/** Ends the children of an earlier run that was killed, unless they have ended by themselves. */
export async function endLeftoverChildren(stopTimeoutMs: number): Promise<void> {
  if (!existsSync(pidDirectory)) return;
  const pids = readdirSync(pidDirectory).map((slug) => Number(readFileSync(join(pidDirectory, slug), 'utf8')));
  await Promise.all(pids.map((pid) => endLeftover(pid, exitWithParent, 'SIGTERM', stopTimeoutMs)));
  rmSync(pidDirectory, { recursive: true });
}

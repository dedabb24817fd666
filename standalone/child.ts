import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dataDirectory } from './paths.ts';
import { asRunning, keepRunning, type Running } from './running.ts';

type ChildOptions = {
  /** Begins a sentence, such as "The worker". */
  name: string;
  /** What Bun runs: options, a file, its arguments. */
  command: string[];
  /** On top of our own environment. */
  environment?: Record<string, string>;
  /** Takes what it prints; without it that goes where ours goes. */
  logFile?: string | undefined;
  /** How long it may take to end when asked to, before it is killed. */
  stopTimeoutMs: number;
};

/** Where the log of a program is, by a short name for it. */
export function logFileOf(program: string): string {
  return join(dataDirectory, 'logs', `${program}.log`);
}

/**
 * Keeps a program of ours running in another process of this Bun, which ends with ours however ours ends. The log of
 * the run before this one stays as `*.previous.log`.
 * @returns what stops it for good
 */
export async function keepChild(options: ChildOptions): Promise<() => Promise<void>> {
  const { logFile } = options;
  if (logFile !== undefined) {
    mkdirSync(dirname(logFile), { recursive: true });
    if (existsSync(logFile)) renameSync(logFile, logFile.replace(/\.log$/, '.previous.log'));
  }
  const { stop } = await keepRunning(options.name, () => startChild(options));
  return stop;
}

function startChild({ command, environment, logFile, stopTimeoutMs }: ChildOptions): Running {
  const output = logFile === undefined ? 'inherit' : openSync(logFile, 'a');
  const child = Bun.spawn([process.execPath, '--no-orphans', ...command], {
    env: { ...process.env, ...environment },
    // A session of its own: Ctrl-C in a terminal reaches us alone, and we stop everything in good order.
    detached: true,
    stdio: ['ignore', output, output],
  });
  if (typeof output === 'number') closeSync(output);
  return asRunning(child, { signal: 'SIGTERM', lastSignal: 'SIGKILL', timeoutMs: stopTimeoutMs });
}

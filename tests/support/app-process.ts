import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A running `index.ts` or `worker.ts`. */
export type AppProcess = {
  pid: number;
  /** Resolves with the exit code once it has ended, 128 and the signal's number after a signal. */
  exited: Promise<number>;
  /** What it has written so far. */
  output: () => string;
  /** Its JSON log lines so far. */
  log: () => Record<string, unknown>[];
  /** Ends it as an operator would (SIGTERM), and answers the exit code. */
  stop: () => Promise<number>;
  /** Ends it as a power cut would (SIGKILL). */
  kill: () => Promise<number>;
};

/** Where the code is that the suites are about. */
export const root = join(import.meta.dir, '../..');

const stopTimeoutMs = 20_000;

/** The command of the image that runs an entry point. */
const commands = { 'index.ts': 'serve', 'worker.ts': 'work' } as const;

export type EntryPoint = keyof typeof commands;

/**
 * What runs an entry point: the bundle that a whole run has made of the sources, if there is one.
 * @param code where its sources are, when they are not those that the suites are about
 */
export function commandOf(entry: EntryPoint, code = root): string[] {
  const bundle = code === root ? process.env.TEST_BUNDLE : undefined;
  return [process.execPath, ...(bundle ? [bundle, commands[entry]] : [join(code, entry)])];
}

/**
 * Starts an entry point with `env` as its whole environment; what it writes goes to `logFile`.
 * @param code where its sources are, when they are not those that the suites are about
 * @param output what it writes to, when that is a pipe that leads to `logFile`
 */
export function startProcess(
  entry: EntryPoint,
  env: Record<string, string>,
  logFile: string,
  code = root,
  output?: number,
): AppProcess {
  const file = output ?? openSync(logFile, 'a');
  const child = Bun.spawn(commandOf(entry, code), {
    cwd: code,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdin: 'ignore',
    stdout: file,
    stderr: file,
  });
  if (output === undefined) closeSync(file);

  const written = () => readFileSync(logFile, 'utf8');

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    child.kill(signal);
    const tooLong = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    const code = await child.exited;
    clearTimeout(tooLong);
    return code;
  }

  return {
    pid: child.pid,
    exited: child.exited,
    output: written,
    log: () => jsonLines(written()),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function jsonLines(text: string): Record<string, unknown>[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return lines.map((line) => JSON.parse(line));
}

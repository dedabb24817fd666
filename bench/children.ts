import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../tests/support/wait.ts';

export const root = join(import.meta.dir, '..');

/** A process that is measured. */
export type Child = {
  pid: number;
  /** Ends it with SIGTERM, and waits until it has ended. */
  stop: () => Promise<void>;
  /** Resolves once `url` answers 200; rejects when the process ends before. */
  untilReady: (url: string) => Promise<void>;
};

const readyTimeoutMs = 20_000;
const stopTimeoutMs = 20_000;

/**
 * Starts a program with `env` as its whole environment. Its log goes nowhere, which costs it the writing and the machine
 * no disk; what it complains about goes to a file in `directory`.
 */
export function startChild(
  command: string[],
  { env, directory, cwd = root }: { env: Record<string, string>; directory: string; cwd?: string },
): Child {
  const complaintsFile = join(directory, `complaints-${crypto.randomUUID()}.log`);
  const complaints = openSync(complaintsFile, 'a');
  const child = Bun.spawn(command, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: complaints,
  });
  closeSync(complaints);
  return {
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      const tooLong = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await child.exited;
      clearTimeout(tooLong);
    },
    async untilReady(url) {
      const ended = child.exited.then((code) => {
        throw new Error(`${command.join(' ')} ended with code ${code}:\n${readFileSync(complaintsFile, 'utf8')}`);
      });
      const answers = async () => (await fetch(url)).ok;
      await Promise.race([ended, eventually(answers, { withinMs: readyTimeoutMs })]);
    },
  };
}

import { existsSync } from 'node:fs';
import { installPackage } from './programs.ts';

const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);

/**
 * What puts the clock of a process off by so many seconds, for its environment. Timers keep their pace.
 * @throws saying how to get libfaketime, when it is missing and cannot be installed
 */
export async function clockOff(seconds: number): Promise<Record<string, string>> {
  const find = () => libraries.find((library) => existsSync(library));
  const install = find() ? '' : await installPackage('libfaketime');
  const library = find();
  if (!library) throw new Error(`libfaketime has to be there. As root: ${install}`);
  return {
    LD_PRELOAD: library,
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

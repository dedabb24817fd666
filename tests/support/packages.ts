// Installs the packages of a directory that has a lockfile of its own: sh scripts/run.sh tests/support/packages.ts DIRECTORY

import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Installs the packages that a directory's lockfile names, unless they are there already.
 * @throws saying what is missing, when they cannot be installed
 */
export async function installPackages(directory: string): Promise<void> {
  const lockfile = join(directory, 'package-lock.json');
  const installed = join(directory, 'node_modules/.installed-package-lock.json');
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(lockfile))) return;
  const name = relative(process.cwd(), directory);
  if (!Bun.which('node') || !Bun.which('npm')) {
    throw new Error(`What ${name} has runs on Node.js: node and npm have to be on the PATH.`);
  }
  console.log(`Installing the packages of ${name}, once.`);
  const npm = Bun.spawn(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if ((await npm.exited) !== 0) throw new Error(`npm could not install the packages of ${name}.`);
  copyFileSync(lockfile, installed);
}

if (import.meta.main) await installPackages(join(process.cwd(), process.argv[2] ?? '.'));

// Checks, without a network, that what runs in production is little, may be used, and is what was locked.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JSONC } from 'bun';
import packageJson from '../package.json' with { type: 'json' };

/** Licences that ask for no more than to be named. Copyleft, even by file as in MPL-2.0, would need a decision first. */
const licencesAllowed = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
];

/** If there is a reason to go beyond, raise these, and say why in docs/dependencies.md. */
const directMax = 30;
const installedMax = 96;

type Manifest = {
  name: string;
  version: string;
  license?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
};

/** A package as bun.lock has it: name and version, registry (empty for npm's), facts, checksum. */
type Locked = [nameAndVersion: string, registry: string, facts: object, checksum: string];
type Lockfile = {
  workspaces: { '': { dependencies: Record<string, string>; devDependencies: Record<string, string> } };
  packages: Record<string, Locked>;
};

const root = join(import.meta.dir, '..');
const { dependencies, devDependencies } = packageJson;
const lockfile = JSONC.parse(readFileSync(join(root, 'bun.lock'), 'utf8')) as Lockfile;

/** The installed package that an import of `name` finds from a directory, as Node.js looks for it. */
function findPackage(name: string, from: string): string | undefined {
  const directory = join(from, 'node_modules', name);
  if (existsSync(join(directory, 'package.json'))) return directory;
  return from === root ? undefined : findPackage(name, join(from, '..'));
}

/** The packages that are installed because of `names`, themselves included; those for other machines are not there. */
function installedFor(names: string[], from = root, found = new Map<string, Manifest>()): Map<string, Manifest> {
  for (const name of names) {
    const directory = findPackage(name, from);
    if (directory === undefined || found.has(directory)) continue;
    const manifest: Manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    found.set(directory, manifest);
    installedFor(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }), directory, found);
  }
  return found;
}

/** Whether an SPDX expression leaves a choice that is allowed. */
function isAllowed(licence: string | undefined): boolean {
  const choices = (licence ?? '').replace(/[()]/g, '').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((part) => licencesAllowed.includes(part)));
}

const production = [...installedFor(Object.keys(dependencies)).values()];
const direct = Object.keys(dependencies).length;
const faults: string[] = [];

for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) faults.push(`${name}: ${version} is no exact version`);
}
const locked = lockfile.workspaces[''];
if (!Bun.deepEquals([dependencies, devDependencies], [locked.dependencies, locked.devDependencies])) {
  faults.push('bun.lock is not that of package.json');
}
for (const [nameAndVersion, registry, , checksum] of Object.values(lockfile.packages)) {
  if (registry !== '' || !checksum?.startsWith('sha512-')) {
    faults.push(`${nameAndVersion}: bun.lock names another source than npm, or no checksum`);
  }
}
for (const { name, version, license } of production) {
  if (!isAllowed(license)) faults.push(`${name}@${version}: the licence ${license ?? '(none)'} is not on the list`);
}
if (direct > directMax) faults.push(`${direct} direct dependencies are more than ${directMax}`);
if (production.length > installedMax)
  faults.push(`${production.length} installed packages are more than ${installedMax}`);

for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
const licences = [...new Set(production.map(({ license }) => license))].sort().join(', ');
console.log(`${direct} production dependencies, ${production.length} packages with theirs: ${licences}.`);

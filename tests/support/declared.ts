import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { poolSize } from '../../src/processes/shared.ts';
import type { Process } from '../../src/settings.ts';

const root = join(import.meta.dir, '../..');

/** A file of the repository. */
export function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** What the image takes as its command. */
export const imageCommands = [...readSource('deploy/shop.ts').matchAll(/^ {2}'?([\w-]+)'?: \(\) => import/gm)].map(
  ([, name = '']) => name,
);

/** Which process each command of the image is, as settings know it. */
export const processOf: Record<string, Process> = { serve: 'api', work: 'worker', migrate: 'command' };

/** What nobody but the process that uses it may be given. */
export const secretsOf = {
  serve: ['ADMIN_PASSWORD', 'DATABASE_URL', 'JWT_SECRET', 'REDIS_URL', 'TOKEN_SECRET'],
  work: ['DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'TOKEN_SECRET'],
  migrate: ['DATABASE_URL'],
} as const satisfies Record<string, readonly string[]>;

/** Those names among settings that are secrets, in the order of the alphabet. */
export function secretsIn(names: string[]): string[] {
  return names.filter((name) => /_URL$|_SECRET$|PASSWORD$/.test(name)).toSorted();
}

const [, settingsSchema = ''] = readSource('src/settings.ts').split('const environmentSchema');

/** The names of all settings. */
export const settingNames = [...settingsSchema.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name = '']) => name);

/** The connections to Postgres that each process opens: its pool, and one for metrics. */
export const connectionsPerProcess = poolSize + 1;

/** The shell commands of a Markdown page, each block on its own; with a heading, those down to the next heading. */
export function shellBlocks(page: string, heading?: string): string[] {
  const whole = readSource(page);
  const text = heading === undefined ? whole : whole.split(new RegExp(`^#+ ${heading}\n`, 'm'))[1]?.split(/^#+ /m)[0];
  if (text === undefined) throw new Error(`${page} has no section ${heading}.`);
  return [...text.matchAll(/^( *)```sh\n(.*?)^\1```/gms)].map(([, indent, block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

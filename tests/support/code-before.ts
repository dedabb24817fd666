import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const journalFile = 'drizzle/meta/_journal.json';
const journalSchema = z.object({ entries: z.array(z.object({ tag: z.string() })).min(1) });

/** Runs git in a repository, whatever account owns that. */
async function git(repository: string, ...command: string[]): Promise<string> {
  const child = Bun.spawn(['git', '-c', `safe.directory=${repository}`, ...command], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, faults] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`git ${command[0]} failed in ${repository}: ${faults.trim()}`);
  return output.trim();
}

/**
 * Finds the code whose processes may run while the newest migration is applied: the last commit without it. It is what
 * is checked out while the migration is not committed, or while there are none but the first ones. Null where the
 * history is not there: in a shallow clone, or in sources without a repository.
 */
export async function findCodeBefore(repository: string): Promise<string | null> {
  const shallow = await git(repository, 'rev-parse', '--is-shallow-repository').catch(() => 'no repository');
  if (shallow !== 'false') return null;
  const journal = journalSchema.parse(await Bun.file(join(repository, journalFile)).json());
  const newest = `drizzle/${journal.entries.at(-1)?.tag}.sql`;
  const added = ['log', '-1', '--no-renames', '--diff-filter=A', '--format=%P', '--', newest];
  const [parent] = (await git(repository, ...added)).split(' ');
  const hasMigrations = parent && (await git(repository, 'ls-tree', parent, '--', journalFile)) !== '';
  return hasMigrations ? parent : git(repository, 'rev-parse', 'HEAD');
}

/** Puts the code of a commit into a directory, to be run with the packages that are installed here. */
export async function unpackCode(repository: string, commit: string, directory: string): Promise<void> {
  const archive = join(directory, 'code.tar');
  await git(repository, 'archive', `--output=${archive}`, commit);
  const unpacking = Bun.spawn(['tar', '-xf', archive, '-C', directory], { stdio: ['ignore', 'ignore', 'inherit'] });
  if ((await unpacking.exited) !== 0) throw new Error(`${archive} could not be unpacked.`);
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'));
}

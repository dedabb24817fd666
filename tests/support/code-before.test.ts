import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCodeBefore, unpackCode } from './code-before.ts';

const directory = mkdtempSync(join(tmpdir(), 'shop-history-'));
afterAll(() => rmSync(directory, { recursive: true }));

const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];

function git(repository: string, ...command: string[]): string {
  const { stdout, stderr, success } = Bun.spawnSync(['git', ...author, ...command], { cwd: repository });
  if (!success) throw new Error(String(stderr));
  return String(stdout).trim();
}

/** Adds a migration to the working tree. */
function addMigration(repository: string, tags: string[]): void {
  mkdirSync(join(repository, 'drizzle/meta'), { recursive: true });
  writeFileSync(join(repository, `drizzle/${tags.at(-1)}.sql`), 'select 1;');
  const entries = tags.map((tag) => ({ tag }));
  writeFileSync(join(repository, 'drizzle/meta/_journal.json'), JSON.stringify({ entries }));
}

/** Commits whatever is there, and answers the commit. */
function commit(repository: string): string {
  git(repository, 'add', '--all');
  git(repository, 'commit', '--quiet', '--allow-empty', '--message=More');
  return git(repository, 'rev-parse', 'HEAD');
}

/** A repository whose first migration came with its second commit. */
function startHistory(name: string): string {
  const repository = join(directory, name);
  mkdirSync(repository);
  git(repository, 'init', '--quiet');
  writeFileSync(join(repository, 'readme'), '');
  commit(repository);
  addMigration(repository, ['0000_first']);
  commit(repository);
  return repository;
}

describe('findCodeBefore', () => {
  test('a second migration › commits ago › is the commit before it', async () => {
    const repository = startHistory('second');
    const before = commit(repository);
    addMigration(repository, ['0000_first', '0001_second']);
    commit(repository);
    commit(repository);
    expect(await findCodeBefore(repository)).toBe(before);
  });

  test('a second migration › not committed yet › is what is checked out', async () => {
    const repository = startHistory('uncommitted');
    const head = commit(repository);
    addMigration(repository, ['0000_first', '0001_second']);
    expect(await findCodeBefore(repository)).toBe(head);
  });

  test('the first migration alone › is what is checked out, because there was no shop before it', async () => {
    const repository = startHistory('first');
    const head = commit(repository);
    expect(await findCodeBefore(repository)).toBe(head);
  });

  test('a shallow clone, or no repository at all › is not to be found', async () => {
    const repository = startHistory('deep');
    git(directory, 'clone', '--quiet', '--depth=1', `file://${repository}`, 'shallow');
    expect(await findCodeBefore(join(directory, 'shallow'))).toBeNull();
    expect(await findCodeBefore(directory)).toBeNull();
  });
});

describe('unpackCode', () => {
  test('a commit › gives its files, and not what came later', async () => {
    const repository = startHistory('unpacked');
    const before = git(repository, 'rev-parse', 'HEAD');
    addMigration(repository, ['0000_first', '0001_second']);
    commit(repository);
    const code = join(directory, 'code');
    mkdirSync(code);
    await unpackCode(repository, before, code);
    expect(await Bun.file(join(code, 'drizzle/0000_first.sql')).exists()).toBe(true);
    expect(await Bun.file(join(code, 'drizzle/0001_second.sql')).exists()).toBe(false);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../support/app-process.ts';
import { type Mutant, misfits } from './mutant.ts';
import { openWorkplace, type Workplace } from './workplace.ts';

const known: Mutant = {
  name: 'capitals-unknown',
  says: 'Does not know an id in capitals',
  file: 'src/lib/ids.ts',
  find: '[0-9a-f]{12}$/i',
  replace: '[0-9a-f]{12}$/',
  suites: ['src/lib/ids.test.ts'],
  test: 'when a path holds anything',
};

describe('misfits', () => {
  test('of an edit that stands once › are none', () => {
    expect(misfits(root, known)).toEqual([]);
  });

  test.each<[what: string, change: Partial<Mutant>, fault: string]>([
    ['whose text is gone', { find: 'nothing like it' }, 'stands 0 times in src/lib/ids.ts'],
    ['whose text stands often', { find: '[0-9a-f]{4}' }, 'stands 3 times in src/lib/ids.ts'],
    ['whose file is gone', { file: 'src/lib/nowhere.ts' }, 'there is no src/lib/nowhere.ts'],
    ['whose suite is gone', { suites: ['src/lib/nowhere.test.ts'] }, 'there is no src/lib/nowhere.test.ts'],
    ['whose test is gone', { test: 'when it rains' }, 'is called by "when it rains"'],
    ['that leaves no program', { replace: '[0-9a-f]{12}$' }, 'can no longer be read'],
  ])('of an edit %s › say so', (_what, change, fault) => {
    expect(misfits(root, { ...known, ...change })).toEqual([expect.stringContaining(fault)]);
  });
});

describe('a workplace', () => {
  let directory: string;
  let workplace: Workplace;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'shop-mutants-test-'));
    workplace = openWorkplace(directory, () => Promise.reject(new Error('these suites need no server')));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each<[what: string, change: Partial<Mutant>, outcome: string]>([
    ['a test notices', {}, 'killed'],
    ['no test notices', { test: 'newId' }, 'lived'],
    ['keeps its suite from starting', { find: 'export function isId', replace: 'function isId' }, 'broken'],
    ['is to be noticed by a test that is not there', { test: 'when it rains' }, 'broken'],
  ])('given a mutant that %s › says so', async (_what, change, outcome) => {
    const verdict = await workplace.judge({ ...known, ...change }, new AbortController().signal);
    expect(verdict).toMatchObject({ outcome });
    // And puts the code back, or the next one would be judged with this one in it.
    expect(await Bun.file(join(directory, 'code', known.file)).text()).toBe(
      await Bun.file(join(root, known.file)).text(),
    );
  });
});

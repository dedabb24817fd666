import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFailureReader, describeFailures } from './failures.ts';

const suites = {
  'judged.test.ts': `import { expect, test } from 'bun:test';
    test('right', () => {});
    test('wrong', () => { console.error('said before'); expect({ a: 1 }).toEqual({ a: 2 }); });
    test('late', () => new Promise(() => {}), 50);
    test('right again', () => {});`,
  'unprepared.test.ts': `import { beforeAll, test } from 'bun:test';
    beforeAll(() => { throw new TypeError('no shop'); });
    test('never run', () => {});`,
  'broken.test.ts': "import './nothing.ts';",
  'gone.test.ts': `import { test } from 'bun:test';
    test('ends its process', () => process.exit(3));`,
  'passing.test.ts': "import { test } from 'bun:test'; test('right', () => {});",
};

const directory = mkdtempSync(join(tmpdir(), 'shop-failures-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs some of them at once, and answers what the reader has read of it. */
async function readFailures(...names: (keyof typeof suites)[]) {
  for (const name of names) writeFileSync(join(directory, name), suites[name]);
  const child = Bun.spawn([process.execPath, 'test', '--parallel=2', ...names.map((name) => `./${name}`)], {
    cwd: directory,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const reader = createFailureReader();
  for (const line of (await child.stderr.text()).split('\n')) reader.take(line);
  return reader.failures();
}

describe('createFailureReader', () => {
  test('of tests, preparations and files that fail at once › knows each, and why', async () => {
    const failures = await readFailures('judged.test.ts', 'unprepared.test.ts', 'broken.test.ts');
    const named = [...failures.names.values()].flat().map((name) => name.replace(/ \[.*/, ''));
    const expected = ['# Unhandled error between tests', '(fail) (unnamed)', '(fail) late', '(fail) wrong'];
    expect(named.sort()).toEqual(expected);
    const text = describeFailures(failures);
    expect(text).toMatch(/^== what failed:\n(judged|unprepared|broken)\.test\.ts:\n/);
    expect(text).toEndWith('\n== end of what failed');
    for (const reason of ['toEqual(expected)', '+   "a": 1,', 'judged.test.ts:3:', 'timed out after 50ms', 'no shop'])
      expect(text).toContain(reason);
    expect(text).toContain("find module './nothing.ts'");
    expect(text).not.toContain('said before');
  });

  test('of a file that ends its process › knows that', async () => {
    const { names } = await readFailures('gone.test.ts', 'passing.test.ts');
    expect([...names]).toEqual([['gone.test.ts', [expect.stringContaining('worker crashed')]]]);
  });
});

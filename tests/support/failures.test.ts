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
  test('of tests, preparations and files that fail at once › knows each with its file and its reason', async () => {
    const failures = await readFailures('judged.test.ts', 'unprepared.test.ts', 'broken.test.ts');
    const toldOf = (file: string) => {
      const failure = failures.find((each) => each.file === file);
      return { names: failure?.names.map((name) => name.replace(/ \[.*/, '')), text: failure?.reasons.join('\n') };
    };
    expect(failures).toHaveLength(3);
    expect(toldOf('judged.test.ts').names?.sort()).toEqual(['(fail) late', '(fail) wrong']);
    expect(toldOf('judged.test.ts').text).toMatch(/^ *error: expect.*toEqual/m);
    expect(toldOf('judged.test.ts').text).toContain('+   "a": 1,');
    expect(toldOf('judged.test.ts').text).toContain('timed out after 50ms');
    expect(toldOf('judged.test.ts').text).not.toContain('said before');
    expect(toldOf('unprepared.test.ts').names).toEqual(['(fail) (unnamed)']);
    expect(toldOf('unprepared.test.ts').text).toContain('no shop');
    expect(toldOf('broken.test.ts').text).toContain("find module './nothing.ts'");
    const lines = describeFailures(failures).split('\n');
    expect([lines.at(0), lines.at(-1)]).toEqual(['== what failed:', '== end of what failed']);
  });

  test('of a file that ends its process › knows that', async () => {
    const [failure] = await readFailures('gone.test.ts', 'passing.test.ts');
    expect(failure).toMatchObject({ file: 'gone.test.ts', names: [expect.stringContaining('worker crashed')] });
  });
});

import { expect, test } from 'bun:test';
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
};

test('createFailureReader › of what bun test writes › knows every failure with its file and its reason', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'shop-failures-'));
  try {
    for (const [name, code] of Object.entries(suites)) writeFileSync(join(directory, name), code);
    const child = Bun.spawn([process.execPath, 'test', '--parallel=2'], {
      cwd: directory,
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const reader = createFailureReader();
    for (const line of (await child.stderr.text()).split('\n')) reader.take(line);
    const failures = reader.failures().map(({ file, name, reasons }) => {
      return [file, name.replace(/ \[[\d.]+ms\]$/, ''), reasons.join(' ').replace(/\s+/g, ' ')] as const;
    });
    const reasonOf = (file: string, name: string) => failures.find((each) => each[0] === file && each[1] === name)?.[2];
    expect(failures).toHaveLength(5);
    expect(reasonOf('judged.test.ts', '(fail) wrong')).toStartWith('error: expect(received).toEqual(expected)');
    expect(reasonOf('judged.test.ts', '(fail) wrong')).toContain('+ "a": 1');
    expect(reasonOf('judged.test.ts', '(fail) late')).toContain('timed out after 50ms');
    expect(reasonOf('unprepared.test.ts', '(fail) (unnamed)')).toContain('no shop');
    expect(reasonOf('broken.test.ts', '# Unhandled error between tests')).toContain(
      "Cannot find module './nothing.ts'",
    );
    expect(failures.find(([file]) => file === 'gone.test.ts')?.[1]).toContain('worker crashed');
    const told = describeFailures(reader.failures());
    expect(told).toStartWith('== 5 failed:\n');
    expect(told).toEndWith('\n== end of what failed');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

import { expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { leftOut, suites } from './suites.ts';

test('npm run scale › runs every suite, or says why it does not', () => {
  const files = readdirSync(join(import.meta.dir, '..')).filter((file) => file.endsWith('.test.ts'));
  const sorted = [...suites, ...Object.values(leftOut).flat()].map((name) => `${name}.test.ts`);
  expect(sorted.sort()).toEqual(files.sort());
});

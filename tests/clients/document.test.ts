import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readApiDocument } from '../../scripts/api-document.ts';
import { run } from './programs.ts';

const linterMsMax = 240_000;
const bin = join(import.meta.dir, 'node_modules/.bin');
const files = { 'openapi.json': '/openapi.json', 'openapi-3.0.json': '/openapi-3.0.json' } as const;

let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shop-document-'));
  for (const [file, path] of Object.entries(files)) {
    await Bun.write(join(directory, file), JSON.stringify(await readApiDocument(path), null, 1));
  }
});

afterAll(() => rmSync(directory, { recursive: true }));

describe('Redocly', () => {
  /**
   * What it calls ambiguous is not: an id is a UUID, and so neither `email`, `phone` nor `restore`. A pair that is not
   * named here is a fault.
   */
  const toldApart = [
    ['/api/customers/email/{id}', '/api/customers/{id}/sign-out'],
    ['/api/customers/{id}/sign-out', '/api/customers/restore/{id}'],
    ['/api/customers/email/{id}', '/api/customers/{id}/export'],
    ['/api/customers/email/{id}', '/api/customers/{id}/erase'],
  ].map(([a, b]) => `Paths should resolve unambiguously. Found two ambiguous paths: \`${a}\` and \`${b}\`.`);

  test(
    'by its recommended-strict › finds no fault',
    async () => {
      const command = [join(bin, 'redocly'), 'lint', '--extends=recommended-strict', '--format=json'];
      const { output } = await run([...command, ...Object.keys(files)], directory, {
        REDOCLY_TELEMETRY: 'off',
        REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
      });
      const reports = [...output.matchAll(/\{\n {2}"totals"[\s\S]*?^\}/gm)].map(([report]) => JSON.parse(report));
      expect(reports).toHaveLength(Object.keys(files).length);
      const problems: { ruleId: string; message: string }[] = reports.flatMap((report) => report.problems);
      // Looked at, or it would not find these either.
      expect(problems.filter(({ message }) => toldApart.includes(message))).toHaveLength(toldApart.length * 2);
      expect(problems.filter(({ message }) => !toldApart.includes(message))).toEqual([]);
    },
    linterMsMax,
  );
});

describe('Spectral', () => {
  /** Sent to the program as its ruleset; what is off has its reason at the test. */
  async function lint(file: string, off: string[] = []) {
    const ruleset = join(directory, `${file}.ruleset.json`);
    const rules = Object.fromEntries(off.map((rule) => [rule, 'off']));
    await Bun.write(ruleset, JSON.stringify({ extends: ['spectral:oas'], rules }));
    const command = [join(bin, 'spectral'), 'lint', file, '--ruleset', ruleset, '--format', 'json', '--quiet'];
    const { output } = await run([...command, '--fail-severity=hint'], directory);
    const results: { code: string; message: string; path: string[] }[] = JSON.parse(output);
    return results;
  }

  test.concurrent(
    'by its rules for OpenAPI › finds no fault',
    async () => {
      const results = await lint('openapi.json');
      // From 3.1 on other schemes than OAuth's may name roles, which the rule does not know yet.
      const isScope = ({ code, message }: (typeof results)[number]) =>
        code === 'oas3-operation-security-defined' && message.endsWith('must be listed among scopes.');
      expect(results.filter(isScope)).not.toBeEmpty();
      expect(results.filter((result) => !isScope(result))).toEqual([]);
    },
    linterMsMax,
  );

  test.concurrent(
    'likewise of the document for 3.0 › finds no fault',
    async () => {
      // It takes ten seconds, and the examples are those that it has seen above.
      expect(await lint('openapi-3.0.json', ['oas3-valid-media-example'])).toEqual([]);
    },
    linterMsMax,
  );
});

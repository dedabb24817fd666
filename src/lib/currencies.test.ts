import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { data } from 'currency-codes';
import { currencyCodes, minorUnitDigits, moneyFormat } from './currencies.ts';

/** 100 lines of 1 000 units at the highest price, the lowest amount, and what lies between. */
const amounts = [0, 1, 5, 99, 125_000, 62_499_999, 99_999_999_999_999, 100_000_000_000_000];

describe('minorUnitDigits', () => {
  describe('when ISO 4217 knows the currency', () => {
    test('has what the list has, and what was added since it was published', () => {
      const published = new Map(data.map(({ code, digits }) => [code, digits]));
      const added = currencyCodes.filter((code) => !published.has(code));
      expect(added.sort()).toEqual(['XAD', 'XCG']);
      for (const [code, digits] of published) expect([code, minorUnitDigits(code)]).toEqual([code, digits]);
      expect(new Set(currencyCodes).size).toBe(currencyCodes.length);
    });
  });

  describe('when it does not', () => {
    test.each(['usd', 'US', 'ABC', 'ZZZ', 'BTC', 'DEM', '', 'toString', 'USD '])('has none: %p', (code) => {
      expect(minorUnitDigits(code)).toBeNull();
    });
  });
});

describe('moneyFormat', () => {
  describe('when an amount is written', () => {
    test('says every digit of it, with the point where ISO 4217 has it', () => {
      for (const code of currencyCodes) {
        const digits = minorUnitDigits(code) ?? 0;
        for (const amount of amounts) {
          const text = String(amount).padStart(digits + 1, '0');
          const [whole, fraction] = [text.slice(0, text.length - digits), text.slice(text.length - digits)];
          const expected = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',') + (digits > 0 ? `.${fraction}` : '');
          const written = moneyFormat(code)(amount);
          expect(written).toEndWith(expected);
          expect(written.slice(0, -expected.length)).not.toMatch(/\d/);
        }
      }
    });
  });

  const runtimes: [name: string, command: string | null][] = [
    ['Node', Bun.which('node')],
    ['Deno', denoPath()],
  ];
  const directory = mkdtempSync(join(tmpdir(), 'shop-currencies-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  describe.each(runtimes)('when it is written on %s', (name, command) => {
    test.skipIf(command === null)(
      'reads as on Bun, in every currency',
      async () => {
        const built = await Bun.build({ entrypoints: [join(import.meta.dir, 'currencies.ts')], target: 'node' });
        const program = join(directory, `${name}.mjs`);
        const ask = `console.log(JSON.stringify(currencyCodes.map((code) => ${JSON.stringify(amounts)}.map(moneyFormat(code)))))`;
        writeFileSync(program, `${await built.outputs[0]?.text()}\n${ask}`);
        const child = Bun.spawn(name === 'Deno' ? [command ?? '', 'run', program] : [command ?? '', program]);
        const written = JSON.parse(await new Response(child.stdout).text());
        expect(written).toEqual(currencyCodes.map((code) => amounts.map(moneyFormat(code))));
      },
      30_000,
    );
  });
});

/** The program itself, which `scripts/start-deno.sh` finds likewise. */
function denoPath(): string | null {
  const packages = join(import.meta.dir, '../../node_modules/@deno');
  try {
    const [platform = ''] = readdirSync(packages);
    return join(packages, platform, 'deno');
  } catch {
    return Bun.which('deno');
  }
}

import { describe, expect, test } from 'bun:test';
import { begin, end, markdownTable, replaceGenerated, targetsTable } from './report.ts';

test('markdownTable › of cells of several lengths › pads them to columns', () => {
  const table = markdownTable({
    columns: ['', 'rate'],
    rows: [
      ['shop', '7'],
      ['pgbench', '1 234'],
    ],
  });
  expect(table.split('\n')).toEqual([
    '|         | rate  |',
    '| ------- | ----- |',
    '| shop    | 7     |',
    '| pgbench | 1 234 |',
  ]);
});

describe('replaceGenerated', () => {
  test('a page with figures › keeps what people wrote around them', () => {
    const page = `# Title\n\n${begin}\n\nold figures\n\n${end}\n\nThe end.\n`;
    expect(replaceGenerated(page, 'new figures')).toBe(`# Title\n\n${begin}\n\nnew figures\n\n${end}\n\nThe end.\n`);
  });

  test.each([`# Title\n`, `${begin}\n`, `${end}\n`])('a page without both marks › is refused', (page) => {
    expect(() => replaceGenerated(page, 'figures')).toThrow('lacks');
  });
});

test('targetsTable › of targets met and missed › says so and by how much', () => {
  const table = targetsTable([
    {
      work: { name: 'order', title: 'Orders' },
      result: {
        method: '',
        table: { columns: [], rows: [] },
        chart: { unit: '', bars: [] },
        othersShareMax: 0,
        targets: [
          { what: 'rate', value: 150, bound: 'at least', limit: 100, unit: 'orders/s' },
          { what: 'p99', value: 50, bound: 'at most', limit: 40, unit: 'ms' },
          { what: 'lost', value: 0, bound: 'at most', limit: 0, unit: 'orders' },
        ],
      },
    },
  ]);
  const verdicts = table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').at(-2)?.trim());
  expect(verdicts).toEqual(['met by 50.0 %', '**missed** by 25.0 %', 'met']);
});

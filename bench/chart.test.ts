import { expect, test } from 'bun:test';
import { barChart } from './chart.ts';

const chart = barChart('Lists & more', {
  unit: 'lists/s',
  bars: [
    { name: 'shop', value: 2_000, ours: true },
    { name: 'a <peer>', value: 500, ours: false },
  ],
});

test('barChart › draws bars › as long as their figures are large', () => {
  const widths = [...chart.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
  expect(widths).toHaveLength(2);
  expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(4, 1);
});

test('barChart › names every bar and figure › with what XML reserves escaped', () => {
  expect(chart).toContain('<title>Lists &amp; more</title>');
  expect(chart).toContain('a &lt;peer&gt;');
  expect(chart).toContain('2 000 lists/s');
});

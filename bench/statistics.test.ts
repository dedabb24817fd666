import { expect, test } from 'bun:test';
import { median, percentile, spread } from './statistics.ts';

test('median › of an odd number of values › is the one in the middle, in numeric order', () => {
  expect(median([100, 9, 20])).toBe(20);
});

test('median › of an even number of values › is the mean of the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('median › of nothing › is not a number', () => {
  expect(median([])).toBeNaN();
});

test('percentile › between two values › is interpolated', () => {
  const values = Array.from({ length: 11 }, (_, index) => 10 - index);
  expect(percentile(values, 0)).toBe(0);
  expect(percentile(values, 99)).toBeCloseTo(9.9);
  expect(percentile(values, 100)).toBe(10);
});

test('percentile › of values › leaves them in their order', () => {
  const values = [3, 1, 2];
  percentile(values, 50);
  expect(values).toEqual([3, 1, 2]);
});

test('spread › is the way from the lowest to the highest › as a share of the median', () => {
  expect(spread([90, 100, 130])).toBeCloseTo(0.4);
  expect(spread([7])).toBe(0);
});

import { expect, test } from 'bun:test';
import { figure, isMet, margin, type Target } from './results.ts';

const target = (value: number, bound: Target['bound'], limit: number): Target => ({
  what: 'something',
  value,
  bound,
  limit,
  unit: 's',
});

test.each([
  [1_234_567.8, '1 234 568'],
  [1_234, '1 234'],
  [123.4, '123'],
  [40, '40.0'],
  [1.005, '1.00'],
  [0.0412, '0.04'],
  [0, '0'],
  [Number.NaN, ''],
])('figure › of %p › is %p', (value, text) => {
  expect(figure(value)).toBe(text);
});

test('isMet › at the limit itself › is true either way', () => {
  expect([isMet(target(2, 'at least', 2)), isMet(target(2, 'at most', 2))]).toEqual([true, true]);
  expect([isMet(target(1.9, 'at least', 2)), isMet(target(2.1, 'at most', 2))]).toEqual([false, false]);
});

test('margin › is positive on the good side of the limit › whichever that is', () => {
  expect(margin(target(3, 'at least', 2))).toBeCloseTo(0.5);
  expect(margin(target(3, 'at most', 2))).toBeCloseTo(-0.5);
});

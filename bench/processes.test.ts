import { expect, test } from 'bun:test';
import { parseStat, treeCpuSeconds } from './processes.ts';

test('parseStat › of a program with blanks and parentheses in its name › still finds the fields', () => {
  const line = '4711 (odd) name)) S 12 4711 4711 0 -1 4194304 100 0 0 0 31 7 5 2 20 0 1 0 1000 1000000 500';
  expect(parseStat(line)).toEqual({ pid: 4711, parent: 12, cpuTicks: 45 });
});

test('treeCpuSeconds › of a process › counts all below it, whatever their pids, and nobody else', () => {
  const all = [
    { pid: 3, parent: 9, cpuTicks: 100 },
    { pid: 5, parent: 1, cpuTicks: 10 },
    { pid: 7, parent: 1, cpuTicks: 7_000 },
    { pid: 9, parent: 5, cpuTicks: 50 },
  ];
  expect(treeCpuSeconds(5, all)).toBe(1.6);
});

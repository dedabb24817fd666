import { expect, test } from 'bun:test';
import { type Contender, measureInRounds, roundOrder } from './rounds.ts';

const servers = {
  postgres: { url: 'postgres://nowhere', pid: process.pid },
  redis: { url: 'redis://nowhere', pid: process.pid },
};

test('roundOrder › every other round › goes back the way it came', () => {
  const rounds = [0, 1, 2].map((round) => roundOrder(['a', 'b', 'c'], round).join(''));
  expect(rounds).toEqual(['abc', 'cba', 'abc']);
});

test('measureInRounds › of two contenders › warms both, lets them take turns, and answers medians', async () => {
  const loads: string[] = [];
  const counts: Record<string, number[]> = { a: [0, 10, 50, 30], b: [0, 7, 7, 7] };
  const contender = (name: string): Contender => ({
    name,
    load: async (seconds) => {
      loads.push(`${name}${seconds}`);
      return { count: counts[name]?.shift() ?? 0, seconds, p50Ms: 1, p99Ms: 2 };
    },
  });
  let roundsBegun = 0;
  const measured = await measureInRounds([contender('a'), contender('b')], {
    rounds: 3,
    secondsPerRun: 2,
    warmUpSeconds: 1,
    settleMs: 0,
    servers,
    beforeRound: async () => {
      roundsBegun += 1;
    },
  });
  expect(loads.join(' ')).toBe('a1 b1 a2 b2 b2 a2 a2 b2');
  expect(roundsBegun).toBe(3);
  expect(measured.map(({ name, perSecond }) => [name, perSecond])).toEqual([
    ['a', 15],
    ['b', 3.5],
  ]);
  expect(measured[0]?.runs.map(({ perSecond }) => perSecond)).toEqual([5, 25, 15]);
});

import { describe, expect, test } from 'bun:test';
import { retryDelayMs } from './mails.ts';

const minuteMs = 60_000;
const delays = Array.from({ length: 40 }, (_, index) => retryDelayMs(index + 1));

describe('retryDelayMs', () => {
  describe('when an attempt has failed', () => {
    test('comes within 5 s the first time, then grows, at most doubling, up to a limit', () => {
      expect(delays[0]).toBeWithin(0, 5_000);
      for (const [index, delay] of delays.entries()) {
        const before = delays[index - 1] ?? delay;
        expect(delay).toBeWithin(before, 2 * before + 1);
        expect(delay).toBeLessThanOrEqual(15 * minuteMs);
      }
      expect(delays.at(-1)).toBe(15 * minuteMs);
    });
  });

  describe('when the mail server was away for less than a minute', () => {
    test('comes again within a minute of its return', () => {
      let waitedMs = 0;
      for (const delay of delays) {
        if (waitedMs < minuteMs) expect(delay).toBeLessThan(minuteMs);
        waitedMs += delay;
      }
    });
  });
});

import { describe, expect, test } from 'bun:test';
import { mailOutbox } from './kinds.ts';
import { retryDelayMs } from './outbox.ts';

const minuteMs = 60_000;
/** What the relay, twice a second, and the queue add at most. */
const addedMs = 600;
const delays = (chance: number) =>
  Array.from({ length: 40 }, (_, index) => retryDelayMs(mailOutbox, index + 1, chance));
const [shortest, longest] = [delays(0), delays(1)];

describe('retryDelayMs', () => {
  describe('when an attempt has failed', () => {
    test('comes within 5 s the first time, then grows, at most doubling, up to a limit, whatever chance adds', () => {
      expect((longest[0] ?? 0) + addedMs).toBeLessThan(5_000);
      for (const [index, delay] of longest.entries()) {
        if (index > 0) expect(delay + addedMs).toBeLessThanOrEqual(2 * (shortest[index - 1] ?? 0));
        expect(shortest[index] ?? 0).toBeGreaterThanOrEqual(shortest[index - 1] ?? 0);
        expect(delay).toBeLessThanOrEqual(15 * minuteMs);
      }
      expect(longest.at(-1)).toBe(15 * minuteMs);
    });

    test('does not come at the same moment for all that failed together', () => {
      for (const [index, delay] of longest.entries()) expect(delay).toBeGreaterThan((shortest[index] ?? 0) * 1.1);
    });
  });

  describe('when the mail server was away for less than a minute', () => {
    test.each([
      ['little', shortest],
      ['much', longest],
    ])('and chance adds %s › comes again within a minute of its return', (_added, waits) => {
      let waitedMs = 0;
      for (const delay of waits) {
        if (waitedMs < minuteMs) expect(delay).toBeLessThan(minuteMs);
        waitedMs += delay;
      }
    });
  });
});

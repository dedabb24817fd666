import { describe, expect, test } from 'bun:test';
import { databaseWaitMsMax, waitEndsAt, withRestOfWait } from './deadline.ts';

describe('withRestOfWait', () => {
  describe('when a request goes on', () => {
    test('leaves it what is left of its time', async () => {
      const endsAt = performance.now() + 1_000;
      expect(await withRestOfWait(endsAt, async () => waitEndsAt())).toBe(endsAt);
    });
  });

  describe('when it has been answered, or has failed', () => {
    test.each([
      ['answered', async () => {}],
      ['failed', () => Promise.reject(new Error('no'))],
    ])('gives what goes on in its context all of the time: %s', async (_, end) => {
      const later = Promise.withResolvers<void>();
      let goingOn = Promise.resolve(0);
      const request = withRestOfWait(performance.now() - 1, async () => {
        goingOn = later.promise.then(waitEndsAt);
        await end();
      });
      await request.catch(() => {});
      const startedAt = performance.now();
      later.resolve();
      expect(await goingOn).toBeGreaterThanOrEqual(startedAt + databaseWaitMsMax);
    });
  });
});

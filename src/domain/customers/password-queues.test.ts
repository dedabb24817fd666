import { describe, expect, test } from 'bun:test';
import { createPasswordQueues } from './password-queues.ts';

const { signal } = new AbortController();

describe('createPasswordQueues', () => {
  describe('when more wait than one core can serve', () => {
    test('refuses new passwords at once, and compares none the later', async () => {
      const { hash, matches } = createPasswordQueues(1);
      const stored = await hash('open sesame', signal);
      const order: string[] = [];
      const leaving = new AbortController();
      const crowd = Array.from({ length: 100 }, () => hash('another', leaving.signal).then(() => order.push('hash')));
      const crowdEnds = Promise.allSettled(crowd);
      await expect(hash('one too many', signal)).rejects.toMatchObject({ code: 'unavailable' });
      expect(await matches(stored, 'open sesame', signal)).toBeTrue();
      // As many as came before the comparison had its core.
      expect(order.length).toBeLessThan(10);
      leaving.abort();
      await crowdEnds;
    });
  });

  describe('when a caller has hung up before their turn', () => {
    test('does not hash for them, and goes on with those who wait', async () => {
      const { hash, matches } = createPasswordQueues(1);
      const gone = new AbortController();
      const first = hash('open sesame', signal);
      const left = Array.from({ length: 50 }, () => hash('open sesame', gone.signal));
      const last = hash('open sesame', signal);
      gone.abort();
      const outcomes = await Promise.allSettled([first, ...left, last]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        ...left.map(() => 'rejected' as const),
        'fulfilled',
      ]);
      await expect(matches(await first, 'open sesame', gone.signal)).rejects.toMatchObject({ name: 'AbortError' });
    });
  });
});

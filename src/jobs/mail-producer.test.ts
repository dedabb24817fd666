import { describe, expect, test } from 'bun:test';
import { createMailProducer } from './mail-producer.ts';

/** A producer whose queue fails to open for as long as the test says so. */
function openProducer() {
  const state = { broken: false, opens: 0, closes: 0 };
  const enqueued: string[] = [];
  const errors: unknown[] = [];
  const open = async () => {
    state.opens += 1;
    if (state.broken) throw new Error('cannot be loaded');
    return {
      enqueue: async (ids: string[]) => {
        enqueued.push(...ids);
      },
      depth: async () => ({ waiting: enqueued.length }),
      close: async () => {
        state.closes += 1;
      },
    };
  };
  const producer = createMailProducer(open, (error) => errors.push(error));
  return { ...producer, state, enqueued, errors, add: (id: string) => producer.enqueue([id], 'r') };
}

describe('createMailProducer', () => {
  describe('when nothing is enqueued', () => {
    test('opens nothing, and closes nothing', async () => {
      const { close, state } = openProducer();
      await close();
      expect(state).toMatchObject({ opens: 0, closes: 0 });
    });
  });

  describe('when mails come together', () => {
    test('opens one queue for all', async () => {
      const { add, depth, close, state, enqueued } = openProducer();
      await Promise.all(['a', 'b', 'c'].map(add));
      expect(enqueued).toEqual(['a', 'b', 'c']);
      expect(await depth()).toEqual({ waiting: 3 });
      await close();
      expect(state).toMatchObject({ opens: 1, closes: 1 });
    });
  });

  describe('when the queue fails to open', () => {
    test('tells of it without rejecting, and tries again with the next mail', async () => {
      const { add, depth, close, state, enqueued, errors } = openProducer();
      state.broken = true;
      await add('a');
      expect(errors).toEqual([new Error('cannot be loaded')]);
      await expect(depth()).rejects.toThrow('cannot be loaded');
      await close();
      state.broken = false;
      await add('b');
      expect(enqueued).toEqual(['b']);
      expect(state.opens).toBe(3);
    });
  });
});

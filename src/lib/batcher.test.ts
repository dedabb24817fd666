import { afterEach, describe, expect, jest, test } from 'bun:test';
import { createBatcher, settleMsMax } from './batcher.ts';

const deadlineMs = 4_500;

/** A batcher whose batches end when the test says so. */
function openBatcher(options: Partial<{ batchesMax: number; batchSizeMax: number; waitingMax: number }> = {}) {
  const batches: {
    inputs: string[];
    endsAt: number;
    end: (outcomes?: (string | Error)[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const batcher = createBatcher<string, string>({
    batchesMax: 1,
    batchSizeMax: 10,
    waitingMax: 100,
    deadlineMs,
    run: (inputs, endsAt) =>
      new Promise((resolve, reject) => {
        const end = (outcomes?: (string | Error)[]) => resolve(outcomes ?? inputs.map((input) => `${input}!`));
        batches.push({ inputs, endsAt, end, fail: reject });
      }),
    ...options,
  });
  return { ...batcher, batches, inputs: () => batches.map((batch) => batch.inputs) };
}

/** Lets everything that can happen without waiting happen. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('createBatcher', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  describe('when nothing is under way', () => {
    test('starts at once, with all that came in the same turn of the event loop', async () => {
      const batcher = openBatcher();
      const first = batcher.add('a');
      await Promise.resolve();
      const answers = [first, batcher.add('b')];
      await settled();
      expect(batcher.inputs()).toEqual([['a', 'b']]);
      batcher.batches[0]?.end();
      expect(await Promise.all(answers)).toEqual(['a!', 'b!']);
    });
  });

  describe('when a batch is under way', () => {
    test('lets newcomers share the next one, in the order of their arrival', async () => {
      const batcher = openBatcher();
      const first = batcher.add('a');
      await settled();
      const others = ['b', 'c', 'd'].map((input) => batcher.add(input));
      await settled();
      expect(batcher.inputs()).toEqual([['a']]);
      expect(batcher.waiting()).toBe(3);
      batcher.batches[0]?.end();
      expect(await first).toBe('a!');
      await settled();
      expect(batcher.inputs()).toEqual([['a'], ['b', 'c', 'd']]);
      batcher.batches[1]?.end();
      expect(await Promise.all(others)).toEqual(['b!', 'c!', 'd!']);
    });

    test('starts another beside it where several may be under way', async () => {
      const batcher = openBatcher({ batchesMax: 2 });
      for (const input of ['a', 'b', 'c']) {
        void batcher.add(input);
        await settled();
      }
      expect(batcher.inputs()).toEqual([['a'], ['b']]);
      batcher.batches[1]?.end();
      await settled();
      expect(batcher.inputs()).toEqual([['a'], ['b'], ['c']]);
    });
  });

  describe('when those of a batch came at different times', () => {
    test('gives it the time that its first one has left', async () => {
      jest.useFakeTimers();
      const batcher = openBatcher();
      void batcher.add('a');
      await settled();
      const secondAt = performance.now();
      void batcher.add('b');
      jest.advanceTimersByTime(1_000);
      void batcher.add('c');
      batcher.batches[0]?.end();
      await settled();
      expect(batcher.batches[1]).toMatchObject({ inputs: ['b', 'c'], endsAt: secondAt + deadlineMs });
      batcher.batches[1]?.end();
      await settled();
    });
  });

  describe('when more come than a batch may hold', () => {
    test('leaves the rest to the batch after it', async () => {
      const batcher = openBatcher({ batchSizeMax: 2 });
      for (const input of ['a', 'b', 'c']) void batcher.add(input);
      await settled();
      batcher.batches[0]?.end();
      await settled();
      expect(batcher.inputs()).toEqual([['a', 'b'], ['c']]);
    });
  });

  describe('when an outcome is an error', () => {
    test('fails that input alone', async () => {
      const batcher = openBatcher();
      const answers = Promise.allSettled(['a', 'b'].map((input) => batcher.add(input)));
      await settled();
      batcher.batches[0]?.end([new Error('short'), 'b!']);
      expect(await answers).toMatchObject([
        { status: 'rejected', reason: { message: 'short' } },
        { status: 'fulfilled', value: 'b!' },
      ]);
    });
  });

  describe('when a batch fails as a whole', () => {
    test('fails its inputs, and goes on with the next', async () => {
      const batcher = openBatcher();
      const first = batcher.add('a').catch((error) => error.message);
      await settled();
      const second = batcher.add('b');
      batcher.batches[0]?.fail(new Error('broken'));
      expect(await first).toBe('broken');
      await settled();
      batcher.batches[1]?.end();
      expect(await second).toBe('b!');
    });
  });

  describe('when a batch comes back with too few outcomes, or too many', () => {
    test.each([[[]], [['a!']], [['a!', 'b!', 'c!']]])('fails all of its inputs: %j', async (outcomes) => {
      const batcher = openBatcher();
      const answers = Promise.allSettled(['a', 'b'].map((input) => batcher.add(input)));
      await settled();
      batcher.batches[0]?.end(outcomes);
      const reason = { message: `A batch of 2 inputs came back with ${outcomes.length} outcomes.` };
      expect(await answers).toMatchObject([
        { status: 'rejected', reason },
        { status: 'rejected', reason },
      ]);
    });
  });

  describe('when too many wait', () => {
    test('refuses one more as unavailable, until there is room', async () => {
      const batcher = openBatcher({ waitingMax: 2 });
      void batcher.add('a');
      await settled();
      void batcher.add('b');
      void batcher.add('c');
      expect(await batcher.add('d').catch((error) => error.code)).toBe('unavailable');
      batcher.batches[0]?.end();
      await settled();
      void batcher.add('e');
      batcher.batches[1]?.end();
      await settled();
      expect(batcher.inputs()).toEqual([['a'], ['b', 'c'], ['e']]);
    });
  });

  describe('when one has waited too long', () => {
    test('tells it so, and never serves it', async () => {
      jest.useFakeTimers();
      const batcher = openBatcher();
      const first = batcher.add('a').catch((error) => error.code);
      await settled();
      const second = batcher.add('b').catch((error) => error.code);
      jest.advanceTimersByTime(deadlineMs + 1);
      jest.advanceTimersByTime(settleMsMax + 1);
      expect(await Promise.all([first, second])).toEqual(['unavailable', 'unavailable']);
      batcher.batches[0]?.end();
      const third = batcher.add('c');
      await settled();
      batcher.batches[1]?.end();
      expect(await third).toBe('c!');
      expect(batcher.inputs()).toEqual([['a'], ['c']]);
    });

    test('refuses each at its own time, and ends a batch at the earliest of them', async () => {
      jest.useFakeTimers();
      const batcher = openBatcher();
      const refused: string[] = [];
      const add = (input: string, ms: number) =>
        batcher.add(input, { endsAt: performance.now() + ms }).catch(() => void refused.push(input));
      void batcher.add('a');
      await settled();
      void add('patient', 3_000);
      void add('hasty', 1_000);
      const hastyEndsAt = performance.now() + 500;
      void add('hastier', 500);
      jest.advanceTimersByTime(400);
      batcher.batches[0]?.end();
      await settled();
      expect(batcher.batches[1]).toMatchObject({ inputs: ['patient', 'hasty', 'hastier'], endsAt: hastyEndsAt });
      jest.advanceTimersByTime(101 + settleMsMax);
      await Promise.resolve();
      expect(refused).toEqual(['hastier']);
      jest.advanceTimersByTime(500);
      await Promise.resolve();
      expect(refused).toEqual(['hastier', 'hasty']);
    });

    test('but is served already › waits for what may be a commit', async () => {
      jest.useFakeTimers();
      const batcher = openBatcher();
      const first = batcher.add('a');
      await settled();
      jest.advanceTimersByTime(deadlineMs + 1);
      batcher.batches[0]?.end();
      expect(await first).toBe('a!');
    });

    test('leaves those alone who came later, until it is their time', async () => {
      jest.useFakeTimers();
      const batcher = openBatcher();
      const refused: string[] = [];
      for (const input of ['a', 'b', 'c']) {
        batcher.add(input).catch(() => refused.push(input));
        await settled();
        jest.advanceTimersByTime(1_000);
      }
      for (const expected of [[], ['a'], ['a', 'b'], ['a', 'b', 'c']]) {
        expect(refused).toEqual(expected);
        jest.advanceTimersByTime(expected.length === 0 ? deadlineMs - 3_000 + settleMsMax : 1_000);
        await Promise.resolve();
      }
      batcher.batches[0]?.end();
      const last = batcher.add('d');
      await settled();
      batcher.batches[1]?.end();
      expect(await last).toBe('d!');
      expect(batcher.inputs()).toEqual([['a'], ['d']]);
    });
  });
});

import { afterEach, describe, expect, jest, test } from 'bun:test';
import { databaseWaitMsMax } from './deadline.ts';
import { createLane } from './lane.ts';

/** A lane whose batches end when the test says so. */
function openLane(options: Partial<{ lanes: number; batchSizeMax: number; waitingMax: number }> = {}) {
  const batches: { inputs: string[]; end: (outcomes?: (string | Error)[]) => void; fail: (error: Error) => void }[] =
    [];
  const lane = createLane<string, string>({
    lanes: 1,
    batchSizeMax: 10,
    waitingMax: 100,
    run: (inputs) =>
      new Promise((resolve, reject) => {
        const end = (outcomes?: (string | Error)[]) => resolve(outcomes ?? inputs.map((input) => `${input}!`));
        batches.push({ inputs, end, fail: reject });
      }),
    ...options,
  });
  return { ...lane, batches, inputs: () => batches.map((batch) => batch.inputs) };
}

/** Lets everything that can happen without waiting happen. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('createLane', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  describe('when nothing is under way', () => {
    test('starts at once, with all that came in the same turn of the event loop', async () => {
      const lane = openLane();
      const first = lane.submit('a');
      await Promise.resolve();
      const answers = [first, lane.submit('b')];
      await settled();
      expect(lane.inputs()).toEqual([['a', 'b']]);
      lane.batches[0]?.end();
      expect(await Promise.all(answers)).toEqual(['a!', 'b!']);
    });
  });

  describe('when a batch is under way', () => {
    test('lets newcomers share the next one, in the order of their arrival', async () => {
      const lane = openLane();
      const first = lane.submit('a');
      await settled();
      const others = ['b', 'c', 'd'].map(lane.submit);
      await settled();
      expect(lane.inputs()).toEqual([['a']]);
      expect(lane.waiting()).toBe(3);
      lane.batches[0]?.end();
      expect(await first).toBe('a!');
      await settled();
      expect(lane.inputs()).toEqual([['a'], ['b', 'c', 'd']]);
      lane.batches[1]?.end();
      expect(await Promise.all(others)).toEqual(['b!', 'c!', 'd!']);
    });

    test('starts another beside it where there are several lanes', async () => {
      const lane = openLane({ lanes: 2 });
      for (const input of ['a', 'b', 'c']) {
        void lane.submit(input);
        await settled();
      }
      expect(lane.inputs()).toEqual([['a'], ['b']]);
      lane.batches[1]?.end();
      await settled();
      expect(lane.inputs()).toEqual([['a'], ['b'], ['c']]);
    });
  });

  describe('when more come than a batch may hold', () => {
    test('leaves the rest to the batch after it', async () => {
      const lane = openLane({ batchSizeMax: 2 });
      for (const input of ['a', 'b', 'c']) void lane.submit(input);
      await settled();
      lane.batches[0]?.end();
      await settled();
      expect(lane.inputs()).toEqual([['a', 'b'], ['c']]);
    });
  });

  describe('when an outcome is an error', () => {
    test('fails that input alone', async () => {
      const lane = openLane();
      const answers = Promise.allSettled(['a', 'b'].map(lane.submit));
      await settled();
      lane.batches[0]?.end([new Error('short'), 'b!']);
      expect(await answers).toMatchObject([
        { status: 'rejected', reason: { message: 'short' } },
        { status: 'fulfilled', value: 'b!' },
      ]);
    });
  });

  describe('when a batch fails as a whole', () => {
    test('fails its inputs, and goes on with the next', async () => {
      const lane = openLane();
      const first = lane.submit('a').catch((error) => error.message);
      await settled();
      const second = lane.submit('b');
      lane.batches[0]?.fail(new Error('broken'));
      expect(await first).toBe('broken');
      await settled();
      lane.batches[1]?.end();
      expect(await second).toBe('b!');
    });
  });

  describe('when too many wait', () => {
    test('refuses one more as unavailable, until there is room', async () => {
      const lane = openLane({ waitingMax: 2 });
      void lane.submit('a');
      await settled();
      void lane.submit('b');
      void lane.submit('c');
      expect(await lane.submit('d').catch((error) => error.code)).toBe('unavailable');
      lane.batches[0]?.end();
      await settled();
      void lane.submit('e');
      lane.batches[1]?.end();
      await settled();
      expect(lane.inputs()).toEqual([['a'], ['b', 'c'], ['e']]);
    });
  });

  describe('when one has waited too long', () => {
    test('tells it so, and never serves it', async () => {
      jest.useFakeTimers();
      const lane = openLane();
      const first = lane.submit('a').catch((error) => error.code);
      await settled();
      const second = lane.submit('b').catch((error) => error.code);
      jest.advanceTimersByTime(databaseWaitMsMax + 1);
      expect(await Promise.all([first, second])).toEqual(['unavailable', 'unavailable']);
      lane.batches[0]?.end();
      const third = lane.submit('c');
      await settled();
      lane.batches[1]?.end();
      expect(await third).toBe('c!');
      expect(lane.inputs()).toEqual([['a'], ['c']]);
    });

    test('leaves those alone who came later, until it is their time', async () => {
      jest.useFakeTimers();
      const lane = openLane();
      const refused: string[] = [];
      for (const input of ['a', 'b', 'c']) {
        lane.submit(input).catch(() => refused.push(input));
        await settled();
        jest.advanceTimersByTime(1_000);
      }
      for (const expected of [[], ['a'], ['a', 'b'], ['a', 'b', 'c']]) {
        expect(refused).toEqual(expected);
        jest.advanceTimersByTime(expected.length === 0 ? databaseWaitMsMax - 3_000 : 1_000);
        await Promise.resolve();
      }
      lane.batches[0]?.end();
      const last = lane.submit('d');
      await settled();
      lane.batches[1]?.end();
      expect(await last).toBe('d!');
      expect(lane.inputs()).toEqual([['a'], ['d']]);
    });
  });
});

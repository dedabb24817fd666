import { describe, expect, test } from 'bun:test';
import { createSlots } from './slots.ts';

/** Takes a slot in a name that is written down once it has one. */
function waiter(slots: ReturnType<typeof createSlots>, served: string[]) {
  return (name: string, urgent?: boolean) =>
    slots.take(undefined, urgent).then(() => {
      served.push(name);
    });
}

describe('createSlots', () => {
  describe('when more want one than there is room for', () => {
    test('gives them out in the order of their arrival, but to who is urgent first', async () => {
      const slots = createSlots(() => 1);
      const served: string[] = [];
      const wait = waiter(slots, served);
      const all = [wait('first'), wait('second'), wait('third'), wait('urgent', true), wait('as urgent', true)];
      for (const _slot of all) {
        await Promise.resolve();
        await Promise.resolve();
        slots.free();
      }
      await Promise.all(all);
      expect(served).toEqual(['first', 'urgent', 'as urgent', 'second', 'third']);
      expect([slots.taken(), slots.waiting()]).toEqual([0, 0]);
    });

    test('sends away who waits for too long, urgent or not', async () => {
      const slots = createSlots(() => 1);
      expect(await slots.take()).toBe(true);
      expect(await Promise.all([slots.take(1), slots.take(1, true)])).toEqual([false, false]);
      expect([slots.taken(), slots.waiting()]).toEqual([1, 0]);
    });
  });

  describe('when there comes more room', () => {
    test('lets so many go', async () => {
      let room = 0;
      const slots = createSlots(() => room);
      const served: string[] = [];
      const wait = waiter(slots, served);
      const all = [wait('one'), wait('two'), wait('three')];
      room = 2;
      slots.look();
      await Promise.all(all.slice(0, 2));
      expect(served).toEqual(['one', 'two']);
      slots.free();
      await Promise.all(all);
      expect(served).toHaveLength(3);
    });
  });
});

import { describe, expect, test } from 'bun:test';
import { createClosers } from './closers.ts';

/** Things that were opened in the order of their names, and what is told of their closing. */
function open(...names: string[]) {
  const closers = createClosers();
  const closed: string[] = [];
  const errors: [string, unknown][] = [];
  for (const name of names) closers.add(name, () => closed.push(name));
  const close = () => closers.close((error, name) => errors.push([name, error]));
  return { ...closers, close, closed, errors };
}

describe('createClosers', () => {
  describe('when it closes', () => {
    test('closes each once, newest first', async () => {
      const { close, closed } = open('a', 'b', 'c');
      await close();
      await close();
      expect(closed).toEqual(['c', 'b', 'a']);
    });

    test('waits for one before it closes the next, and names it', async () => {
      const { add, close, closed, current } = open('a');
      let release = () => {};
      add('slow', () => new Promise<void>((resolve) => (release = resolve)));
      const closing = close();
      expect([current(), ...closed]).toEqual(['slow']);
      release();
      await closing;
      expect([current(), ...closed]).toEqual([undefined, 'a']);
    });
  });

  describe.each([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
  ])('when one %s', (_how, closeBadly) => {
    test('closes all others, and tells of it', async () => {
      const { add, close, closed, errors } = open('a', 'b');
      add('broken', closeBadly);
      add('c', () => closed.push('c'));
      await close();
      expect(closed).toEqual(['c', 'b', 'a']);
      expect(errors).toEqual([['broken', new Error('broken')]]);
    });
  });

  describe('when something is opened meanwhile', () => {
    test('closes it, too', async () => {
      const { add, close, closed } = open('a');
      add('late opener', () => add('late', () => closed.push('late')));
      await close();
      expect(closed).toEqual(['late', 'a']);
    });
  });
});

function fail(): never {
  throw new Error('broken');
}

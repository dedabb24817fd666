import { describe, expect, test } from 'bun:test';
import { isFresh, matches } from './conditional.ts';

const etag = '"7"';

describe('isFresh', () => {
  describe('when If-None-Match names the tag', () => {
    test.each(['"7"', 'W/"7"', '"6", "7"', 'W/"6",W/"7"', ' "7" ', '*', ' * '])('is true: %s', (header) => {
      expect(isFresh(header, etag)).toBe(true);
    });
  });

  describe('when it does not', () => {
    test.each(['"6"', '7', '"77"', '""', '', 'W/', '"7', 'w/"7"', '"*"'])('is false: %p', (header) => {
      expect(isFresh(header, etag)).toBe(false);
    });

    test('is false without the header', () => {
      expect(isFresh(undefined, etag)).toBe(false);
    });
  });
});

describe('matches', () => {
  describe('when there is no If-Match', () => {
    test('lets every change pass', () => {
      expect(matches(undefined, etag)).toBe(true);
    });
  });

  describe('when there is one', () => {
    test('lets a change of what it names pass, weakened or not', () => {
      for (const header of ['"7"', 'W/"7"', '"1", "7"', '*']) expect(matches(header, etag)).toBe(true);
    });

    test('refuses a change of anything else', () => {
      for (const header of ['"6"', 'W/"6"', '', '7']) expect(matches(header, etag)).toBe(false);
    });
  });
});

import { describe, expect, test } from 'bun:test';
import { isFresh, mayChange } from './conditional.ts';

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

describe('mayChange', () => {
  describe('when no condition is sent', () => {
    test('lets every change pass', () => {
      expect(mayChange(undefined, undefined, etag)).toBe(true);
    });
  });

  describe('when there is an If-Match', () => {
    test('lets a change of what it names pass, weakened or not', () => {
      for (const header of ['"7"', 'W/"7"', '"1", "7"', '*']) expect(mayChange(header, undefined, etag)).toBe(true);
    });

    test('refuses a change of anything else', () => {
      for (const header of ['"6"', 'W/"6"', '', '7', '"*"', '"6", *']) {
        expect(mayChange(header, undefined, etag)).toBe(false);
      }
    });
  });

  describe('when there is an If-None-Match', () => {
    test('refuses a change of what it names, weakened or not', () => {
      for (const header of ['"7"', 'W/"7"', '"1", "7"', '*']) expect(mayChange(undefined, header, etag)).toBe(false);
    });

    test('lets a change of anything else pass', () => {
      for (const header of ['"6"', '', '7']) expect(mayChange(undefined, header, etag)).toBe(true);
    });

    test('refuses beside an If-Match that holds', () => {
      expect(mayChange('"7"', '"6"', etag)).toBe(true);
      expect(mayChange('"7"', '*', etag)).toBe(false);
      expect(mayChange('"6"', '"6"', etag)).toBe(false);
    });
  });
});

import { describe, expect, test } from 'bun:test';
import { z } from 'zod';
import { id, idInput, line, optional, queryFlag, queryInteger, text, timestamp } from './common.ts';

const accepts = (schema: { safeParse: (value: unknown) => { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

describe('text', () => {
  describe('when characters are counted', () => {
    test('counts code points, as JSON Schema does, not UTF-16 units', () => {
      expect(accepts(text(1, 2), '🦉🦉')).toBe(true);
      expect(accepts(text(1, 2), '🦉🦉🦉')).toBe(false);
      expect(accepts(text(3, 9), '🦉🦉')).toBe(false);
    });
  });

  describe('when it cannot be stored', () => {
    test.each(['a\0b', '\ud800', '\udc00x', 'x\ud83e'])('refuses %j', (value) => {
      expect(accepts(text(0, 10), value)).toBe(false);
    });
  });

  describe('when it has several lines', () => {
    test('keeps them as they are', () => {
      expect(text(0, 20).parse(' one\n\ttwo ')).toBe(' one\n\ttwo ');
    });
  });
});

describe('line', () => {
  describe('when blanks stand around it', () => {
    test('trims before it counts', () => {
      expect(line(1, 3).parse('  abc\u3000')).toBe('abc');
      expect(accepts(line(1, 3), ' \t ')).toBe(false);
    });
  });

  describe('when it has control characters', () => {
    test.each(['a\nb', 'a\rb', 'a\tb', 'a\u007fb', 'a\u0085b', 'a\u001bb'])('refuses %j', (value) => {
      expect(accepts(line(1, 10), value)).toBe(false);
    });
  });
});

describe('queryInteger', () => {
  const limit = queryInteger(1, 100);

  describe('when it is a whole number in its bounds', () => {
    test.each([
      ['1', 1],
      ['100', 100],
      ['007', 7],
    ])('takes %s', (value, number) => {
      expect(limit.parse(value)).toBe(number);
    });
  });

  describe('when it is not', () => {
    test.each(['', '0', '101', '-1', '+1', '1.0', '1e1', '0x1', ' 1', '1 ', '١', 'NaN', '9'.repeat(30)])(
      'refuses %p',
      (value) => {
        expect(accepts(limit, value)).toBe(false);
      },
    );

    test('refuses a number that is not text, and text that comes twice', () => {
      expect(accepts(limit, 1)).toBe(false);
      expect(accepts(limit, ['1', '2'])).toBe(false);
    });
  });
});

describe('optional', () => {
  const query = z.strictObject({ limit: optional(queryInteger(1, 100)) });

  describe('when a parameter is empty', () => {
    test('takes it for one that was not sent', () => {
      for (const sent of [{}, { limit: '' }]) expect(JSON.stringify(query.parse(sent))).toBe('{}');
      expect(query.parse({ limit: '7' })).toEqual({ limit: 7 });
    });

    test('refuses it when it comes twice, or when nobody knows it', () => {
      for (const sent of [{ limit: ['', ''] }, { limit: ' ' }, { page: '' }]) expect(accepts(query, sent)).toBe(false);
    });
  });
});

describe('queryFlag', () => {
  const query = z.strictObject({ inStock: queryFlag });

  describe('when it is true', () => {
    test('sets the filter', () => {
      expect(query.parse({ inStock: 'true' })).toEqual({ inStock: true });
    });
  });

  describe('when it is false or empty', () => {
    test('takes it for one that was not sent', () => {
      for (const sent of [{}, { inStock: 'false' }, { inStock: '' }]) {
        expect(JSON.stringify(query.parse(sent))).toBe('{}');
      }
    });
  });

  describe('when it is anything else', () => {
    test('refuses it', () => {
      for (const value of ['1', '0', 'TRUE', 'False', 'yes', ['true', 'true'], ['false', '']]) {
        expect(accepts(query, { inStock: value })).toBe(false);
      }
    });
  });
});

describe('timestamp', () => {
  describe('when a moment goes over the wire', () => {
    test('is RFC 3339 in UTC with milliseconds, nothing else', () => {
      expect(accepts(timestamp, new Date(0).toISOString())).toBe(true);
      for (const value of [
        '2026-11-22T12:00:00Z',
        '2026-11-22T12:00:00.000+01:00',
        '2026-11-22',
        '2026-13-01T00:00:00.000Z',
      ]) {
        expect(accepts(timestamp, value)).toBe(false);
      }
    });
  });
});

describe('idInput', () => {
  describe('when a client writes an id', () => {
    test('takes capitals and versions of every kind, and makes them lower case', () => {
      expect(idInput.parse('019379C3-8F00-7CC1-B2F4-1D6E8F1A2B3C')).toBe('019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c');
      expect(accepts(idInput, crypto.randomUUID())).toBe(true);
    });

    test('refuses what Postgres would not take, and what it would take in other shapes', () => {
      const bad = [
        '',
        '1',
        '019379c38f007cc1b2f41d6e8f1a2b3c',
        '{019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c}',
        'x'.repeat(36),
      ];
      for (const value of bad) expect(accepts(idInput, value)).toBe(false);
    });
  });
});

describe('id', () => {
  describe('when it stands in an answer', () => {
    test('is a UUID', () => {
      expect(accepts(id, '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c')).toBe(true);
      expect(accepts(id, 'order 1')).toBe(false);
    });
  });
});

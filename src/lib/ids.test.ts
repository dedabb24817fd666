import { describe, expect, test } from 'bun:test';
import { idAtMicros, isId, newId } from './ids.ts';

describe('newId', () => {
  describe('when many are made at one moment', () => {
    test('are UUIDv7 of that moment, each above the one before', () => {
      const now = new Date('2026-11-22T12:00:00.123Z');
      const made = Array.from({ length: 10_000 }, () => newId(now));
      expect(made).toEqual(made.toSorted());
      expect(new Set(made).size).toBe(made.length);
      for (const id of made)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt((made[0] ?? '').replaceAll('-', '').slice(0, 12), 16)).toBe(now.getTime());
    });
  });

  describe('when the clock goes back a little', () => {
    test('still go up', () => {
      const later = newId(new Date('2026-11-22T13:00:00.500Z'));
      expect(newId(new Date('2026-11-22T13:00:00.000Z')) > later).toBe(true);
    });
  });
});

describe('idAtMicros', () => {
  describe('when each microsecond of a millisecond has one', () => {
    test('are UUIDv7 of that millisecond, each above the one before', () => {
      const ms = Date.parse('2026-11-22T12:00:00.123Z');
      const made = Array.from({ length: 1_001 }, (_, micros) => idAtMicros(ms * 1_000 + micros));
      expect(made).toEqual(made.toSorted());
      for (const id of made) {
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
      const msOf = (id = '') => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
      expect([msOf(made[0]), msOf(made[999]), msOf(made[1_000])]).toEqual([ms, ms, ms + 1]);
    });
  });
});

describe('isId', () => {
  describe('when a path holds anything', () => {
    test('takes what Postgres takes for a uuid, in capitals too', () => {
      expect(isId('019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c')).toBe(true);
      expect(isId('019379C3-8F00-7CC1-B2F4-1D6E8F1A2B3C')).toBe(true);
    });

    test.each([
      '',
      '1',
      '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3',
      '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c\n',
      'g'.repeat(36),
    ])('refuses %j', (text) => {
      expect(isId(text)).toBe(false);
    });
  });
});

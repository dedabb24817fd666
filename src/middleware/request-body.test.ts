import { describe, expect, test } from 'bun:test';
import { isTooDeep, isUtf8Json } from './request-body.ts';

describe('isUtf8Json', () => {
  describe('when it says JSON in UTF-8, in whatever words', () => {
    test.each([
      'application/json',
      'Application/JSON',
      'application/json;',
      'application/json ; ',
      'application/json;;charset=utf-8;',
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8',
      'application/json; charset=utf8',
      'application/json; Charset="utf-8"',
      'application/json; charset="utf\\-8"',
      'application/json; profile=x; charset=utf-8',
      'application/json; profile="a;b=\\"c\\""; charset=utf-8; v=1',
      'application/json;\tversion=2',
    ])('is true: %s', (contentType) => {
      expect(isUtf8Json(contentType)).toBe(true);
    });
  });

  describe('when it says something else, or nothing that can be read', () => {
    test.each([
      '',
      ';',
      'json',
      'text/json',
      'application/jsonx',
      'application/problem+json',
      'application/json; charset=utf-16',
      'application/json; charset=iso-8859-1',
      'application/json; charset="iso-8859-1"',
      'application/json; charset=""',
      'application/json; charset=utf-8; charset=latin1',
      'application/json; profile="; charset=utf-8"; charset=latin1',
      'application/json; profile="open',
      'application/json; charset',
      'application/json; =utf-8',
      'application/json; profile=a b',
      'application/json, application/json',
      'application/json charset=utf-8',
    ])('is false: %j', (contentType) => {
      expect(isUtf8Json(contentType)).toBe(false);
    });
  });

  describe('when it is as long as a header can be', () => {
    test('answers at once', () => {
      for (const part of [';', '; a=b', '; a="', '"', ' ']) {
        const startedAt = performance.now();
        isUtf8Json(`application/json${part.repeat(16_000 / part.length)}`);
        expect(performance.now() - startedAt).toBeLessThan(200);
      }
    });
  });
});

describe('isTooDeep', () => {
  const nested = (depth: number, begin: string, end: string) => begin.repeat(depth) + end.repeat(depth);

  describe('when JSON is nested a hundred times', () => {
    test.each([
      nested(100, '[', ']'),
      `${'{"a":'.repeat(100)}0${'}'.repeat(100)}`,
      `[${'[],'.repeat(10_000)}{}]`,
      JSON.stringify([nested(1_000, '[', ''), nested(1_000, '\\"{', ''), 'and \\']),
    ])('is false', (text) => {
      expect(isTooDeep(text)).toBe(false);
    });
  });

  describe('when it is nested once more', () => {
    test.each([nested(101, '[', ']'), '{"a":'.repeat(101), `["\\"",${'['.repeat(100)}`, `["\\\\",${'['.repeat(100)}`])(
      'is true',
      (text) => {
        expect(isTooDeep(text)).toBe(true);
      },
    );
  });
});

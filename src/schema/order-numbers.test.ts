import { describe, expect, test } from 'bun:test';
import { orderNumber, readOrderNumber } from './order-numbers.ts';

describe('orderNumber', () => {
  describe('when ids differ in one of their last 50 bits', () => {
    test('differs in one digit, from zeros to the highest', () => {
      expect(orderNumber('01890a5d-ac96-774b-8000-000000000000')).toBe('0000-0000-00');
      expect(orderNumber('01890a5d-ac96-774b-bcce-ffffffffffff')).toBe('QZZZ-ZZZZ-ZZ');
      expect(orderNumber('ffffffff-ffff-ffff-ffff-ffffffffffff')).toBe('ZZZZ-ZZZZ-ZZ');
      expect(orderNumber('01890a5d-ac96-774b-8000-000000000001')).toBe('0000-0000-01');
      expect(orderNumber('01890a5d-ac96-774b-8000-000000000020')).toBe('0000-0000-10');
      expect(orderNumber('01890a5d-ac96-774b-8002-000000000000')).toBe('G000-0000-00');
    });
  });

  describe('when ids differ in what comes before', () => {
    test('is the same, for that tells the moment', () => {
      expect(orderNumber('01890a5d-ac96-774b-bcce-b302099a8057')).toBe(
        orderNumber('01990a5d-ac97-774b-bcce-b302099a8057'),
      );
    });
  });
});

describe('readOrderNumber', () => {
  describe('when a number is written as people do', () => {
    test.each(['K7Q2-91XM-0T', 'k7q291xm0t', 'K7Q2-9iXM-oT', 'k7q2-9LxM-OT', 'K-7-Q-291XM0T'])(
      'reads %s',
      (written) => {
        expect(readOrderNumber(written)).toBe('K7Q2-91XM-0T');
      },
    );
  });

  describe('when it can be none', () => {
    test.each([
      '',
      '-',
      'K7Q2-91XM-0',
      'K7Q2-91XM-0TT',
      'U7Q2-91XM-0T',
      'K7Q2 91XM 0T',
      'K7Q2-91XM-0\u00d6',
      '\u212a7Q291XM0T',
    ])('reads nothing: %j', (written) => {
      expect(readOrderNumber(written)).toBeNull();
    });
  });
});

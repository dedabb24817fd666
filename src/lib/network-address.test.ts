import { describe, expect, test } from 'bun:test';
import { canonicalAddress } from './network-address.ts';

describe('canonicalAddress', () => {
  describe('when it is IPv4', () => {
    test.each([
      '203.0.113.9',
      '203.0.113.9:1234',
      '203.0.113.9:',
      '::ffff:203.0.113.9',
      '::ffff:cb00:7109',
      '[::ffff:203.0.113.9]:443',
    ])('is the same for %p, whatever it comes with', (text) => {
      expect(canonicalAddress(text)).toBe('203.0.113.9');
    });
  });

  describe('when it is IPv6', () => {
    test.each([
      '2001:db8::1',
      '2001:DB8:0:0::ffff',
      '[2001:db8::1]',
      '[2001:db8::2]:443',
      '2001:db8::1%eth0',
      '2001:db8:0:0:1:2:3:4',
    ])('is the same for all of its /64: %p', (text) => {
      expect(canonicalAddress(text)).toBe('2001:db8::/64');
    });

    test('differs from the next /64', () => {
      expect(canonicalAddress('2001:db8:0:1::1')).toBe('2001:db8:0:1::/64');
    });
  });

  describe('when it is no address', () => {
    test.each([
      '',
      ' ',
      'unknown',
      '_hidden',
      '203.0.113.256',
      '1.2.3.4.5:80',
      'localhost:80',
      '[]',
      '[::1',
      ':80',
      'a'.repeat(9_000),
    ])('is none: %p', (text) => {
      expect(canonicalAddress(text)).toBeUndefined();
    });
  });
});

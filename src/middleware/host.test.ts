import { describe, expect, test } from 'bun:test';
import { isOneHost } from './host.ts';

describe('isOneHost', () => {
  describe('when it is one host, or none', () => {
    test.each([
      undefined,
      null,
      '',
      'shop.example',
      'SHOP.example:3000',
      'api_1:80',
      'a%2Db',
      '192.0.2.1:65535',
      '[::1]',
      '[2001:db8::1]:3000',
      'xn--mller-kva.test',
      'shop.example:',
    ])('is true: %p', (host) => {
      expect(isOneHost(host)).toBe(true);
    });
  });

  describe('when it is more than one, or something else', () => {
    test.each([
      'a.example, b.example',
      'a.example,b.example',
      'a b',
      'shop.example/path',
      'https://shop.example',
      'user@shop.example',
      'shop.example:port',
      'shop.example:123456',
      '[::1',
      '::1',
      '%',
      'a%2',
      'shop.example?x',
      'shop.example#x',
      'sh\u00f6p.example',
      '<script>',
    ])('is false: %p', (host) => {
      expect(isOneHost(host)).toBe(false);
    });
  });
});

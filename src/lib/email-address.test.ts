import { describe, expect, test } from 'bun:test';
import { emailAddress, isEmailAddress } from './email-address.ts';

const faultsOf = (text: unknown) => emailAddress.safeParse(text).error?.issues.map(({ message }) => message) ?? [];

const local64 = 'l'.repeat(64);
const label63 = 'd'.repeat(63);
const longest = `${local64}@${label63}.${label63}.${'d'.repeat(56)}.test`;

/** Legal by RFC 5321 and 5322. */
const legal = [
  'ada@example.com',
  'Ada.Lovelace@Example.COM',
  'm&m@x.test',
  'a/b@x.test',
  'user=tag@x.test',
  'user+tag@x.test',
  "o'neil@x.test",
  "!#$%&'*+-/=?^_`{|}~@x.test",
  'x@xn--e1afmkfd.xn--p1ai',
  '-@x.test',
  '1@1.test',
  'a@3com.example',
  'a@b.c',
  'a@a-b--c.example.museum',
  `${local64}@x.test`,
  `a@${label63}.test`,
  longest,
];

const illegal = [
  '',
  '@',
  'ada',
  'ada@',
  '@x.test',
  'ada@localhost',
  '.ada@x.test',
  'ada.@x.test',
  'a..b@x.test',
  'a@b@x.test',
  'a b@x.test',
  'a,b@x.test',
  'a@bad-.com',
  'a@-bad.com',
  'a@x.-test',
  'a@x.test-',
  'a@x_y.test',
  'a@x..test',
  'a@.x.test',
  'a@x.test.',
  'a@192.0.2.1',
  'a@x.1',
  'a@[192.0.2.1]',
  'a@[IPv6:2001:db8::1]',
  '"ada"@x.test',
  '"a b"@x.test',
  'ada(comment)@x.test',
  'Ada <ada@x.test>',
  'ada@x.test\r\nBcc: eve@x.test',
  'ada@x.test\0',
  'ada\u0000@x.test',
  `l${local64}@x.test`,
  `a@d${label63}.test`,
];

describe('emailAddress', () => {
  describe('when it is legal', () => {
    test.each(legal)('is taken as it is: %s', (text) => {
      expect(emailAddress.parse(text)).toBe(text);
    });

    test('is trimmed', () => {
      expect(emailAddress.parse(' ada@example.com\t')).toBe('ada@example.com');
    });
  });

  describe('when it is not', () => {
    test.each(illegal)('is refused: %j', (text) => {
      expect(faultsOf(text)).toEqual(['must be an e-mail address such as ada@example.com']);
    });
  });

  describe('when it is longer than SMTP lets a path be', () => {
    test('is refused for its length', () => {
      expect(longest).toHaveLength(254);
      expect(faultsOf(longest.replace('.test', 'd.test'))).toEqual(['must have at most 254 characters']);
    });
  });

  describe('when it is not ASCII', () => {
    test.each(['ada@müller.example', 'x@пример.рф', 'ädä@example.com', '\u0430da@example.com', 'ada@example\u3002com'])(
      'is refused, with what to send instead: %s',
      (text) => {
        expect(faultsOf(text)).toEqual([
          'must be in ASCII; a domain such as müller.example is sent as xn--mller-kva.example',
        ]);
      },
    );
  });

  describe('when somebody sends a megabyte', () => {
    test.each([
      'a.'.repeat(500_000),
      `${'a.'.repeat(500_000)}@x.test`,
      `a@${'b.'.repeat(500_000)}`,
      `a@${'-'.repeat(1_000_000)}`,
      '@'.repeat(1_000_000),
    ])('refuses it at once', (text) => {
      // What looks at each character takes milliseconds; what goes back and forth, for ever.
      const roundsMs = Array.from({ length: 20 }, () => {
        const startedAt = performance.now();
        expect(isEmailAddress(text)).toBe(false);
        emailAddress.safeParse(text);
        return performance.now() - startedAt;
      });
      expect(Math.min(...roundsMs)).toBeLessThan(0.5);
    });
  });
});

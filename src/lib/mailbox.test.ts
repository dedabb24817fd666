import { describe, expect, test } from 'bun:test';
import { domainOf, mailbox, readMailbox } from './mailbox.ts';

describe('readMailbox', () => {
  describe('when it is an address, or a name with one', () => {
    test.each([
      ['shop@example.com', '', 'shop@example.com'],
      ['<shop@example.com>', '', 'shop@example.com'],
      [' Shop  <shop@example.com> ', 'Shop', 'shop@example.com'],
      ['Shop<shop@localhost>', 'Shop', 'shop@localhost'],
      ['Shop, Inc. <shop@example.com>', 'Shop, Inc.', 'shop@example.com'],
      ['"Shop, Inc." <shop@example.com>', 'Shop, Inc.', 'shop@example.com'],
      ['"The \\"Shop\\" \\\\ <co>" <shop@example.com>', 'The "Shop" \\ <co>', 'shop@example.com'],
      ['Müllers Lädchen 🫖 <shop@müller.test>', 'Müllers Lädchen 🫖', 'shop@xn--mller-kva.test'],
      ['shop@ПРИМЕР.рф', '', 'shop@xn--e1afmkfd.xn--p1ai'],
      ['shop@xn--mller-kva.test', '', 'shop@xn--mller-kva.test'],
    ])('takes %j apart', (text, name, address) => {
      expect(readMailbox(text)).toEqual({ name, address });
    });

    test('knows its domain', () => {
      expect(domainOf(mailbox.parse('Shop <shop@müller.test>'))).toBe('xn--mller-kva.test');
    });
  });

  describe('when it is anything else', () => {
    test.each([
      '',
      'Shop',
      '<>',
      'Shop <>',
      'Shop <shop>',
      'shop@example.com, other@example.com',
      'A <a@example.com>, B <b@example.com>',
      'Shop <shop@example.com> and more',
      'Shop <shop@example.com>\r\nBcc: all@example.com',
      'Sh\r\nop <shop@example.com>',
      'Sh\0op <shop@example.com>',
      'Sh\ud800op <shop@example.com>',
      'shöp@example.com',
      'shop@a..b',
      'shop@mül%2eler.test',
      'shop@mül ler.test',
      'shop@192.0.2.1',
      `${'x'.repeat(201)} <shop@example.com>`,
    ])('is null: %j', (text) => {
      expect(readMailbox(text)).toBeNull();
      expect(mailbox.safeParse(text).success).toBe(false);
    });
  });
});

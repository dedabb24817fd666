import { describe, expect, test } from 'bun:test';
import type { AccountMailToSend, OrderMailToSend } from '../domain/outbox/mails.ts';
import { mailToken } from '../lib/mail-token.ts';
import { type OrderStatus, orderStatuses } from '../schema/orders.ts';
import { composeMail } from './mail-templates.tsx';
import type { MailLanguage } from './mail-words/languages.ts';

const orderId = '01890a5d-ac96-774b-bcce-b302099a8057';
const at = new Date('2026-11-22T23:59:59.999Z');
const terms = {
  mailFrom: { name: 'Shop', address: 'shop@shop.example' },
  mailLanguage: 'en' as const,
  tokenSecret: 'a secret of exactly 32 letters..',
  passwordResetUrl: undefined,
  emailVerificationUrl: undefined,
};

type Given = {
  status?: OrderStatus;
  run?: number;
  name?: string | null;
  product?: string;
  priceCents?: number;
  currency?: string;
  shipment?: Partial<OrderMailToSend['order']['shipment']>;
  address?: OrderMailToSend['order']['shippingAddress'];
};

/** A mail of two units of one product. */
function mailToSend({
  status = 'pending',
  run = 1,
  name = 'Ada',
  product = 'Mug',
  priceCents = 1_299,
  currency = 'USD',
  shipment = {},
  address = null,
}: Given = {}): OrderMailToSend {
  return {
    id: '01890a5d-ac96-774b-bcce-b302099a8059',
    attempts: 1,
    kind: 'order_status',
    run,
    status,
    order: {
      id: orderId,
      number: 'K7Q2-94XM-5T',
      shipment: { carrier: null, trackingNumber: null, trackingUrl: null, ...shipment },
      shippingAddress: address,
      note: null,
      totalCents: 2 * priceCents,
      currency,
      createdAt: at,
      items: [{ name: product, quantity: 2, unitPriceCents: priceCents }],
    },
    recipient: { name, email: 'ada@example.com' },
  };
}

const compose = (given: Given = {}, mailLanguage: MailLanguage = 'en') =>
  composeMail(mailToSend(given), { ...terms, mailLanguage });

describe('composeMail', () => {
  describe('when it is asked twice', () => {
    test('writes the same mail, under the same Message-ID', () => {
      expect(compose()).toEqual(compose());
    });
  });

  describe('when order, run or status differ', () => {
    test('gives each its own Message-ID, in the domain of the sender', () => {
      const ids = [1, 2].flatMap((run) => orderStatuses.map((status) => compose({ run, status }).messageId));
      expect(new Set(ids).size).toBe(2 * orderStatuses.length);
      for (const id of ids) expect(id).toMatch(/^<[^\s<>@]+@shop\.example>$/);
    });

    test('names them in the headers, and says what has happened', () => {
      const mails = orderStatuses.map((status) => ({ status, mail: compose({ run: 3, status }) }));
      for (const { status, mail } of mails) {
        expect(mail.headers).toMatchObject({ 'X-Order-Id': orderId, 'X-Order-Status': status, 'X-Order-Run': '3' });
      }
      expect(new Set(mails.map(({ mail }) => mail.subject)).size).toBe(orderStatuses.length);
    });
  });

  describe('when there is money in it', () => {
    test.each([
      [1_299, 'USD', '$25.98'],
      [1, 'EUR', '€0.02'],
      [1_000_000_000, 'USD', '$20,000,000.00'],
      [1_299, 'JPY', '¥2,598'],
      [1_299, 'KWD', 'KWD\u00a02.598'],
      [62_500, 'HUF', 'HUF\u00a01,250.00'],
      [1_299, 'CLF', 'CLF\u00a00.2598'],
      [1_299, 'XAU', 'XAU\u00a02,598'],
      [1_299, 'DEM', 'DEM\u00a025.98'],
    ])('writes twice %d in %s as %s', (priceCents, currency, written) => {
      const { html, text } = compose({ priceCents, currency });
      expect(text).toContain(written);
      expect(html).toContain(written);
    });
  });

  describe('when names hold markup', () => {
    test('escapes it in HTML and leaves it alone in text', () => {
      const { html, text } = compose({ name: '<img src=x> & "Ada"', product: '</td><script>1</script>' });
      expect(html).not.toMatch(/<img|<script/);
      expect(html).toContain('&lt;img src=x&gt; &amp; ');
      expect(text).toContain('Hello <img src=x> & "Ada",');
      expect(text).toContain('</td><script>1</script>');
    });
  });

  describe('when it was placed just before midnight', () => {
    test('names the day in UTC', () => {
      expect(compose().text).toContain('22 November 2026');
    });
  });

  describe('when nobody has confirmed the address', () => {
    test('names nobody, neither in the text nor above it', () => {
      const { to, text, html } = compose({ name: null });
      expect(to).toEqual({ name: '', address: 'ada@example.com' });
      expect(text).toContain('\nHello,\n');
      expect(html).toContain('Hello,');
    });
  });

  describe('when it is of an account', () => {
    const kinds = [
      'password_reset',
      'email_verification',
      'password_changed',
      'email_changed',
      'webhook_disabled',
    ] as const;
    const webhook = { id: '01890a5d-ac96-774b-bcce-b302099a8060', url: 'https://example.com/secret?a=b' };
    const mailOf = (kind: AccountMailToSend['kind']): AccountMailToSend => ({
      id: '01890a5d-ac96-774b-bcce-b302099a8059',
      attempts: 1,
      kind,
      customerId: orderId,
      webhook: kind === 'webhook_disabled' ? webhook : null,
      recipient: { name: 'Ada', email: 'ada@example.com' },
    });

    test('says what it is of, the same each time, under a Message-ID of its own', () => {
      const mails = kinds.map((kind) => composeMail(mailOf(kind), terms));
      expect(kinds.map((kind) => composeMail(mailOf(kind), terms))).toEqual(mails);
      expect(mails.map(({ headers }) => headers['X-Mail-Kind'] ?? '')).toEqual([...kinds]);
      expect(new Set(mails.map(({ subject }) => subject)).size).toBe(kinds.length);
      expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(kinds.length);
      for (const { messageId, text } of mails) {
        expect(messageId).toMatch(/^<[^\s<>@]+@shop\.example>$/);
        expect(text).toContain('Hello Ada,');
      }
    });

    test('has a link to the shop’s page, or the token itself where there is none', () => {
      const pages = {
        passwordResetUrl: 'https://shop.example/reset?token={token}&x=1',
        emailVerificationUrl: 'https://shop.example/verify/{token}',
      };
      for (const kind of ['password_reset', 'email_verification'] as const) {
        const token = mailToken(terms.tokenSecret, kind, mailOf(kind).id);
        const plain = composeMail(mailOf(kind), terms);
        expect(plain.text.split('\n')).toContain(token);
        expect(plain.html).toContain(`>${token}</code>`);
        const linked = composeMail(mailOf(kind), { ...terms, ...pages });
        const page = kind === 'password_reset' ? pages.passwordResetUrl : pages.emailVerificationUrl;
        const link = page.replace('{token}', token);
        expect(linked.text.split('\n')).toContain(link);
        expect(linked.html).toContain(`href="${link.replaceAll('&', '&amp;')}"`);
        expect(linked.html).not.toContain('<code');
      }
    });

    test('names no more of a webhook than where it leads, and its id', () => {
      const { text, html } = composeMail(mailOf('webhook_disabled'), terms);
      for (const part of [text, html]) {
        expect(part).toContain(`https://example.com (${webhook.id})`);
        expect(part).not.toMatch(/secret|a=b/);
      }
      const gone = { ...mailOf('webhook_disabled'), webhook: { ...webhook, url: null } };
      expect(composeMail(gone, terms).text.split('\n')).toContain(webhook.id);
    });

    test('has no token where nothing is to be done with one', () => {
      for (const kind of ['password_changed', 'email_changed'] as const) {
        const { text, html } = composeMail(mailOf(kind), terms);
        expect(text + html).not.toMatch(/[\w-]{64}|href|<code/);
      }
    });
  });

  describe('when the shop writes German', () => {
    const address = {
      name: 'Ada Lovelace',
      line1: 'Unter den Linden 1',
      line2: null,
      city: 'Berlin',
      region: null,
      postalCode: '10117',
      country: 'DE',
    };

    test('writes words, dates, amounts and countries in it, and no English', () => {
      const english = orderStatuses.map((status) => compose({ status, address }));
      for (const [index, status] of orderStatuses.entries()) {
        const { subject, html, text, headers } = compose(
          { status, address, currency: 'EUR', priceCents: 61_799 },
          'de',
        );
        for (const part of [html, text]) {
          expect(part).toContain('1.235,98\u00a0€');
          expect(part).toContain('22. November 2026');
          expect(part).toContain('Deutschland');
          expect(part).not.toMatch(/\b(Hello|Order|Total|Your|Shipping)\b/);
        }
        expect(html).toContain('<html lang="de">');
        expect(subject).not.toBe(english[index]?.subject ?? '');
        expect(headers['X-Order-Status']).toBe(status);
        expect(english[index]?.text).toContain('Germany');
      }
    });
  });

  describe('when only a part of the shipment is known', () => {
    test.each([
      [{ carrier: 'DHL' }, 'Your parcel: DHL\n'],
      [{ trackingNumber: 'JD1' }, 'Your parcel: JD1\n'],
      [{ trackingUrl: 'https://dhl.example/' }, 'Follow it on its way: https://dhl.example/\n'],
    ])('%j › tells that, and no null', (shipment, told) => {
      const { html, text } = compose({ status: 'shipped', shipment });
      expect(text).toContain(told);
      expect(`${text}${html}`).not.toContain('null');
      expect(compose({ status: 'delivered', shipment }).text).not.toContain(told);
    });
  });
});

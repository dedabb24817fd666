import { describe, expect, test } from 'bun:test';
import type { MailToSend } from '../domain/outbox/mails.ts';
import { type OrderStatus, orderStatuses } from '../schema/orders.ts';
import { composeMail } from './mail-templates.tsx';

const orderId = '01890a5d-ac96-774b-bcce-b302099a8057';
const at = new Date('2026-11-22T23:59:59.999Z');
const from = { name: 'Shop', address: 'shop@shop.example' };

type Given = {
  status?: OrderStatus;
  run?: number;
  name?: string;
  product?: string;
  priceCents?: number;
  currency?: string;
};

/** A mail of two units of one product. */
function mailToSend({
  status = 'pending',
  run = 1,
  name = 'Ada',
  product = 'Mug',
  priceCents = 1_299,
  currency = 'USD',
}: Given = {}): MailToSend {
  return {
    id: '01890a5d-ac96-774b-bcce-b302099a8059',
    attempts: 1,
    kind: 'order_status',
    run,
    status,
    order: {
      id: orderId,
      totalCents: 2 * priceCents,
      currency,
      createdAt: at,
      items: [{ name: product, quantity: 2, unitPriceCents: priceCents }],
    },
    recipient: { name, email: 'ada@example.com' },
  };
}

const compose = (given: Given = {}) => composeMail(mailToSend(given), from);

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
});

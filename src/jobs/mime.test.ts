import { describe, expect, test } from 'bun:test';
import { simpleParser } from 'mailparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { readMailbox } from '../lib/mailbox.ts';
import type { MailMessage } from './mail-page.tsx';
import { writeMessage } from './mime.ts';

const from = readMailbox('"Müllers, \\"Läden\\" 🫖" <shop@müller.test>') ?? { name: '', address: '' };

const names = [
  'Ada Lovelace',
  'Müller, Söhne & Co <x@example.com>; "K.G."',
  'Ελένη Παπαδοπούλου',
  'Екатерина Великая',
  'محمد عبد الله',
  'שרה כהן',
  'नरेन्द्र कुमार',
  'สมชาย ใจดี',
  '李小龍 🫖',
  'ひらがな カタカナ',
  '김철수',
  'Ñandú e\u0301 a\u0308',
  '👩‍👩‍👧‍👦 𝒜𝒹𝒶',
  '\\" <eve@example.com>, "',
  '=?utf-8?Q?eve?=',
  "O'Neil (eve@example.com)",
  'a'.repeat(100),
  'ä'.repeat(100),
  '語'.repeat(100),
  'a '.repeat(50).trim(),
];

function messageOf(name: string): MailMessage {
  return {
    to: { name, address: "o'neil&sons/ada=1@xn--e1afmkfd.xn--p1ai" },
    subject: `Your order, ${name} `.repeat(4).trim(),
    text: `Hello ${name},\n\n.\n..dots and --dashes\n${'x'.repeat(900)}\nTotal: 1.00\n`,
    html: `<!doctype html><html><body><p>${name} × 2</p>${'<b>long</b>'.repeat(200)}</body></html>`,
    messageId: '<1.1.pending@example.com>',
    headers: { 'X-Order-Id': '01890a5d-ac96-774b-bcce-b302099a8057', 'Auto-Submitted': 'auto-generated' },
  };
}

/** What a reader of mails makes of one, but for what differs each time. */
async function read(raw: string | Buffer) {
  const mail = await simpleParser(raw);
  return {
    from: mail.from?.value,
    to: [mail.to ?? []].flat().flatMap(({ value }) => value),
    others: [mail.cc, mail.bcc, mail.replyTo, ...mail.attachments],
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    messageId: mail.messageId,
    headers: [...mail.headers.keys()].toSorted(),
    orderId: mail.headers.get('x-order-id'),
  };
}

describe('writeMessage', () => {
  describe("when readers compare it with what nodemailer's own composer makes of the same mail", () => {
    test.each(names)('reads alike: %s', async (name) => {
      const message = messageOf(name);
      const { node, raw } = writeMessage(message, from);
      const composed = new MailComposer({ from, ...message }).compile();
      expect(await read(raw)).toEqual(await read(await composed.build()));
      expect(node.getEnvelope()).toEqual(composed.getEnvelope());
      expect(node.messageId()).toBe(message.messageId);
    });
  });

  describe('when a mail server bears short lines of ASCII alone', () => {
    test.each(names)('has no others: %s', (name) => {
      const { raw } = writeMessage(messageOf(name), from);
      expect(raw).toMatch(/^[\t\r\n\x20-\x7e]*$/);
      expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      for (const line of raw.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
    });
  });

  describe('when a text has a line that is too long, or letters beyond ASCII', () => {
    test.each([
      ['7bit', 'x'.repeat(998)],
      ['base64', 'x'.repeat(999)],
      ['base64', 'é'],
      ['base64', 'a\rb'],
      ['base64', 'a\u0000b'],
    ])('writes it as %s and gives it back', async (encoding, text) => {
      const { raw } = writeMessage({ ...messageOf('Ada'), text }, from);
      const [, part = ''] = raw.split('Content-Type: text/plain');
      expect(part).toStartWith(`; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n`);
      if (!text.includes('\r')) expect((await simpleParser(raw)).text).toBe(text);
    });
  });

  describe('when a customer knows the boundary of an earlier mail', () => {
    test('has another one', () => {
      const boundaries = [1, 2].map(() => writeMessage(messageOf('Ada'), from).node.boundary);
      expect(boundaries[0]).not.toBe(boundaries[1]);
    });
  });
});

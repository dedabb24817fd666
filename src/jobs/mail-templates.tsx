/** @jsxImportSource hono/jsx */
import type { MailToSend, OrderMailToSend } from '../domain/outbox/mails.ts';
import { moneyFormat } from '../lib/currencies.ts';
import { domainOf, type Mailbox } from '../lib/mailbox.ts';
import type { OrderStatus } from '../schema/orders.ts';
import { type AccountMailTerms, composeAccountMail } from './account-mail-templates.tsx';
import { greetingOf, type MailMessage, MailPage, style } from './mail-page.tsx';

type Words = { subject: string; headline: string; sentence: string };

const wordsOf: Record<OrderStatus, Words> = {
  pending: {
    subject: 'We have received your order',
    headline: 'Thank you for your order',
    sentence: 'We have received it and will begin to prepare it soon.',
  },
  processing: {
    subject: 'We are preparing your order',
    headline: 'Your order is being prepared',
    sentence: 'We are picking and packing it. You will hear from us when it is on its way.',
  },
  shipped: {
    subject: 'Your order is on its way',
    headline: 'Your order is on its way',
    sentence: 'We have handed it to the carrier.',
  },
  delivered: {
    subject: 'Your order has been delivered',
    headline: 'Your order has been delivered',
    sentence: 'We hope that you enjoy it.',
  },
  cancelled: {
    subject: 'Your order has been cancelled',
    headline: 'Your order has been cancelled',
    sentence: 'Nothing more will be sent. If you have paid, the amount will be returned to you.',
  },
};

/** What mails are written with beside their rows. */
export type MailTerms = AccountMailTerms & { mailFrom: Mailbox };

/** Writes a mail of the outbox; the same row gives the same mail, under the same Message-ID. */
export function composeMail(mail: MailToSend, terms: MailTerms): MailMessage {
  const { mailFrom, ...ofAccounts } = terms;
  return mail.kind === 'order_status'
    ? composeOrderMail(mail, mailFrom)
    : composeAccountMail(mail, domainOf(mailFrom), ofAccounts);
}

/** Its Message-ID is a function of order, run and status. */
function composeOrderMail({ kind, run, status, order, recipient }: OrderMailToSend, from: Mailbox): MailMessage {
  const words = wordsOf[status];
  const money = moneyFormat(order.currency);
  const lines = order.items.map((item) => ({
    name: item.name,
    quantity: item.quantity,
    amount: money(item.quantity * item.unitPriceCents),
  }));
  const letter: Letter = {
    words,
    greeting: greetingOf(recipient),
    lines,
    total: money(order.totalCents),
    reference: `Order ${order.id}, placed on ${dayFormat.format(order.createdAt)}`,
  };
  return {
    to: { name: recipient.name ?? '', address: recipient.email },
    subject: words.subject,
    html: `<!doctype html>${<HtmlLetter {...letter} />}`,
    text: textLetter(letter),
    messageId: `<${order.id}.${run}.${status}@${domainOf(from)}>`,
    headers: {
      'X-Order-Id': order.id,
      'X-Order-Status': status,
      'X-Order-Run': String(run),
      'X-Mail-Kind': kind,
      'Auto-Submitted': 'auto-generated',
    },
  };
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });

type Letter = {
  words: Words;
  greeting: string;
  lines: { name: string; quantity: number; amount: string }[];
  total: string;
  reference: string;
};

function textLetter({ words, greeting, lines, total, reference }: Letter): string {
  const items = lines.map((line) => `  ${line.quantity} x ${line.name}: ${line.amount}`);
  return [words.headline, '', greeting, words.sentence, '', ...items, '', `Total: ${total}`, '', reference, ''].join(
    '\n',
  );
}

function HtmlLetter({ words, greeting, lines, total, reference }: Letter) {
  return (
    <MailPage subject={words.subject} headline={words.headline}>
      <p style={style.paragraph}>{greeting}</p>
      <p style={style.paragraph}>{words.sentence}</p>
      <table style={style.table}>
        {lines.map((line) => (
          <tr>
            <td style={style.cell}>
              {line.quantity} × {line.name}
            </td>
            <td style={style.amount}>{line.amount}</td>
          </tr>
        ))}
        <tr>
          <td style={style.total}>Total</td>
          <td style={style.totalAmount}>{total}</td>
        </tr>
      </table>
      <p style={style.reference}>{reference}</p>
    </MailPage>
  );
}

/** @jsxImportSource hono/jsx */
import type { MailToSend, OrderMail, WebhookMail } from '../domain/outbox/mails.ts';
import { moneyFormat } from '../lib/currencies.ts';
import { domainOf, type Mailbox } from '../lib/mailbox.ts';
import type { OrderStatus } from '../schema/orders.ts';

/** A message as the mailer sends it, but for its sender. */
export type MailMessage = {
  to: Mailbox;
  subject: string;
  html: string;
  text: string;
  messageId: string;
  headers: Record<string, string>;
};

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

/** Writes a mail of the outbox. */
export function composeMail(mail: MailToSend, from: Mailbox): MailMessage {
  return mail.kind === 'webhook_disabled' ? composeWebhookMail(mail, from) : composeOrderMail(mail, from);
}

/** Its Message-ID is a function of order, run and status. */
function composeOrderMail({ run, status, order, recipient }: OrderMail, from: Mailbox): MailMessage {
  const words = wordsOf[status];
  const money = moneyFormat(order.currency);
  const lines = order.items.map((item) => ({
    name: item.name,
    quantity: item.quantity,
    amount: money(item.quantity * item.unitPriceCents),
  }));
  const letter: Letter = {
    words,
    greeting: `Hello ${recipient.name},`,
    bill: { lines, total: money(order.totalCents) },
    reference: `Order ${order.id}, placed on ${dayFormat.format(order.createdAt)}`,
  };
  return {
    to: { name: recipient.name, address: recipient.email },
    subject: words.subject,
    html: `<!doctype html>${<HtmlLetter {...letter} />}`,
    text: textLetter(letter),
    messageId: `<${order.id}.${run}.${status}@${domainOf(from)}>`,
    headers: {
      'X-Order-Id': order.id,
      'X-Order-Status': status,
      'X-Order-Run': String(run),
      'X-Mail-Kind': 'order_status',
      'Auto-Submitted': 'auto-generated',
    },
  };
}

/** Names no more of the webhook than where it leads: what follows may be a secret. */
function composeWebhookMail({ id, kind, webhook, recipient }: WebhookMail, from: Mailbox): MailMessage {
  const place = webhook.url === null ? 'A webhook' : `The webhook to ${new URL(webhook.url).origin}`;
  const letter: Letter = {
    words: {
      subject: 'A webhook has been disabled',
      headline: 'A webhook has been disabled',
      sentence: `${place} has been disabled: it answered that it is gone, or nothing that was sent to it in three days has arrived. Nothing more is sent to it until you enable it again. What was given up can be sent again then.`,
    },
    greeting: 'Hello,',
    reference: `Webhook ${webhook.id}`,
  };
  return {
    to: { name: '', address: recipient.email },
    subject: letter.words.subject,
    html: `<!doctype html>${<HtmlLetter {...letter} />}`,
    text: textLetter(letter),
    messageId: `<${id}@${domainOf(from)}>`,
    headers: { 'X-Mail-Kind': kind, 'Auto-Submitted': 'auto-generated' },
  };
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });

type Letter = {
  words: Words;
  greeting: string;
  /** What an order comes to. */
  bill?: { lines: { name: string; quantity: number; amount: string }[]; total: string };
  reference: string;
};

function textLetter({ words, greeting, bill, reference }: Letter): string {
  const items = bill?.lines.map((line) => `  ${line.quantity} x ${line.name}: ${line.amount}`) ?? [];
  const sum = bill ? [...items, '', `Total: ${bill.total}`, ''] : [];
  return [words.headline, '', greeting, words.sentence, '', ...sum, reference, ''].join('\n');
}

const style = {
  page: 'margin:0;padding:32px 12px;background:#f3f1ec;font-family:Helvetica,Arial,sans-serif;color:#23211d',
  card: 'max-width:560px;margin:0 auto;background:#ffffff;border-radius:8px;padding:32px',
  headline: 'margin:0 0 20px;font-size:24px;line-height:1.25',
  paragraph: 'margin:0 0 12px;font-size:16px;line-height:1.5',
  table: 'width:100%;border-collapse:collapse;margin:24px 0;font-size:15px',
  cell: 'padding:10px 0;border-bottom:1px solid #e6e2d9;text-align:left;vertical-align:top',
  amount:
    'padding:10px 0 10px 16px;border-bottom:1px solid #e6e2d9;text-align:right;white-space:nowrap;vertical-align:top',
  total: 'padding:14px 0 0;font-weight:bold;text-align:left',
  totalAmount: 'padding:14px 0 0 16px;font-weight:bold;text-align:right;white-space:nowrap',
  reference: 'margin:0;font-size:13px;color:#736e63',
};

function HtmlLetter({ words, greeting, bill, reference }: Letter) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{words.subject}</title>
      </head>
      <body style={style.page}>
        <div style={style.card}>
          <h1 style={style.headline}>{words.headline}</h1>
          <p style={style.paragraph}>{greeting}</p>
          <p style={style.paragraph}>{words.sentence}</p>
          {bill && (
            <table style={style.table}>
              {bill.lines.map((line) => (
                <tr>
                  <td style={style.cell}>
                    {line.quantity} × {line.name}
                  </td>
                  <td style={style.amount}>{line.amount}</td>
                </tr>
              ))}
              <tr>
                <td style={style.total}>Total</td>
                <td style={style.totalAmount}>{bill.total}</td>
              </tr>
            </table>
          )}
          <p style={style.reference}>{reference}</p>
        </div>
      </body>
    </html>
  );
}

/** @jsxImportSource hono/jsx */
import type { MailToSend } from '../domain/outbox/mails.ts';
import { countryName } from '../lib/countries.ts';
import { moneyFormat } from '../lib/currencies.ts';
import { domainOf, type Mailbox } from '../lib/mailbox.ts';
import type { ShippingAddress } from '../schema/orders.ts';
import { type MailLanguage, wordsOf } from './mail-words/languages.ts';
import type { MailWords } from './mail-words/words.ts';

/** A message as the mailer sends it, but for its sender. */
export type MailMessage = {
  to: Mailbox;
  subject: string;
  html: string;
  text: string;
  messageId: string;
  headers: Record<string, string>;
};

/** Writes a mail of the outbox. Its Message-ID is a function of order, run and status. */
export function composeMail(
  { run, status, order, recipient }: MailToSend,
  from: Mailbox,
  language: MailLanguage,
): MailMessage {
  const words = wordsOf(language);
  const money = moneyFormat(order.currency, words.moneyLocale);
  const lines = order.items.map((item) => ({
    name: item.name,
    quantity: item.quantity,
    amount: money(item.quantity * item.unitPriceCents),
  }));
  const { carrier, trackingNumber, trackingUrl } = order.shipment;
  const shipment = [carrier, trackingNumber].filter((part) => part !== null).join(' ');
  const letter: Letter = {
    words,
    ...words.ofStatus[status],
    greeting: words.greeting(recipient.name),
    // In later mails it would tell of what is over.
    shipment: status === 'shipped' && shipment ? shipment : null,
    trackingUrl: status === 'shipped' ? trackingUrl : null,
    lines,
    total: money(order.totalCents),
    address: order.shippingAddress && addressLines(order.shippingAddress, words.language),
    note: order.note || null,
    reference: words.reference(order.number, dayOf(order.createdAt, words.dateLocale)),
  };
  return {
    to: { name: recipient.name ?? '', address: recipient.email },
    subject: letter.subject,
    html: `<!doctype html>${<HtmlLetter {...letter} />}`,
    text: textLetter(letter),
    messageId: `<${order.id}.${run}.${status}@${domainOf(from)}>`,
    headers: {
      'X-Order-Id': order.id,
      'X-Order-Number': order.number,
      'X-Order-Status': status,
      'X-Order-Run': String(run),
      'X-Mail-Kind': 'order_status',
      'Auto-Submitted': 'auto-generated',
    },
  };
}

/** Making one costs as much as the rest of a mail. */
const dayFormats = new Map<string, Intl.DateTimeFormat>();

function dayOf(moment: Date, locale: string): string {
  const known = dayFormats.get(locale) ?? new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });
  dayFormats.set(locale, known);
  return known.format(moment);
}

function addressLines(
  { name, line1, line2, city, region, postalCode, country }: ShippingAddress,
  language: string,
): string[] {
  const town = [postalCode, city].filter((part) => part !== null).join(' ');
  return [name, line1, line2, town, region, countryName(country, language)].filter((part) => part !== null);
}

type Letter = {
  words: MailWords;
  subject: string;
  headline: string;
  sentence: string;
  greeting: string;
  shipment: string | null;
  trackingUrl: string | null;
  lines: { name: string; quantity: number; amount: string }[];
  total: string;
  address: string[] | null;
  note: string | null;
  reference: string;
};

function textLetter(letter: Letter): string {
  const { words, headline, greeting, sentence, shipment, trackingUrl, lines, total, address, note, reference } = letter;
  const paragraphs = [
    [headline],
    [greeting, sentence],
    shipment === null ? [] : [`${words.shipment}: ${shipment}`],
    trackingUrl === null ? [] : [`${words.tracking}: ${trackingUrl}`],
    lines.map((line) => `  ${line.quantity} x ${line.name}: ${line.amount}`),
    [`${words.total}: ${total}`],
    address === null ? [] : [`${words.shippingAddress}:`, ...address.map((line) => `  ${line}`)],
    note === null ? [] : [`${words.note}:`, ...note.split(/\r\n|[\r\n]/).map((line) => `  ${line}`)],
    [reference],
  ];
  const written = paragraphs.filter((paragraph) => paragraph.length > 0).map((paragraph) => paragraph.join('\n'));
  return `${written.join('\n\n')}\n`;
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
  label: 'margin:0 0 4px;font-size:13px;color:#736e63',
  // Long numbers and words without a blank break off rather than widen the page.
  block: 'margin:0 0 20px;font-size:15px;line-height:1.5;overflow-wrap:anywhere',
  note: 'margin:0 0 20px;font-size:15px;line-height:1.5;overflow-wrap:anywhere;white-space:pre-line',
  link: 'color:#8a3b12;text-decoration:underline',
  reference: 'margin:0;font-size:13px;color:#736e63',
};

function HtmlLetter(letter: Letter) {
  const { words, subject, headline, greeting, sentence, shipment, trackingUrl, lines, total } = letter;
  const { address, note, reference } = letter;
  return (
    <html lang={words.language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{subject}</title>
      </head>
      <body style={style.page}>
        <div style={style.card}>
          <h1 style={style.headline}>{headline}</h1>
          <p style={style.paragraph}>{greeting}</p>
          <p style={style.paragraph}>{sentence}</p>
          {(shipment !== null || trackingUrl !== null) && (
            <>
              <p style={style.label}>{words.shipment}</p>
              <p style={style.block}>
                {shipment}
                {shipment !== null && trackingUrl !== null && <br />}
                {trackingUrl !== null && (
                  <a href={trackingUrl} style={style.link}>
                    {words.tracking}
                  </a>
                )}
              </p>
            </>
          )}
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
              <td style={style.total}>{words.total}</td>
              <td style={style.totalAmount}>{total}</td>
            </tr>
          </table>
          {address !== null && (
            <>
              <p style={style.label}>{words.shippingAddress}</p>
              <p style={style.block}>
                {address.map((line, index) => (
                  <>
                    {index > 0 && <br />}
                    {line}
                  </>
                ))}
              </p>
            </>
          )}
          {note !== null && (
            <>
              <p style={style.label}>{words.note}</p>
              <p style={style.note}>{note}</p>
            </>
          )}
          <p style={style.reference}>{reference}</p>
        </div>
      </body>
    </html>
  );
}

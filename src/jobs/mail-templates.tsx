/** @jsxImportSource hono/jsx */
import type { MailToSend, OrderMailToSend } from '../domain/outbox/mails.ts';
import { countryName } from '../lib/countries.ts';
import { moneyFormat } from '../lib/currencies.ts';
import { domainOf, type Mailbox } from '../lib/mailbox.ts';
import type { ShippingAddress } from '../schema/orders.ts';
import { type AccountMailTerms, composeAccountMail } from './account-mail-templates.tsx';
import { type MailMessage, MailPage, style } from './mail-page.tsx';
import { type MailLanguage, wordsOf } from './mail-words/languages.ts';
import type { MailWords } from './mail-words/words.ts';

/** What mails are written with beside their rows. */
export type MailTerms = AccountMailTerms & { mailFrom: Mailbox };

/** Writes a mail of the outbox; the same row gives the same mail, under the same Message-ID. */
export function composeMail(mail: MailToSend, { mailFrom, ...terms }: MailTerms): MailMessage {
  return mail.kind === 'order_status'
    ? composeOrderMail(mail, mailFrom, terms.mailLanguage)
    : composeAccountMail(mail, domainOf(mailFrom), terms);
}

/** Its Message-ID is a function of order, run and status. */
function composeOrderMail(
  { kind, run, status, order, recipient }: OrderMailToSend,
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
      'X-Mail-Kind': kind,
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

function HtmlLetter(letter: Letter) {
  const { words, subject, headline, greeting, sentence, shipment, trackingUrl, lines, total } = letter;
  const { address, note, reference } = letter;
  return (
    <MailPage language={words.language} subject={subject} headline={headline}>
      <p style={style.paragraph}>{greeting}</p>
      <p style={style.paragraph}>{sentence}</p>
      {(shipment !== null || trackingUrl !== null) && (
        <>
          <p style={style.label}>{words.shipment}</p>
          <p style={style.block}>
            {shipment}
            {shipment !== null && trackingUrl !== null && <br />}
            {trackingUrl !== null && (
              <a href={trackingUrl} style={style.inlineLink}>
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
    </MailPage>
  );
}

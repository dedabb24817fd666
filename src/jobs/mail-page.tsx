/** @jsxImportSource hono/jsx */
import type { PropsWithChildren } from 'hono/jsx';
import type { Mailbox } from '../lib/mailbox.ts';

/** A message as the mailer sends it, but for its sender. */
export type MailMessage = {
  to: Mailbox;
  subject: string;
  html: string;
  text: string;
  messageId: string;
  headers: Record<string, string>;
};

export const style = {
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
  action: 'margin:24px 0;font-size:16px',
  link: 'display:inline-block;padding:12px 20px;border-radius:6px;background:#23211d;color:#ffffff;text-decoration:none',
  token: 'font-size:15px;word-break:break-all',
  label: 'margin:0 0 4px;font-size:13px;color:#736e63',
  // Long numbers and words without a blank break off rather than widen the page.
  block: 'margin:0 0 20px;font-size:15px;line-height:1.5;overflow-wrap:anywhere',
  note: 'margin:0 0 20px;font-size:15px;line-height:1.5;overflow-wrap:anywhere;white-space:pre-line',
  inlineLink: 'color:#8a3b12;text-decoration:underline',
  reference: 'margin:0;font-size:13px;color:#736e63',
};

/** `language` is a tag of BCP 47. */
type PageHead = { language: string; subject: string; headline: string };

/** The page that every mail is. */
export function MailPage({ language, subject, headline, children }: PropsWithChildren<PageHead>) {
  return (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{subject}</title>
      </head>
      <body style={style.page}>
        <div style={style.card}>
          <h1 style={style.headline}>{headline}</h1>
          {children}
        </div>
      </body>
    </html>
  );
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';
import { freePort } from '../../standalone/ports.ts';
import { type Link, openLink } from './link.ts';

export type ReceivedMail = {
  /** Bare addresses, separated by commas. */
  to: string;
  subject: string;
  text: string;
  html: string;
  /** Every header, unfolded, under its name in lower case. */
  headers: Record<string, string>;
};

/**
 * What the sink does with a message: keep it, at once or after a while, answer it with an SMTP code, never answer it, or
 * keep it and break the connection before the sender hears so.
 */
export type MailMode = 'accept' | { acceptAfterMs: number } | { refuseWith: number } | 'hang' | 'accept unheard';

/** A mail server that keeps what it is given. */
export type MailSink = {
  url: string;
  messages: ReceivedMail[];
  /** How many messages were handed over, whatever became of them. */
  attempts: () => number;
  become: (mode: MailMode) => void;
  /** Takes the whole server away and gives it back on the same port. */
  link: Link;
  stop: () => Promise<void>;
};

/** Nothing is made of one part of a mail for want of another, which takes two thirds of the time. */
const asSent = { skipTextToHtml: true, skipHtmlToText: true, skipTextLinks: true, skipImageLinks: true };

function received(mail: ParsedMail): ReceivedMail {
  const headers = mail.headerLines.map(({ key, line }) => [
    key,
    line
      .slice(key.length + 1)
      .replace(/\r?\n\s+/g, ' ')
      .trim(),
  ]);
  return {
    to: [mail.to ?? []]
      .flat()
      .flatMap(({ value }) => value.map(({ address }) => address))
      .join(', '),
    subject: mail.subject ?? '',
    text: mail.text ?? '',
    html: mail.html || '',
    headers: Object.fromEntries(headers),
  };
}

export async function startMailSink(): Promise<MailSink> {
  const messages: ReceivedMail[] = [];
  let attempts = 0;
  let mode: MailMode = 'accept';

  /** Answers the sender through `done`, with an error that carries the SMTP code when the message is refused. */
  async function take(stream: SMTPServerDataStream, done: (error?: Error) => void): Promise<void> {
    // Here, because it takes a tenth of a second to load, and most suites get no mail.
    const { simpleParser } = await import('mailparser');
    const mail = received(await simpleParser(stream, asSent));
    attempts += 1;
    if (mode === 'hang') return;
    if (typeof mode === 'object' && 'acceptAfterMs' in mode) await sleep(mode.acceptAfterMs);
    else if (typeof mode === 'object') {
      const refusal = new Error(`<${mail.to}>: The sink was told to refuse.`);
      done(Object.assign(refusal, { responseCode: mode.refuseWith }));
      return;
    }
    messages.push(mail);
    if (mode === 'accept unheard') link.drop();
    else done();
  }

  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData: (stream, _session, done) => void take(stream, done).catch(done),
  });
  // A client that goes away in mid-sentence is what several suites do on purpose.
  server.on('error', () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const link = await openLink(port);

  return {
    url: `smtp://127.0.0.1:${link.port}`,
    messages,
    attempts: () => attempts,
    become(next) {
      mode = next;
    },
    link,
    async stop() {
      await link.cut();
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}

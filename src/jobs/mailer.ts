import { Transform } from 'node:stream';
import { createTransport } from 'nodemailer';
import type { Mailbox } from '../lib/mailbox.ts';
import type { MailServer, MailTls } from '../settings.ts';
import type { MailMessage } from './mail-templates.tsx';

const connectionsMax = 20;
const connectTimeoutMs = 3_000;
const silenceMsMax = 5_000;
/** Below the ledger's lease, so that a mail is never in two workers' hands. */
const sendMsMax = 10_000;

/** How a mail server refused: for good, or perhaps only now. */
export type MailFault = { message: string; permanent: boolean };

export type Mailer = {
  /** Hands one message to the mail server; null when it was accepted. Nothing is queued or retried here. */
  send: (message: MailMessage) => Promise<MailFault | null>;
  close: () => void;
};

/** What nodemailer is to do about TLS; where it is offered, it takes it. */
const tlsOptions: Record<MailTls, Record<string, string>> = {
  required: { requireTLS: 'true' },
  offered: {},
  never: { ignoreTLS: 'true' },
};

/** In the query, which counts more than options with nodemailer, and before what is there already. */
function withTls({ url, tls }: MailServer): string {
  const [address = '', query = ''] = url.split(/\?(.*)/s);
  const options = new URLSearchParams(tlsOptions[tls]).toString();
  const all = [options, query].filter(Boolean).join('&');
  return all ? `${address}?${all}` : address;
}

/** Opens a pool of connections to the mail server, made when first needed. */
export function createMailer(server: MailServer, from: Mailbox): Mailer {
  const transport = createTransport({
    url: withTls(server),
    pool: true,
    maxConnections: connectionsMax,
    maxMessages: Number.POSITIVE_INFINITY,
    // The ledger decides about retries; a transport that repeats by itself could send twice.
    maxRequeues: 0,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: silenceMsMax,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // A mail is written in some ten parts, and each would be a packet of its own.
  transport.use('stream', (mail, done) => {
    mail.message.transform(inOnePiece);
    done();
  });
  return {
    send: async (message) => {
      try {
        await transport.sendMail({ from, ...message, signal: AbortSignal.timeout(sendMsMax) });
        return null;
      } catch (error) {
        return readFault(error, server.tls);
      }
    },
    close: () => transport.close(),
  };
}

/** Passes on everything that comes through at its end. */
function inOnePiece(): Transform {
  const parts: Buffer[] = [];
  return new Transform({
    transform(part, _encoding, done) {
      parts.push(part);
      done();
    },
    flush(done) {
      done(null, Buffer.concat(parts));
    },
  });
}

/** Commands that speak of one message; a 5xx anywhere else (greeting, sign-in) is the server's trouble, not the mail's. */
const messageCommands = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);
/** They speak of the connection whatever the command: sign in (530, 534, 535), or encrypt (538) first (RFC 4954, 3207). */
const connectionCodes = new Set([530, 534, 535, 538]);
/** nodemailer's and TLS's own, such as `SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`. */
const tlsTrouble = /TLS|SSL|CERT|SIGNATURE|ISSUER/;

function readFault(error: unknown, tls: MailTls): MailFault {
  const { message, responseCode, command, code } = error as {
    message?: string;
    responseCode?: number;
    command?: string;
    code?: string;
  };
  const ofMessage = messageCommands.has(command ?? '') && !connectionCodes.has(responseCode ?? 0);
  const spokenOf = tlsTrouble.test(code ?? '') || /tls|certificate/i.test(message ?? '');
  const ofTls = tls !== 'never' && !ofMessage && spokenOf;
  const reason = `${ofTls ? 'no TLS with the mail server, and nothing is sent without: ' : ''}${message ?? String(error)}`;
  return { message: reason.slice(0, 500), permanent: (responseCode ?? 0) >= 500 && ofMessage };
}

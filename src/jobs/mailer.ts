import { Transform } from 'node:stream';
import { createTransport } from 'nodemailer';
import type { Mailbox } from '../lib/mailbox.ts';
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

/** Opens a pool of connections to the mail server, made when first needed. */
export function createMailer(smtpUrl: string, from: Mailbox): Mailer {
  const transport = createTransport({
    url: smtpUrl,
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
        return readFault(error);
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

function readFault(error: unknown): MailFault {
  const { message, responseCode, command } = error as { message?: string; responseCode?: number; command?: string };
  return {
    message: (message ?? String(error)).slice(0, 500),
    permanent: (responseCode ?? 0) >= 500 && messageCommands.has(command ?? ''),
  };
}

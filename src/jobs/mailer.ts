import { createTransport } from 'nodemailer';
import NodemailerMessage from 'nodemailer/lib/mailer/mail-message';
import SMTPPool from 'nodemailer/lib/smtp-pool';
import type { Mailbox } from '../lib/mailbox.ts';
import { createSlots } from '../lib/slots.ts';
import type { MailServer, MailTls } from '../settings.ts';
import { createAllowance } from './allowance.ts';
import type { MailMessage } from './mail-page.tsx';
import { writeMessage } from './mime.ts';

const connectTimeoutMs = 3_000;
const silenceMsMax = 5_000;
/** Both from the claim on, and below the outbox's lease, so that a mail is never in two workers' hands. */
const turnMsMax = 3_000;
const sendMsMax = 10_000;

/** How a mail server refused: for good, or perhaps only now. */
export type MailFault = { message: string; permanent: boolean };

export type Mailer = {
  /**
   * Hands one message to the mail server; null when it was accepted. Nothing is queued or retried here: `no turn` says
   * that all connections were busy for so long that nothing was tried.
   * @param begunAt when its claim began, by `performance.now()`, from when on its time runs
   * @param urgent whether it gets a connection before all that are not
   */
  send: (message: MailMessage, begunAt: number, urgent?: boolean) => Promise<MailFault | 'no turn' | null>;
  /** How many connections it may have now; fewer than its settings say once the server had enough. */
  connections: () => number;
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

/** Opens connections to the mail server, made when first needed, and no more than it bears. */
export function createMailer(server: MailServer, from: Mailbox, connectionsMax: number): Mailer {
  const openPool = () =>
    new SMTPPool({
      url: withTls(server),
      maxConnections: connectionsMax,
      maxMessages: Number.POSITIVE_INFINITY,
      // The outbox decides about retries; a transport that repeats by itself could send twice.
      maxRequeues: 0,
      connectionTimeout: connectTimeoutMs,
      greetingTimeout: connectTimeoutMs,
      socketTimeout: silenceMsMax,
    });
  let pool = openPool();
  // Of no use but that nodemailer's messages name one.
  const mail = createTransport(pool);
  // What the URL says of it, it may say, too.
  const allowance = createAllowance(Math.min(connectionsMax, Number(pool.options.maxConnections) || connectionsMax));
  let leaving = false;
  const slots = createSlots(() => (leaving ? 0 : allowance.now()));

  /** Connections that the server has too many of are closed, once nothing is under way. */
  function leaveIfDone(): void {
    if (!leaving || slots.taken() > 0) return;
    pool.close();
    pool = openPool();
    leaving = false;
    slots.look();
  }

  function hand(message: MailMessage, withinMs: number): Promise<void> {
    const handed = new NodemailerMessage(mail, { signal: AbortSignal.timeout(withinMs) });
    handed.message = writeMessage(message, from).node;
    pool.options.maxConnections = allowance.now();
    return new Promise((resolve, reject) => {
      pool.send(handed, (error) => (error ? reject(error) : resolve()));
    });
  }

  return {
    send: async (message, begunAt, urgent) => {
      const leftMs = (ofMs: number) => Math.max(0, Math.round(begunAt + ofMs - performance.now()));
      if (!(await slots.take(leftMs(turnMsMax), urgent))) return 'no turn';
      const handedAt = performance.now();
      try {
        await hand(message, leftMs(sendMsMax));
        return null;
      } catch (error) {
        const answer = readAnswer(error);
        if (hadEnough.has(answer.code) && allowance.halve(handedAt)) leaving = true;
        return readFault(answer, server.tls);
      } finally {
        slots.free();
        leaveIfDone();
      }
    },
    connections: allowance.now,
    close: () => pool.close(),
  };
}

/** What a mail server says that closes a connection, or has too many of them open (RFC 5321, section 3.8; Exchange). */
const hadEnough = new Set([421, 432]);

/** What a mail server answered to which command, and what nodemailer makes of it; the code is 0 without an answer. */
type Answer = { code: number; enhanced: string; command: string; message: string; fault: string };

function readAnswer(error: unknown): Answer {
  const { message, response, responseCode, command, code } = error as {
    message?: string;
    response?: string;
    responseCode?: number;
    command?: string;
    code?: string;
  };
  const [, enhanced = ''] = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '') ?? [];
  return {
    code: responseCode ?? 0,
    enhanced,
    command: command ?? '',
    message: message ?? String(error),
    fault: code ?? '',
  };
}

/**
 * Codes that can speak of a recipient or of a message. The others with a 5 speak of the session whatever the command:
 * of its syntax and sequence (500 to 504, 555), of the host (521), of sign-in and TLS (530, 534, 535, 538).
 */
const messageCodes = new Set([550, 551, 552, 553, 554, 556]);

/**
 * Enhanced codes (RFC 3463) that speak of it: a recipient's address or mailbox, a message that is too big, its content.
 * Neither the sender (1.7, 1.8), nor routes, protocol and policy (4, 5, 7), nor the server as such.
 */
const messageDetails = /^5\.(0\.0|1\.[1-69]|1\.10|2\.\d+|3\.4|6\.\d+)$/;

/** Whether another attempt would hear the same: the answer speaks of this message and of nothing that may change. */
function isPermanent({ code, enhanced, command }: Answer): boolean {
  // What is said to MAIL FROM is of the sender, the same for all mails, but for a message that is too big.
  const ofMessage = command === 'RCPT TO' || command === 'DATA' || (command === 'MAIL FROM' && code === 552);
  return ofMessage && messageCodes.has(code) && (enhanced === '' || messageDetails.test(enhanced));
}

/** nodemailer's and TLS's own, such as `SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`. */
const tlsTrouble = /TLS|SSL|CERT|SIGNATURE|ISSUER/;
/** Commands that come after TLS; what they hear may speak of certificates all the same. */
const messageCommands = new Set(['MAIL FROM', 'RCPT TO', 'DATA']);
/** They speak of the connection whatever the command: sign in (530, 534, 535), or encrypt (538) first (RFC 4954, 3207). */
const connectionCodes = new Set([530, 534, 535, 538]);

function readFault(answer: Answer, tls: MailTls): MailFault {
  const { code, command, message, fault } = answer;
  const afterTls = messageCommands.has(command) && !connectionCodes.has(code);
  const ofTls = tls !== 'never' && !afterTls && (tlsTrouble.test(fault) || /tls|certificate/i.test(message));
  const reason = `${ofTls ? 'no TLS with the mail server, and nothing is sent without: ' : ''}${message}`;
  return { message: reason.slice(0, 500), permanent: isPermanent(answer) };
}

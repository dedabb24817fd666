import { Readable } from 'node:stream';
import MimeNode from 'nodemailer/lib/mime-node';
import type { Mailbox } from '../lib/mailbox.ts';
import type { MailMessage } from './mail-page.tsx';

/** Octets of a line without its end (RFC 5322, section 2.1.1). */
const lineOctetsMax = 998;
/** Printable ASCII, tabs and ends of lines: what 7bit may carry of a text (RFC 2045, section 2.7). */
const sevenBit = /^[\t\n\x20-\x7e]*$/;
const base64Line = /.{76}(?=.)/g;

/**
 * Writes a message of two parts, text and HTML, in one step. nodemailer makes the headers (folding, encoded words,
 * addresses) and the envelope; its streams would take several times as long for the rest.
 * @returns a node for nodemailer's transports, whose stream is the whole message
 */
export function writeMessage(
  { to, subject, html, text, messageId, headers }: MailMessage,
  from: Mailbox,
): { node: MimeNode; raw: string } {
  const node = new MimeNode('multipart/alternative');
  node.setHeader({ ...headers, from, to, subject, 'message-id': messageId });
  const head = node.buildHeaders();
  const delimiter = `--${node.boundary}`;
  const parts = [...part(delimiter, 'text/plain', text), ...part(delimiter, 'text/html', html)];
  const raw = [head, '', ...parts, `${delimiter}--`, ''].join('\r\n');
  // Headers and bodies are ASCII by now.
  node.createReadStream = () => Readable.from([Buffer.from(raw, 'latin1')]);
  return { node, raw };
}

function part(delimiter: string, type: string, body: string): string[] {
  const plain = sevenBit.test(body) && body.split('\n').every((line) => line.length <= lineOctetsMax);
  const written = plain
    ? body.replaceAll('\n', '\r\n')
    : Buffer.from(body).toString('base64').replace(base64Line, '$&\r\n');
  return [
    delimiter,
    `Content-Type: ${type}; charset=utf-8`,
    `Content-Transfer-Encoding: ${plain ? '7bit' : 'base64'}`,
    '',
    written,
  ];
}

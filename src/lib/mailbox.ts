import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { isEmailAddress } from './email-address.ts';

/** A sender or recipient, taken apart, for a library that writes headers; the address is ASCII. */
export type Mailbox = { name: string; address: string };

const nameLengthMax = 200;
const controlCharacter = /\p{Cc}/u;

/** The domain of a mailbox's address. */
export function domainOf({ address }: Mailbox): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

/** Reads `address` or `Name <address>`; null when it is neither. A quoted name loses its quotes (RFC 5322, section 3.4). */
export function readMailbox(text: string): Mailbox | null {
  const [, given = '', inBrackets] = /^([^<>]*|"(?:[^"\\]|\\.)*"\s*)<([^<>]*)>$/.exec(text.trim()) ?? [];
  const name = unquoted(given.trim());
  const address = withAsciiDomain((inBrackets ?? text).trim());
  const isUsable = name.isWellFormed() && name.length <= nameLengthMax && !controlCharacter.test(name);
  return isUsable && isEmailAddress(address) ? { name, address } : null;
}

function unquoted(name: string): string {
  const [, inside] = /^"(.*)"$/.exec(name) ?? [];
  return inside === undefined ? name : inside.replaceAll(/\\(.)/g, '$1').trim();
}

function withAsciiDomain(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  // Only where it is needed and can be: it would also read numbers as addresses of IPv4, and percent signs as escapes.
  const isUnicode = /[^\0-\x7f]/.test(domain) && /^(?:[A-Za-z0-9.-]|[^\0-\x7f])+$/.test(domain);
  return isUnicode ? address.slice(0, -domain.length) + domainToASCII(domain) : address;
}

/** `address` or `Name <address>` in a setting, as its parts. */
export const mailbox = z.string().transform((text, context) => {
  const read = readMailbox(text);
  if (read) return read;
  context.addIssue('must be an address, or a name with the address in angle brackets');
  return z.NEVER;
});

import { z } from 'zod';

const lengthMax = 254;
const localPartLengthMax = 64;

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const localPart = new RegExp(`^${atom}(?:\\.${atom})*$`);
const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const digits = /^\d+$/;
const nonAscii = /[^\0-\x7f]/;

/**
 * Whether a text is an address as it goes over SMTP: a dot-atom (RFC 5322, section 3.2.3), `@`, and a domain of
 * letters, digits and hyphens, within the limits of RFC 5321, section 4.5.3.1. Quoted local parts and address literals
 * are not. `shop@localhost` is, because a machine may send mail in its own name.
 */
export function isEmailAddress(text: string): boolean {
  if (text.length > lengthMax) return false;
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  return at > 0 && local.length <= localPartLengthMax && localPart.test(local) && isDomain(text.slice(at + 1));
}

/** No host's name ends in a number, which is what an address literal without its brackets does (RFC 3696, section 2). */
function isDomain(text: string): boolean {
  const labels = text.split('.');
  return labels.every((part) => label.test(part)) && !digits.test(labels.at(-1) ?? '');
}

/** An address that others can write to: its domain has more than one label. */
const isPublic = (text: string) => isEmailAddress(text) && text.includes('.', text.lastIndexOf('@'));

/** A text without the e-mail addresses that stand in it, for logs: what a mail server says names whom it refuses. */
export function withoutAddresses(text: string): string {
  return text.replaceAll(/[^\s<>()[\]"',;:]+@[^\s<>()[\]"',;:]+/g, '(an address)');
}

/** The e-mail address of an account, trimmed. It is ASCII, so that two of them are compared alike everywhere. */
export const emailAddress = z
  .string()
  .trim()
  // Before anything looks at its characters, which `max` does, too: it would count them for milliseconds.
  .refine((text) => text.length <= lengthMax, `must have at most ${lengthMax} characters`)
  .pipe(
    z.string().superRefine((text, context) => {
      if (isPublic(text)) return;
      context.addIssue(
        nonAscii.test(text)
          ? 'must be in ASCII; a domain such as müller.example is sent as xn--mller-kva.example'
          : 'must be an e-mail address such as ada@example.com',
      );
    }),
  )
  .meta({ type: 'string', format: 'email', maxLength: lengthMax, example: 'ada@example.com' });

/** @jsxImportSource hono/jsx */
import type { AccountMailToSend } from '../domain/outbox/mails.ts';
import { mailToken } from '../lib/mail-token.ts';
import { type TokenKind, tokenKinds } from '../schema/mails.ts';
import { greetingOf, type MailMessage, MailPage, style } from './mail-page.tsx';

/** What tokens are made with, and the pages that links lead to, with a place for `{token}`; without one the token is shown. */
export type AccountMailTerms = {
  tokenSecret: string;
  passwordResetUrl: string | undefined;
  emailVerificationUrl: string | undefined;
};

type Words = {
  subject: string;
  headline: string;
  sentences: string[];
  /** What a link says, or what stands before a token. */
  action?: string;
  /** After the link. */
  notice: string;
};

const wordsOf: Partial<Record<AccountMailToSend['kind'], Words>> = {
  password_reset: {
    subject: 'Set a new password',
    headline: 'Set a new password',
    sentences: ['Somebody, you we hope, has asked for a new password for the account of this address.'],
    action: 'Set a new password',
    notice: 'It works once, within an hour. If you did not ask for it, leave it alone: your password stays as it is.',
  },
  email_verification: {
    subject: 'Confirm your e-mail address',
    headline: 'Confirm your e-mail address',
    sentences: ['An account of our shop has this address. Please confirm that it is yours.'],
    action: 'Confirm the address',
    notice: 'It works once, within three days. If the account is not yours, leave it alone.',
  },
  password_changed: {
    subject: 'Your password has been changed',
    headline: 'Your password has been changed',
    sentences: [
      'The password of your account has been changed, and everybody who was signed in to it has been signed out.',
    ],
    notice: 'If that was not you, set a new password now, and tell us.',
  },
  email_changed: {
    subject: 'The e-mail address of your account has been changed',
    headline: 'The e-mail address has been changed',
    sentences: [
      'The e-mail address of your account has been changed. The old address and the new one both get this mail.',
    ],
    notice: 'If that was not you, tell us.',
  },
};

/**
 * Writes a mail of an account; its Message-ID is a function of its row.
 * @param domain of the shop's sender
 * @throws when there are no words for its kind
 */
export function composeAccountMail(
  { id, kind, recipient }: AccountMailToSend,
  domain: string,
  terms: AccountMailTerms,
): MailMessage {
  const words = wordsOf[kind];
  if (!words) throw new Error(`there are no words for ${kind}`);
  const letter: Letter = {
    words,
    greeting: greetingOf(recipient),
    way: isTokenKind(kind) ? wayOf(kind, id, terms) : null,
  };
  return {
    to: { name: recipient.name ?? '', address: recipient.email },
    subject: words.subject,
    html: `<!doctype html>${<HtmlLetter {...letter} />}`,
    text: textLetter(letter),
    messageId: `<${id}.${kind}@${domain}>`,
    headers: { 'X-Mail-Kind': kind, 'Auto-Submitted': 'auto-generated' },
  };
}

function isTokenKind(kind: AccountMailToSend['kind']): kind is TokenKind {
  return tokenKinds.some((each) => each === kind);
}

/** How a token is used: by a link, or by itself where the shop has no page for it. */
type Way = { link: string } | { token: string };

function wayOf(kind: TokenKind, mailId: string, { tokenSecret, ...pages }: AccountMailTerms): Way {
  const token = mailToken(tokenSecret, kind, mailId);
  const page = kind === 'password_reset' ? pages.passwordResetUrl : pages.emailVerificationUrl;
  return page === undefined ? { token } : { link: page.replaceAll('{token}', token) };
}

type Letter = { words: Words; greeting: string; way: Way | null };

function textLetter({ words, greeting, way }: Letter): string {
  const action = way === null ? [] : [`${words.action}:`, '', 'link' in way ? way.link : way.token, ''];
  return [words.headline, '', greeting, ...words.sentences, '', ...action, words.notice, ''].join('\n');
}

function HtmlLetter({ words, greeting, way }: Letter) {
  return (
    <MailPage subject={words.subject} headline={words.headline}>
      <p style={style.paragraph}>{greeting}</p>
      {words.sentences.map((sentence) => (
        <p style={style.paragraph}>{sentence}</p>
      ))}
      {way && 'link' in way && (
        <p style={style.action}>
          <a href={way.link} style={style.link}>
            {words.action}
          </a>
        </p>
      )}
      {way && 'token' in way && (
        <p style={style.paragraph}>
          {words.action}: <code style={style.token}>{way.token}</code>
        </p>
      )}
      <p style={style.reference}>{words.notice}</p>
    </MailPage>
  );
}

/** @jsxImportSource hono/jsx */
import type { AccountMailToSend } from '../domain/outbox/mails.ts';
import { mailToken } from '../lib/mail-token.ts';
import { type TokenKind, tokenKinds } from '../schema/mails.ts';
import { type MailMessage, MailPage, style } from './mail-page.tsx';
import { type MailLanguage, wordsOf } from './mail-words/languages.ts';
import type { AccountMailWords } from './mail-words/words.ts';

/** What tokens are made with, and the pages that links lead to, with a place for `{token}`; without one the token is shown. */
export type AccountMailTerms = {
  mailLanguage: MailLanguage;
  tokenSecret: string;
  passwordResetUrl: string | undefined;
  emailVerificationUrl: string | undefined;
};

/**
 * Writes a mail of an account; its Message-ID is a function of its row.
 * @param domain of the shop's sender
 */
export function composeAccountMail(
  { id, kind, webhook, recipient }: AccountMailToSend,
  domain: string,
  terms: AccountMailTerms,
): MailMessage {
  const { language, greeting, ofAccount } = wordsOf(terms.mailLanguage);
  const words = ofAccount[kind];
  const letter: Letter = {
    language,
    words,
    greeting: greeting(recipient.name),
    way: isTokenKind(kind) ? wayOf(kind, id, terms) : webhook && { shown: placeOf(webhook) },
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

/** What is done with a mail: a link is followed, or something is shown, as a token where the shop has no page for it. */
type Way = { link: string } | { shown: string };

function wayOf(kind: TokenKind, mailId: string, { tokenSecret, ...pages }: AccountMailTerms): Way {
  const token = mailToken(tokenSecret, kind, mailId);
  const page = kind === 'password_reset' ? pages.passwordResetUrl : pages.emailVerificationUrl;
  return page === undefined ? { shown: token } : { link: page.replaceAll('{token}', token) };
}

/** Names no more of a webhook than where it leads: what follows may be a secret. */
function placeOf({ id, url }: { id: string; url: string | null }): string {
  return url === null ? id : `${new URL(url).origin} (${id})`;
}

type Letter = { language: string; words: AccountMailWords; greeting: string; way: Way | null };

function textLetter({ words, greeting, way }: Letter): string {
  const action = way === null ? [] : [`${words.action}:`, '', 'link' in way ? way.link : way.shown, ''];
  return [words.headline, '', greeting, ...words.sentences, '', ...action, words.notice, ''].join('\n');
}

function HtmlLetter({ language, words, greeting, way }: Letter) {
  return (
    <MailPage language={language} subject={words.subject} headline={words.headline}>
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
      {way && 'shown' in way && (
        <p style={style.paragraph}>
          {words.action}: <code style={style.token}>{way.shown}</code>
        </p>
      )}
      <p style={style.reference}>{words.notice}</p>
    </MailPage>
  );
}

import { german } from './de.ts';
import { english } from './en.ts';
import type { MailWords } from './words.ts';

const languages = { en: english, de: german };

/** As `MAIL_LANGUAGE` names it. */
export type MailLanguage = keyof typeof languages;

/** The words of a language. */
export function wordsOf(language: MailLanguage): MailWords {
  return languages[language];
}

import { iso31661 } from 'iso-3166/1.js';

/** Every country by its code in ISO 3166-1 alpha-2, in the order of the alphabet. */
export const countryCodes: readonly string[] = iso31661.map(({ alpha2 }) => alpha2).toSorted();

/** One for each of the few languages that mails speak, because making one is expensive. */
const namesIn = new Map<string, Intl.DisplayNames>();

/** What a language (BCP 47) calls a country; its code where the runtime has no name for it. */
export function countryName(code: string, language: string): string {
  const names = namesIn.get(language) ?? new Intl.DisplayNames(language, { type: 'region', fallback: 'code' });
  namesIn.set(language, names);
  return names.of(code) ?? code;
}

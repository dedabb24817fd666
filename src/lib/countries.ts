import { iso31661 } from 'iso-3166/1.js';

/** Every country by its code in ISO 3166-1 alpha-2, in the order of the alphabet. */
export const countryCodes: readonly string[] = iso31661.map(({ alpha2 }) => alpha2).toSorted();

/** What a language (BCP 47) calls a country; its code where the runtime has no name for it. */
export function countryName(code: string, language: string): string {
  return new Intl.DisplayNames(language, { type: 'region', fallback: 'code' }).of(code) ?? code;
}

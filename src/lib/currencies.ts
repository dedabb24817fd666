// List one of ISO 4217 as published on 2024-06-25, and what was added since (XAD, XCG). What was withdrawn since stays,
// because orders of that time are still shown in it. A test holds it against a package of the same list.
const codesByDigits: Record<number, string> = {
  // The last row has no minor unit (`N.A.`): metals, units of account, tests. Its amounts are whole units.
  0: `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
    XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX`,
  2: `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV
    MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};

const digitsByCode = new Map(
  Object.entries(codesByDigits).flatMap(([digits, codes]) =>
    codes.split(/\s+/).map((code): [string, number] => [code, Number(digits)]),
  ),
);

/** Every currency that a shop can have. */
export const currencyCodes: readonly string[] = [...digitsByCode.keys()];

/** How many digits of an amount in minor units come after the point, by ISO 4217; null for what is no currency. */
export function minorUnitDigits(code: string): number | null {
  return digitsByCode.get(code) ?? null;
}

/** Making one costs as much as the rest of a mail. */
const moneyFormats = new Map<string, (minorUnits: number) => string>();

/** Others go by their code, because what stands for them differs from one version of Unicode's data to the next. */
const currenciesWithSymbols = new Set(
  'AUD BRL CAD CNY EUR GBP HKD ILS INR JPY KRW MXN NZD PHP TWD USD VND XAF XCD XOF XPF'.split(' '),
);

/**
 * Makes what writes amounts of a currency, given in minor units, alike on every runtime. Exact: an amount goes in as a
 * decimal string, never as a float.
 * @param locale BCP 47: whose way of writing numbers
 */
export function moneyFormat(currency: string, locale = 'en-US'): (minorUnits: number) => string {
  const key = `${locale} ${currency}`;
  const known = moneyFormats.get(key);
  if (known) return known;
  // ISO 4217's, not the runtime's, which differ. An order may be in a currency that has gone since.
  const digits = minorUnitDigits(currency) ?? 2;
  const { format } = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: currenciesWithSymbols.has(currency) ? 'symbol' : 'code',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  const written = (minorUnits: number) => format(`${minorUnits}E-${digits}` as `${number}`);
  moneyFormats.set(key, written);
  return written;
}

// How values are shown and read: in the language and the time zone of the browser.

import { minorUnitDigits } from '../src/lib/currencies.ts';

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const times = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const days = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' });
const counts = new Intl.NumberFormat();
const moneyFormats = new Map<string, Intl.NumberFormat>();

function moneyFormat(currency: string): Intl.NumberFormat {
  const known = moneyFormats.get(currency);
  if (known) return known;
  const digits = digitsOf(currency);
  const made = new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  moneyFormats.set(currency, made);
  return made;
}

/** How many digits an amount has behind the point: as the shop has it, since browsers differ. */
export function digitsOf(currency: string): number {
  return minorUnitDigits(currency) ?? 2;
}

/** Minor units as a plain number, `1299` as `12.99`: exact, since no fraction is calculated. */
export function plainAmount(minorUnits: number, currency: string): string {
  const digits = digitsOf(currency);
  const text = String(minorUnits).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** An amount in minor units as a person reads it. */
export function money(minorUnits: number, currency: string): string {
  return moneyFormat(currency).format(plainAmount(minorUnits, currency) as Intl.StringNumericLiteral);
}

/** The minor units of what a person has typed, with a point or a comma; null when it is no amount. */
export function readAmount(text: string, currency: string): number | null {
  const digits = digitsOf(currency);
  const [, whole = '', fraction = ''] = /^(\d{1,10})(?:[.,](\d*))?$/.exec(text.trim()) ?? [];
  if (whole === '' || fraction.length > digits) return null;
  return Number(whole + fraction.padEnd(digits, '0'));
}

export function count(value: number): string {
  return counts.format(value);
}

export function moment(iso: string): string {
  return moments.format(new Date(iso));
}

export function timeOfDay(date: Date): string {
  return times.format(date);
}

/** A day of a report, which is one in UTC. */
export function day(iso: string): string {
  return days.format(new Date(`${iso}T00:00:00Z`));
}

/** The day in UTC that lies so many days before today, as `2026-11-22`. */
export function dayBefore(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
}

/** `order_status` and `order.status_changed` in words. */
export function words(code: string): string {
  const text = code.replaceAll(/[._]/g, ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The end of an id, by which people can tell a few apart. */
export function shortId(id: string): string {
  return `…${id.slice(-6)}`;
}

/** Crockford's base 32: digits and capitals without I, L, O and U. */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const digitCount = 10;

/** What a person may write for a digit. */
const misread: Record<string, string> = { O: '0', I: '1', L: '1' };

/**
 * The number of an order, for people: the last 50 bits of its id, which are random, as `K7Q2-94XM-5T`. In SQL it is
 * `order_number(id)` (drizzle/0015_order_numbers.sql).
 */
export function orderNumber(id: string): string {
  const bits = Number.parseInt(id.replaceAll('-', '').slice(-13), 16);
  return grouped(
    Array.from({ length: digitCount }, (_, place) => digits[Math.floor(bits / 32 ** (digitCount - 1 - place)) % 32]),
  );
}

/** Reads what a person has written for an order's number; null for what can be none. */
export function readOrderNumber(text: string): string | null {
  const written = text.replaceAll('-', '');
  if (!/^[0-9a-z]{10}$/i.test(written) || /u/i.test(written)) return null;
  return grouped(Array.from(written.toUpperCase(), (letter) => misread[letter] ?? letter));
}

function grouped(all: (string | undefined)[]): string {
  return [all.slice(0, 4), all.slice(4, 8), all.slice(8)].map((group) => group.join('')).join('-');
}

import { V7Generator } from 'uuidv7';

const generator = new V7Generator();
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Where a walk through rows by their ids begins. */
export const beforeAllIds = '00000000-0000-0000-0000-000000000000';

/** A UUIDv7 (RFC 9562) of the moment `now`, above every one that this process made before. */
export function newId(now: Date): string {
  return generator.generateOrResetWithTs(now.getTime()).toString();
}

/**
 * A UUIDv7 of a moment in Unix µs, above every one of an earlier µs, whatever process made that: `rand_a` holds what is
 * left of the millisecond (RFC 9562, section 6.2, method 3).
 */
export function idAtMicros(micros: number): string {
  const time = Math.floor(micros / 1_000)
    .toString(16)
    .padStart(12, '0');
  const fraction = Math.floor(((micros % 1_000) * 4_096) / 1_000)
    .toString(16)
    .padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${fraction}${crypto.randomUUID().slice(18)}`;
}

/** Whether Postgres would take `text` as a uuid; a path may hold anything. */
export function isId(text: string): boolean {
  return uuidShape.test(text);
}

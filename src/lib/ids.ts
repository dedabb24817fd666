import { V7Generator } from 'uuidv7';

const generator = new V7Generator();
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUIDv7 (RFC 9562) of the moment `now`, above every one that this process made before. */
export function newId(now: Date): string {
  return generator.generateOrResetWithTs(now.getTime()).toString();
}

/** Whether Postgres would take `text` as a uuid; a path may hold anything. */
export function isId(text: string): boolean {
  return uuidShape.test(text);
}

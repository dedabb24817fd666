import { createHash } from 'node:crypto';
import type { SentKey } from '../domain/idempotency.ts';
import { ShopError } from '../errors.ts';

/**
 * The caller's `Idempotency-Key` as the rules take it; undefined without one.
 * @param compared what tells the bodies apart that come with one key
 * @throws {ShopError} `malformed_json` when that is nested so deeply that it cannot be written out
 */
export function sentKey(key: string | undefined, compared: unknown): SentKey | undefined {
  if (key === undefined) return undefined;
  return { key, requestHash: createHash('sha256').update(textOf(compared)).digest('base64url') };
}

function textOf(compared: unknown): string {
  try {
    return JSON.stringify(compared);
  } catch (error) {
    // The only fault that what has been read as JSON can have.
    throw new ShopError('malformed_json', 'The body is nested too deeply.', {}, { cause: error });
  }
}

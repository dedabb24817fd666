import { createHash } from 'node:crypto';
import type { SentKey } from '../domain/idempotency.ts';

/**
 * The caller's `Idempotency-Key` as the rules take it; undefined without one.
 * @param compared what tells the bodies apart that come with one key
 */
export function sentKey(key: string | undefined, compared: unknown): SentKey | undefined {
  if (key === undefined) return undefined;
  return { key, requestHash: createHash('sha256').update(JSON.stringify(compared)).digest('base64url') };
}

import { createHash } from 'node:crypto';

/** What tells the bodies apart that come with one `Idempotency-Key`. */
export function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64url');
}

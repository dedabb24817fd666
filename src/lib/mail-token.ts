import { createHmac, timingSafeEqual } from 'node:crypto';

const idBytes = 16;
const macBytes = 32;

/** By the secret alone: those who have the rows have no token, and the same row gives the same one again. */
function macOf(secret: string, kind: string, id: Buffer): Buffer {
  return createHmac('sha256', secret).update(`token by mail:${kind}:`).update(id).digest();
}

/** The token of a mail: its id and an HMAC of kind and id, 64 characters of base64url. */
export function mailToken(secret: string, kind: string, mailId: string): string {
  const id = Buffer.from(mailId.replaceAll('-', ''), 'hex');
  return Buffer.concat([id, macOf(secret, kind, id)]).toString('base64url');
}

/** The id of the mail that brought a token of a kind; null for what is none, or of another secret or kind. */
export function mailIdOf(secret: string, kind: string, token: string): string | null {
  const bytes = Buffer.from(token, 'base64url');
  // The decoder passes over what is not of its alphabet, so that many texts would stand for one token.
  if (bytes.length !== idBytes + macBytes || bytes.toString('base64url') !== token) return null;
  const id = bytes.subarray(0, idBytes);
  if (!timingSafeEqual(bytes.subarray(idBytes), macOf(secret, kind, id))) return null;
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

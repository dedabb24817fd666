import { hkdf } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(hkdf);
const keyBytes = 32;
const nonceBytes = 12;

/** Encrypts text that has to be read again, so that a copy of the database alone does not show it. */
export type Sealer = {
  /** @param context what the text belongs to; it opens under the same alone */
  seal: (text: string, context: string) => Promise<string>;
  /** @throws when it was sealed with another secret or in another context, or has been changed */
  open: (sealed: string, context: string) => Promise<string>;
};

/**
 * AES-256-GCM under a key that HKDF-SHA-256 (RFC 5869) makes of a secret for one purpose, so that a secret may serve
 * several.
 */
export function createSealer(secret: string, purpose: string): Sealer {
  let key: Promise<CryptoKey> | undefined;
  async function makeKey(): Promise<CryptoKey> {
    const bytes = await derive('sha256', secret, '', purpose, keyBytes);
    return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  }
  const keyOnce = () => {
    key ??= makeKey();
    return key;
  };
  const algorithm = (iv: Uint8Array<ArrayBuffer>, context: string) => ({
    name: 'AES-GCM',
    iv,
    additionalData: new TextEncoder().encode(context),
  });
  return {
    seal: async (text, context) => {
      const iv = crypto.getRandomValues(new Uint8Array(nonceBytes));
      const sealed = await crypto.subtle.encrypt(
        algorithm(iv, context),
        await keyOnce(),
        new TextEncoder().encode(text),
      );
      return Buffer.concat([iv, new Uint8Array(sealed)]).toString('base64url');
    },
    open: async (sealed, context) => {
      const bytes = new Uint8Array(Buffer.from(sealed, 'base64url'));
      const [iv, rest] = [bytes.slice(0, nonceBytes), bytes.slice(nonceBytes)];
      return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm(iv, context), await keyOnce(), rest));
    },
  };
}

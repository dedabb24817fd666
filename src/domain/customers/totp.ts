import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { hashOfSecret } from '../../lib/secrets.ts';

const periodSeconds = 30;
/** How many steps a clock may be off, either way (RFC 6238, section 5.2). */
const windowSteps = 1;
const secretBytes = 20;
const recoveryCodeCount = 10;
/** 99 bits, in characters that are not taken for one another: nobody guesses them, so a plain hash will do. */
const recoveryCodeLength = 20;
const recoveryAlphabet = '23456789abcdefghjkmnpqrstuvwxyz';

/** A new secret, in base 32. */
export function newTotpSecret(): string {
  return new Secret({ size: secretBytes }).base32;
}

/** What authenticator apps take as a QR code. */
export function totpUrl(secret: string, { issuer, label }: { issuer: string; label: string }): string {
  return totpOf(secret, issuer, label).toString();
}

function totpOf(secret: string, issuer?: string, label?: string): TOTP {
  return new TOTP({
    ...(issuer !== undefined && { issuer }),
    ...(label !== undefined && { label }),
    algorithm: 'SHA1',
    digits: 6,
    period: periodSeconds,
    secret: Secret.fromBase32(secret),
  });
}

/** The time step that a code is of, null when it is of none that counts at a moment (Unix ms). */
export function stepOfCode(secret: string, code: string, nowMs: number): number | null {
  const token = code.replaceAll(/[\s-]/g, '');
  if (!/^\d{6}$/.test(token)) return null;
  const delta = totpOf(secret).validate({ token, timestamp: nowMs, window: windowSteps });
  return delta === null ? null : Math.floor(nowMs / 1_000 / periodSeconds) + delta;
}

/** New recovery codes, for when the second factor is lost, and the hashes of them that are kept. */
export function newRecoveryCodes(): { codes: string[]; hashes: string[] } {
  const codes = Array.from({ length: recoveryCodeCount }, () => newRecoveryCode());
  return { codes, hashes: codes.map(hashOfRecoveryCode) };
}

function newRecoveryCode(): string {
  // Bytes beyond the last whole round of the alphabet do not count, or some letters would come more often.
  const rounds = Math.floor(256 / recoveryAlphabet.length) * recoveryAlphabet.length;
  let text = '';
  while (text.length < recoveryCodeLength) {
    for (const byte of randomBytes(recoveryCodeLength)) {
      if (byte < rounds) text += recoveryAlphabet.charAt(byte % recoveryAlphabet.length);
    }
  }
  return (text.slice(0, recoveryCodeLength).match(/.{5}/g) ?? []).join('-');
}

/** However it is typed: in any case, with or without hyphens and blanks. */
export function hashOfRecoveryCode(code: string): string {
  return hashOfSecret(code.toLowerCase().replaceAll(/[\s-]/g, ''));
}

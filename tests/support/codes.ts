import { Secret, TOTP } from 'otpauth';

const periodMs = 30_000;

/** What an authenticator app shows for a secret in base 32, so many steps of half a minute from now. */
export function totpCode(secret: string, steps = 0): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * periodMs });
}

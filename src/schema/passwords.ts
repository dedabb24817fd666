import { storable, text } from './common.ts';
import { commonPasswords } from './common-passwords.ts';

let common: Set<string> | undefined;

/** Whether a password in NFC is one of the 3 000 most common ones, in any case. */
function isCommon(password: string): boolean {
  common ??= new Set(commonPasswords.trim().split(/\s+/));
  return common.has(password.toLowerCase());
}

/** A new password, in NFC, so that it is the same on every keyboard (NIST SP 800-63B, "Password Verifiers"). */
export const password = text(8, 128, storable.normalize('NFC'))
  .refine((value) => !isCommon(value), 'must not be one of the most common passwords')
  .meta({
    format: 'password',
    description: 'Counted in NFC, and not one of the 3 000 most common ones.',
    example: 'correct horse',
  });

/** A password that is only compared, so one of any shape is merely wrong. */
export const passwordAttempt = text(1, 1_000).meta({ format: 'password', example: 'correct horse' });

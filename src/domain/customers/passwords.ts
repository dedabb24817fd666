import { hash, verify } from '@node-rs/argon2';

/** Argon2id with the parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, parallelism 1. */
const argon2id = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Of a password that nobody knows, with the parameters above. Constant, so that neither start nor first guess hashes. */
const decoy = '$argon2id$v=19$m=19456,t=2,p=1$vxQFQaMoxmxxGXVCjvnENQ$fNVRt/miQttNPZKiNsL0/zpsQ8QGrMJewTXwtk6DtlA';

/** A string that holds salt and parameters, for `customers.password_hash`. The password is hashed in NFC. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize(), argon2id);
}

/**
 * Compares a password with a stored hash, in NFC and, because older hashes are of what was sent, as it stands. Without a
 * hash it does the same work in vain, so that an unknown account takes as long as a wrong password.
 */
export async function passwordMatches(passwordHash: string | undefined, password: string): Promise<boolean> {
  const compared = passwordHash ?? decoy;
  const composed = password.normalize();
  const matches = (await verify(compared, composed)) || (composed !== password && (await verify(compared, password)));
  return matches && passwordHash !== undefined;
}

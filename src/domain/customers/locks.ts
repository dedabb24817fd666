import { and, eq, isNull } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { customers } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';

/**
 * Makes all wait who sign in to an account or change how that is done, until the transaction ends.
 * @param account with the version of its tokens, if it must not have changed since its password was checked
 * @throws {ShopError} `invalid_credentials` when it has, because what was checked is no longer the password, or the account
 *   is closed; `unauthenticated` when it is closed and nothing was checked
 */
export async function lockAccount(tx: Transaction, account: { id: string; tokenVersion?: number }): Promise<void> {
  const { id, tokenVersion } = account;
  const isUnchanged = tokenVersion === undefined ? undefined : eq(customers.tokenVersion, tokenVersion);
  const locked = await tx
    .select({ id: customers.id })
    .from(customers)
    .where(and(eq(customers.id, id), isUnchanged, isNull(customers.deletedAt)))
    .for('no key update');
  if (locked.length > 0) return;
  throw isUnchanged
    ? new ShopError('invalid_credentials', 'The password is no longer the one that was checked.')
    : new ShopError('unauthenticated', 'The account has been closed.');
}

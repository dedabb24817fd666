import { and, eq, isNull } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { clockTime } from '../../db/sql.ts';
import { type CustomerRow, customers } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import { writeEvent } from '../audit/events.ts';
import { oweAccountMails, releaseMails } from '../outbox/account-mails.ts';
import { accountChanges, hasEmail } from './accounts.ts';
import type { AccountActor } from './actor.ts';
import { oweToken, redeem, takeTurn, tokenInvalid } from './mail-tokens.ts';
import { accountColumns } from './rows.ts';
import { endSessions } from './sessions.ts';

/**
 * Owes whose address this is a mail with which to set a new password. The same is done, and written, for an address that
 * nobody has.
 * @returns the mail's id, if there is one
 */
export async function askForReset(tx: Transaction, email: string): Promise<string[]> {
  if (!(await takeTurn(tx, 'password_reset', email))) return [];
  return oweToken(tx, 'password_reset', hasEmail(email));
}

/**
 * Owes the actor a mail with which to confirm their address.
 * @returns the mail's id, unless there was one a moment ago
 * @throws {ShopError} `unauthenticated` when the account was closed meanwhile, `email_already_verified`
 */
export async function askForVerification(tx: Transaction, { id }: Pick<AccountActor, 'id'>): Promise<string[]> {
  const isOpen = and(eq(customers.id, id), isNull(customers.deletedAt));
  const [account] = await tx.select(accountColumns).from(customers).where(isOpen).for('no key update');
  if (!account) throw new ShopError('unauthenticated', 'The account is closed.');
  if (account.emailVerifiedAt) throw new ShopError('email_already_verified', 'The address is confirmed already.');
  if (!(await takeTurn(tx, 'email_verification', account.email))) return [];
  return oweToken(tx, 'email_verification', isOpen);
}

/**
 * Sets a new password with the token of a mail, once; ends every session and token of the account, and confirms the
 * address that the mail came to.
 * @returns the ids of mails to be enqueued
 * @throws {ShopError} `token_invalid`
 */
export async function resetPassword(
  tx: Transaction,
  mailId: string,
  passwordHash: string,
  requestId: string,
): Promise<string[]> {
  const account = await redeem(tx, 'password_reset', mailId);
  const [changed] = await tx
    .update(customers)
    .set({ passwordHash, emailVerifiedAt: account.emailVerifiedAt ?? clockTime, updatedAt: clockTime })
    .where(eq(customers.id, account.id))
    .returning(accountColumns);
  if (!changed) throw tokenInvalid();
  await endSessions(tx, account.id);
  if (!account.emailVerifiedAt) await releaseMails(tx, account.id);
  await writeEvent(tx, ownerOf(account, requestId), {
    action: 'customer.password_changed',
    subject: { kind: 'customer', id: account.id },
    changes: { password: {}, ...accountChanges(account, changed) },
  });
  return oweAccountMails(tx, [{ kind: 'password_changed', customerId: account.id, address: account.email }]);
}

/**
 * Confirms an address with the token of a mail that came to it, once; what waits for that goes out.
 * @throws {ShopError} `token_invalid`
 */
export async function verifyEmail(tx: Transaction, mailId: string, requestId: string): Promise<void> {
  const account = await redeem(tx, 'email_verification', mailId);
  if (account.emailVerifiedAt) return;
  const [changed] = await tx
    .update(customers)
    .set({ emailVerifiedAt: clockTime, updatedAt: clockTime })
    .where(eq(customers.id, account.id))
    .returning(accountColumns);
  if (!changed) throw tokenInvalid();
  await releaseMails(tx, account.id);
  await writeEvent(tx, ownerOf(account, requestId), {
    action: 'customer.verified',
    subject: { kind: 'customer', id: account.id },
    changes: accountChanges(account, changed),
  });
}

/** The one who has the token acts as the account itself. */
function ownerOf({ id, role }: CustomerRow, requestId: string): AccountActor {
  return { kind: role, id, requestId };
}

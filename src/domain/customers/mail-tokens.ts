import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { addressHash, clockTime, later, texts } from '../../db/sql.ts';
import { type CustomerRow, customers, mailRequests, mails, mailTokens } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import { type TokenKind, tokenKinds } from '../../schema/mails.ts';
import { deleteAged } from '../clean-up.ts';
import { owedNow } from '../outbox/account-mails.ts';
import { accountColumns } from './rows.ts';

/** How long a token works, from the moment when its mail may go. */
const worksMs: Record<TokenKind, number> = { password_reset: 3_600_000, email_verification: 3 * 24 * 3_600_000 };

/** An account and an address get no more than one mail of a kind in so long. */
const pauseMs = 60_000;

/** What is said of every token that does not work, whatever the reason. */
export const tokenInvalid = () =>
  new ShopError('token_invalid', 'The token is used up, replaced, too old, or none at all.');

/**
 * Takes the turn of an address, which comes once a pause, whether it is somebody's or nobody's. @returns false when it
 * was taken a moment ago
 */
export async function takeTurn(tx: Transaction, kind: TokenKind, email: string): Promise<boolean> {
  const taken = await tx.execute(sql`
    insert into mail_requests as asked (address_hash, kind, asked_at)
    values (${addressHash(sql`${email}::text`)}, ${kind}::text, ${clockTime})
    on conflict (address_hash, kind) do update set asked_at = ${clockTime}
    where asked.asked_at <= ${later(clockTime, -pauseMs)}
    returning 1`);
  return taken.length > 0;
}

/** Of a row of `account`: whether it was owed a mail of a kind within the pause, whatever its address was then. */
const wasOwed = (kind: TokenKind) => sql`exists (
  select 1 from mails where mails.customer_id = account.id and mails.kind = ${kind}
    and mails.created_at > ${later(clockTime, -pauseMs)})`;

/**
 * Owes an account a mail with a token, which replaces the one of its kind before, in one statement whether there is such
 * an account or not.
 * @param isAccount which one; it is locked
 * @param mayNot of a row of `account`: keeps it from being owed anything; as a rule, that it was a moment ago
 * @returns the mail's id, if there is one
 */
export async function oweToken(
  tx: Transaction,
  kind: TokenKind,
  isAccount: SQL | undefined,
  mayNot: SQL = wasOwed(kind),
): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    with account as (
      select id, email from customers where ${isAccount} for no key update
    ), owed as (
      insert into mails (kind, customer_id, address, created_at, due_at)
      select ${kind}::text, id, email, ${owedNow} from account where not (${mayNot})
      returning id, customer_id, kind
    ), replaced as (
      insert into mail_tokens (customer_id, kind, mail_id) select customer_id, kind, id from owed
      on conflict (customer_id, kind) do update set mail_id = excluded.mail_id
    )
    select id from owed`);
  return rows.map(({ id }) => id);
}

/**
 * Owes an account that has just got its address a mail with which to confirm it, unless the address had one a moment ago.
 * @returns the mail's id, if there is one
 */
export async function oweVerification(
  tx: Transaction,
  { id, email }: Pick<CustomerRow, 'id' | 'email'>,
): Promise<string[]> {
  if (!(await takeTurn(tx, 'email_verification', email))) return [];
  return oweToken(tx, 'email_verification', eq(customers.id, id), sql`false`);
}

/** Ends the tokens of an account; a request that redeems one at the same instant waits for the account's lock. */
export async function endTokens(
  tx: Transaction,
  customerId: string,
  kinds: readonly TokenKind[] = tokenKinds,
): Promise<void> {
  await tx.execute(sql`
    delete from mail_tokens where customer_id = ${customerId} and kind = any(${texts([...kinds])})`);
}

/**
 * From when on a token counts its time: the mail of one for an address may have been kept back by a limit. That of one for
 * a password never is, and sending it again must not bring it back to life.
 */
const begins = (kind: TokenKind) =>
  kind === 'password_reset' ? mails.createdAt : sql`coalesce(${mails.deferredUntil}, ${mails.createdAt})`;

/** Whose token it is that a mail brought, if it stands: of the account's own address, which may have moved meanwhile. */
const holds = (kind: TokenKind, mailId: string) =>
  and(
    eq(mails.id, mailId),
    eq(mails.kind, kind),
    eq(mailTokens.mailId, mails.id),
    isNull(customers.deletedAt),
    sql`lower(${customers.email} collate "C") = lower(${mails.address} collate "C")`,
    sql`${begins(kind)} > ${later(clockTime, -worksMs[kind])}`,
  );

/**
 * Looks whether a token is worth the work of a hash.
 * @throws {ShopError} `token_invalid`
 */
export async function requireToken(reader: Reader, kind: TokenKind, mailId: string): Promise<void> {
  const [found] = await reader
    .select({ id: customers.id })
    .from(mails)
    .innerJoin(mailTokens, and(eq(mailTokens.customerId, mails.customerId), eq(mailTokens.kind, mails.kind)))
    .innerJoin(customers, eq(customers.id, mails.customerId))
    .where(holds(kind, mailId));
  if (!found) throw tokenInvalid();
}

/**
 * Uses a token up, and locks its account.
 * @throws {ShopError} `token_invalid`
 */
export async function redeem(tx: Transaction, kind: TokenKind, mailId: string): Promise<CustomerRow> {
  const [account] = await tx
    .select(accountColumns)
    .from(mails)
    .innerJoin(mailTokens, and(eq(mailTokens.customerId, mails.customerId), eq(mailTokens.kind, mails.kind)))
    .innerJoin(customers, eq(customers.id, mails.customerId))
    .where(holds(kind, mailId))
    .for('no key update', { of: customers });
  if (!account) throw tokenInvalid();
  // What others did with it while this waited for the lock, the statement before has not seen.
  const used = await tx
    .delete(mailTokens)
    .where(and(eq(mailTokens.customerId, account.id), eq(mailTokens.kind, kind), eq(mailTokens.mailId, mailId)))
    .returning({ mailId: mailTokens.mailId });
  if (used.length === 0) throw tokenInvalid();
  return account;
}

const aged = { table: mailRequests, at: mailRequests.askedAt, keptMs: pauseMs };

/** Deletes requests whose pause is over; see `deleteAged`. */
export function deleteOldRequests(tx: Transaction, batch: { batchSizeMax: number }): Promise<number> {
  return deleteAged(tx, aged, batch);
}

import { and, desc, eq, gt, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { statementTime } from '../../db/sql.ts';
import { customers, type SessionRow, sessions } from '../../db/tables.ts';
import { notFound } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import { oneLine } from '../../lib/one-line.ts';
import type { SessionQuery } from '../../schema/sessions.ts';
import { deleteAged } from '../clean-up.ts';
import { newestPage, type Page } from '../paging.ts';
import type { AccountActor } from './actor.ts';
import { lockAccount } from './locks.ts';
import { type Proof, useProof } from './second-factors.ts';

/** More than anybody has devices; one more ends the oldest. */
export const sessionsMax = 100;

const userAgentCharactersMax = 500;
/** By which the clocks of processes may differ: until then a token that has ended here is good elsewhere. */
const clockToleranceMs = 24 * 3_600_000;

const isOf = (accountId: string) => eq(sessions.customerId, accountId);
const stands = gt(sessions.expiresAt, statementTime);

/** Where somebody signs in from. */
export type SignIn = { address: string; userAgent: string | undefined; expiresAt: Date; proof: Proof };

/**
 * Begins a session of an account whose owner has shown its password and its second factor, if there is one, and ends the oldest beyond `sessionsMax`.
 * @throws {ShopError} `invalid_credentials` when the account was closed or lost its tokens since it was read, because
 *   what was checked is no longer the password, or the code has been used; `code_required` when there is a second factor
 *   by now
 */
export async function beginSession(
  tx: Transaction,
  account: { id: string; tokenVersion: number },
  { address, userAgent, expiresAt, proof }: SignIn,
): Promise<SessionRow> {
  // Sign-ins of an account take turns with each other and with what ends all of its sessions.
  await lockAccount(tx, account);
  await useProof(tx, account.id, proof);
  const [session] = await tx
    .insert(sessions)
    .values({
      id: sql`uuid_v7(${statementTime})`,
      customerId: account.id,
      address,
      userAgent: userAgent ? oneLine(userAgent, userAgentCharactersMax) : null,
      createdAt: statementTime,
      expiresAt,
    })
    .returning();
  if (!session) throw new Error('the insert gave no row');
  const tooMany = tx
    .select({ id: sessions.id })
    .from(sessions)
    .where(isOf(account.id))
    .orderBy(desc(sessions.id))
    .offset(sessionsMax);
  await tx.delete(sessions).where(sql`${sessions.id} = any(array(${tooMany}))`);
  return session;
}

/** A page of the actor's own sessions that have not ended, newest first. */
export async function listSessions(
  reader: Reader,
  query: SessionQuery,
  { id }: Pick<AccountActor, 'id'>,
): Promise<Page<SessionRow>> {
  return newestPage(reader, query, sessions, and(isOf(id), stands), (where, order, limit) =>
    reader.select().from(sessions).where(where).orderBy(order).limit(limit),
  );
}

/**
 * Ends one of the actor's own sessions; its token stops working at once.
 * @throws {ShopError} `not_found`, for somebody else's too
 */
export async function endSession(tx: Transaction, id: string, actor: Pick<AccountActor, 'id'>): Promise<void> {
  const ended = isId(id)
    ? await tx
        .delete(sessions)
        .where(and(eq(sessions.id, id), isOf(actor.id), stands))
        .returning({ id: sessions.id })
    : [];
  if (ended.length === 0) throw notFound('session');
}

/**
 * Ends the session of a token. A token of the release before names none, and is ended with all others of its account.
 * Ended twice, it is ended.
 */
export async function signOutHere(
  tx: Transaction,
  actor: Pick<AccountActor, 'id'>,
  sessionId: string | undefined,
): Promise<void> {
  if (sessionId === undefined) return endSessions(tx, actor.id);
  await tx.delete(sessions).where(and(eq(sessions.id, sessionId), isOf(actor.id)));
}

/**
 * Ends every session and token of an account. It moves the version that tokens name, too, because those of the release
 * before name no session; and it locks the account, so that no session begins meanwhile.
 */
export async function endSessions(tx: Transaction, accountId: string): Promise<void> {
  await tx
    .update(customers)
    .set({ tokenVersion: sql`${customers.tokenVersion} + 1` })
    .where(eq(customers.id, accountId));
  await tx.delete(sessions).where(isOf(accountId));
}

const aged = { table: sessions, at: sessions.expiresAt, keptMs: clockToleranceMs };

/** Deletes sessions whose tokens have expired on every clock; see `deleteAged`. */
export function deleteExpiredSessions(tx: Transaction, batch: { batchSizeMax: number }): Promise<number> {
  return deleteAged(tx, aged, batch);
}

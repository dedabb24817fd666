import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../db/client.ts';
import { plannedAnew } from '../db/planning.ts';
import { anyUuid, clockTime, later, statementTime } from '../db/sql.ts';
import { customers, type MailRow, mails, type Order, orders } from '../db/tables.ts';
import { notFound, ShopError } from '../errors.ts';
import type { MailQuery } from '../schema/mails.ts';
import { isId } from './ids.ts';
import { withAllDetails } from './order-reads.ts';
import { newestPage, type Page } from './paging.ts';

/** How long a mail may lie in the queue before the sweep enqueues it again. */
export const handoverMs = 5_000;

/** How long a worker may hold a mail. The sweep gives it to another after that, so sending must take less. */
export const leaseMs = 15_000;

const firstRetryMs = 2_000;
const retryMsMax = 15 * 60_000;
/** A mail that has failed for so long is given up until someone sends it again. */
const givenUpAfterMs = 24 * 3_600_000;

/** A mail in a worker's hands, with all that its text needs. */
export type MailToSend = { mail: MailRow; order: Order; recipient: { name: string; email: string } };

/**
 * Takes unsent mails whose time has come out to be enqueued, the longest waiting first: new ones that nobody
 * enqueued, failed ones that are to be tried again, and those whose worker died with them.
 * @returns the id of each, and how many attempts it has seen
 */
export async function collectDueMails(
  tx: Transaction,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<{ id: string; attempts: number }[]> {
  const rows = await tx.execute<{ id: string; attempts: number }>(sql`
    update mails set state = 'queued', due_at = ${later(statementTime, handoverMs)}
    where id = any(array(
      select id from mails where due_at <= ${statementTime}
      order by due_at limit ${batchSizeMax} for no key update skip locked
    ))
    returning id, attempts`);
  return [...rows];
}

/**
 * Takes unsent mails into a worker's hands for the length of a lease.
 * @returns the mails by id, without those that are in others' hands, or sent
 */
export async function claimMails(tx: Transaction, ids: string[]): Promise<Map<string, MailToSend>> {
  // Locked in the order of their ids, or two workers that claim the same mails would wait for each other.
  const free = tx
    .select({ id: mails.id })
    .from(mails)
    .where(and(sql`${mails.id} = ${anyUuid(ids)}`, eq(mails.state, 'queued')))
    .orderBy(mails.id)
    .for('no key update');
  const claimed = await tx
    .update(mails)
    .set({ state: 'sending', attempts: sql`${mails.attempts} + 1`, dueAt: later(clockTime, leaseMs) })
    .where(inArray(mails.id, free))
    .returning();
  if (claimed.length === 0) return new Map();
  const found = await tx
    .select({ order: orders, name: customers.name, email: customers.email })
    .from(orders)
    .innerJoin(customers, eq(customers.id, orders.customerId))
    .where(sql`${orders.id} = ${anyUuid(claimed.map(({ orderId }) => orderId))}`);
  const details = await withAllDetails(
    tx,
    found.map(({ order }) => order),
  );
  const recipients = new Map(found.map(({ order, name, email }) => [order.id, { name, email }]));
  const orderOf = new Map(details.map((order) => [order.id, order]));
  return new Map(
    claimed.flatMap((mail) => {
      const [order, recipient] = [orderOf.get(mail.orderId), recipients.get(mail.orderId)];
      return order && recipient ? [[mail.id, { mail, order, recipient }]] : [];
    }),
  );
}

/** Records that the mail server has taken mails. */
export async function recordSent(tx: Transaction, ids: string[]): Promise<void> {
  await tx
    .update(mails)
    .set({ state: 'sent', sentAt: clockTime, dueAt: null, lastError: null })
    .where(sql`${mails.id} = ${anyUuid(ids)}`);
}

/**
 * How long to wait after a number of failed attempts: 2 s, then half as long again each time, at most 15 minutes. With
 * what the sweep and the queue add, delays still no more than double.
 */
export function retryDelayMs(attempts: number): number {
  return Math.min(Math.round(firstRetryMs * 1.5 ** (attempts - 1)), retryMsMax);
}

/**
 * Records a failed attempt and when the next one is due. A refusal that will not change, or a day of failures, makes
 * the mail `failed`. Does nothing when the lease has run out and the mail is in other hands.
 * @returns whether the mail has been given up
 */
export async function recordFailure(
  tx: Transaction,
  mail: MailRow,
  { error, permanent }: { error: string; permanent: boolean },
): Promise<boolean> {
  const givenUp = sql`(${permanent} or ${later(sql`created_at`, givenUpAfterMs)} < ${statementTime})`;
  const [recorded] = await tx
    .update(mails)
    .set({
      state: sql`case when ${givenUp} then 'failed' else 'queued' end`,
      dueAt: sql`case when not ${givenUp} then ${later(clockTime, retryDelayMs(mail.attempts))} end`,
      lastError: error,
    })
    .where(and(eq(mails.id, mail.id), eq(mails.state, 'sending'), eq(mails.attempts, mail.attempts)))
    .returning({ state: mails.state });
  return recorded?.state === 'failed';
}

/** A page of the mail ledger, newest first. */
export async function listMails(reader: Reader, query: MailQuery): Promise<Page<MailRow>> {
  const matching = and(
    // Nearly all mails are sent and hardly any is in another state, so no one plan serves all states.
    query.state && and(eq(mails.state, query.state), plannedAnew),
    query.orderId === undefined ? undefined : eq(mails.orderId, query.orderId),
  );
  return newestPage(reader, query, mails, matching, (where, order, limit) =>
    reader.select().from(mails).where(where).orderBy(order).limit(limit),
  );
}

/**
 * Gives a failed mail another chance, at once.
 * @throws {ShopError} `not_found`, `mail_not_failed`
 */
export async function sendAgain(tx: Transaction, id: string): Promise<MailRow> {
  const [mail] = isId(id) ? await tx.select().from(mails).where(eq(mails.id, id)).for('no key update') : [];
  if (!mail) throw notFound('mail');
  if (mail.state !== 'failed') throw new ShopError('mail_not_failed', `The mail is ${mail.state}, not failed.`);
  const [queued] = await tx
    .update(mails)
    .set({ state: 'queued', dueAt: statementTime })
    .where(eq(mails.id, id))
    .returning();
  return queued ?? mail;
}

/**
 * Gives failed mails another chance, the oldest first; the sweep takes them up.
 * @returns how many; fewer than `batchSizeMax` means that none is left
 */
export async function sendAllAgain(tx: Transaction, { batchSizeMax }: { batchSizeMax: number }): Promise<number> {
  const rows = await tx.execute(sql`
    update mails set state = 'queued', due_at = ${statementTime}
    where id = any(array(
      select id from mails where state = 'failed' order by id limit ${batchSizeMax} for no key update skip locked
    ))
    returning 1`);
  return rows.length;
}

import { and, eq, isNotNull, isNull, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { later, statementTime, uuids } from '../../db/sql.ts';
import { auditEvents, customers, idempotencyRecords, mails, orderDetails, orders } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import { writeEvent } from '../audit/events.ts';
import { type Actor, isStaff, requireOwner, system } from './actor.ts';
import { lockAdmins, requireAnotherAdmin } from './admins.ts';
import { keepFromKeys, requireDelivered } from './customers.ts';
import { endTokens } from './mail-tokens.ts';
import { dropTotp } from './second-factors.ts';
import { endSessions } from './sessions.ts';

/**
 * Erases the person behind an account, for its owner or an admin, and closes it; a closed one can be erased, too. Orders,
 * their lines and totals stay. What becomes of each column stands in personal-data.ts. The row's lock waits for orders
 * that are being placed or restored, and makes later ones find the account gone.
 * @throws {ShopError} `not_found`, `forbidden`, `customer_erased`, `last_admin`, `customer_has_undelivered_orders`
 */
export async function eraseCustomer(tx: Transaction, id: string, actor: Actor): Promise<void> {
  const [row] = isId(id)
    ? await tx
        .select({ id: customers.id, role: customers.role, deletedAt: customers.deletedAt })
        .from(customers)
        .where(eq(customers.id, id))
    : [];
  if (!row || (row.deletedAt && !isStaff(actor))) throw notFound('customer');
  requireOwner(actor, row.id);
  if (row.role === 'admin') await lockAdmins(tx);
  // What changes an order locks it before its account, so what has to be done to orders comes first, and once more
  // below for those that were held and ended meanwhile.
  await eraseHolds(tx, row.id);
  const [locked] = await tx
    .select({ role: customers.role, deletedAt: customers.deletedAt, erasedAt: customers.erasedAt })
    .from(customers)
    .where(eq(customers.id, row.id))
    .for('update');
  if (!locked || (locked.deletedAt && !isStaff(actor))) throw notFound('customer');
  keepFromKeys(locked, actor);
  if (locked.erasedAt) throw new ShopError('customer_erased', 'The person behind this account has been erased.');
  if (!locked.deletedAt) {
    await requireAnotherAdmin(tx, row, locked);
    await requireDelivered(tx, row.id);
  }
  await erase(tx, row.id);
  await writeEvent(tx, actor, {
    action: 'customer.erased',
    subject: { kind: 'customer', id: row.id },
    changes: { name: {}, email: {}, phone: {}, password: {} },
  });
}

/** Overwrites and removes what is personal of an account that its caller has locked. */
async function erase(tx: Transaction, id: string): Promise<void> {
  await tx
    .update(customers)
    .set({
      name: 'erased',
      email: `erased-${id}@erased.invalid`,
      emailVerifiedAt: null,
      phone: null,
      // No password has this hash.
      passwordHash: 'erased',
      deletedAt: sql`coalesce(${customers.deletedAt}, ${statementTime})`,
      erasedAt: statementTime,
      updatedAt: statementTime,
    })
    .where(eq(customers.id, id));
  // A request id may be anything that its sender has chosen; that of the erasure itself comes after this.
  await tx
    .update(auditEvents)
    .set({ requestId: null })
    .where(and(eq(auditEvents.actorId, id), isNotNull(auditEvents.requestId)));
  await endSessions(tx, id);
  await endTokens(tx, id);
  await dropTotp(tx, id);
  await tx.delete(idempotencyRecords).where(eq(idempotencyRecords.customerId, id));
  const ofOrders = tx.select({ id: orders.id }).from(orders).where(eq(orders.customerId, id));
  await tx.delete(orderDetails).where(sql`${orderDetails.orderId} = any(array(${ofOrders}))`);
  await eraseHolds(tx, id);
  await eraseMails(tx, sql`${mails.orderId} = any(array(${ofOrders}))`);
  await eraseMails(tx, eq(mails.customerId, id));
}

async function eraseHolds(tx: Transaction, customerId: string): Promise<void> {
  await tx
    .update(orders)
    .set({ holdReason: null, holdSince: null })
    .where(and(eq(orders.customerId, customerId), isNotNull(orders.holdReason)));
}

/** One that a worker has in its hands may still go, but nothing is written of it. */
async function eraseMails(tx: Transaction, areTheirs: SQL): Promise<void> {
  await tx.delete(mails).where(and(areTheirs, ne(mails.state, 'sent')));
  await tx
    .update(mails)
    .set({ lastError: null, address: null })
    .where(and(areTheirs, or(isNotNull(mails.lastError), isNotNull(mails.address))));
}

/** Accounts that were closed so long ago, and not erased. */
const isLongClosed = (closedMs: number) =>
  and(
    isNotNull(customers.deletedAt),
    isNull(customers.erasedAt),
    lt(customers.deletedAt, later(statementTime, -closedMs)),
  );

/** The ids of accounts that were closed so long ago, the longest ago first, without those to be passed over. */
export async function findLongClosed(
  reader: Reader,
  { closedMs, except, limit }: { closedMs: number; except: string[]; limit: number },
): Promise<string[]> {
  const due = await reader
    .select({ id: customers.id })
    .from(customers)
    .where(and(isLongClosed(closedMs), sql`${customers.id} <> all(${uuids(except)})`))
    .orderBy(customers.deletedAt)
    .limit(limit);
  return due.map(({ id }) => id);
}

/**
 * Erases the person behind an account that was closed so long ago.
 * @returns false when somebody holds it, or it has been erased or opened again since it was found
 */
export async function eraseLongClosed(tx: Transaction, id: string, closedMs: number): Promise<boolean> {
  const [due] = await tx
    .select({ id: customers.id })
    .from(customers)
    .where(and(eq(customers.id, id), isLongClosed(closedMs)))
    .for('update', { skipLocked: true });
  if (due) await eraseCustomer(tx, due.id, system);
  return due !== undefined;
}

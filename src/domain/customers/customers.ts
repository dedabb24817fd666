import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { statementTime } from '../../db/sql.ts';
import { type CustomerRow, customers, orders } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import type { CustomerQuery, ProfileChange } from '../../schema/customers.ts';
import { undeliveredStatuses } from '../../schema/orders.ts';
import { writeEvent } from '../audit/events.ts';
import { oweAccountMails } from '../outbox/account-mails.ts';
import { newestPage, type Page } from '../paging.ts';
import {
  accountChanges,
  type ChangedAccount,
  type EmailTerms,
  emailTaken,
  hadEmail,
  hasEmail,
  isSameEmail,
} from './accounts.ts';
import { type Actor, isStaff, requireOwner } from './actor.ts';
import { lockAdmins, requireAnotherAdmin } from './admins.ts';
import { endTokens, oweVerification } from './mail-tokens.ts';
import { accountColumns } from './rows.ts';
import { endSessions } from './sessions.ts';

/** Spelt out, because its index holds the same words. */
const isUndelivered = sql`${orders.status} in (${sql.raw(undeliveredStatuses.map((status) => `'${status}'`).join(', '))})
  and ${orders.deletedAt} is null`;

/**
 * Reads an account, for its owner or an admin; only an admin sees a closed one.
 * @throws {ShopError} `not_found`, `forbidden`
 */
export async function getCustomer(reader: Reader, id: string, actor: Actor): Promise<CustomerRow> {
  const [row] = isId(id) ? await reader.select(accountColumns).from(customers).where(eq(customers.id, id)) : [];
  if (!row || (row.deletedAt && !isStaff(actor))) throw notFound('customer');
  requireOwner(actor, row.id);
  return row;
}

/**
 * Whether name or address begins with a text, in any case, as its indexes have it. Names fold by the rules of the
 * database's locale, and compare by none, because only so does an index know what a text begins with.
 */
function beginsWith(text: string): SQL {
  return sql`(lower(${customers.name}) collate "C" ^@ lower(${text})
    or lower(${customers.email} collate "C") ^@ lower(${text} collate "C"))`;
}

/** A page of the accounts that match the filters, newest first; deleted ones only if the query asks for them, too. */
export async function listCustomers(reader: Reader, query: CustomerQuery): Promise<Page<CustomerRow>> {
  const { email, q, includeDeleted } = query;
  const filters = and(email === undefined ? undefined : hadEmail(email), q === undefined ? undefined : beginsWith(q));
  const undeleted = includeDeleted ? undefined : isNull(customers.deletedAt);
  const matching = and(undeleted, filters, filters && withCustomPlan);
  return newestPage(reader, query, customers, matching, (where, order, limit) =>
    reader.select(accountColumns).from(customers).where(where).orderBy(order).limit(limit),
  );
}

/**
 * Changes what `change` names, for the owner or an admin. Nobody has confirmed a new address yet; the old one is told, too.
 * @throws {ShopError} `not_found`, `forbidden`, `email_taken`
 */
export async function changeCustomer(
  tx: Transaction,
  id: string,
  change: ProfileChange,
  actor: Actor,
  { reserved, verifiesEmails }: EmailTerms,
): Promise<ChangedAccount> {
  const row = await lockCustomer(tx, id, actor);
  const moves = change.email !== undefined && !isSameEmail(change.email, row.email);
  if (moves && isSameEmail(change.email ?? '', reserved)) throw emailTaken();
  const [changed] = await tx
    .update(customers)
    .set({ ...change, ...(moves ? { emailVerifiedAt: null } : {}), updatedAt: statementTime })
    .where(eq(customers.id, row.id))
    .returning(accountColumns);
  if (!changed) throw notFound('customer');
  const changes = accountChanges(row, changed);
  if (Object.keys(changes).length > 0) {
    const action = 'email' in changes ? 'customer.email_changed' : 'customer.updated';
    await writeEvent(tx, actor, { action, subject: { kind: 'customer', id: row.id }, changes });
  }
  if (!moves) return { customer: changed, mailIds: [] };
  await endTokens(tx, row.id);
  const addresses = [row.email, changed.email];
  const told = addresses.map((address) => ({ kind: 'email_changed' as const, customerId: row.id, address }));
  const mailIds = await oweAccountMails(tx, told);
  if (verifiesEmails) mailIds.push(...(await oweVerification(tx, changed)));
  return { customer: changed, mailIds };
}

/** Reads an account as `getCustomer` does, and makes others who would change it wait until the transaction ends. */
async function lockCustomer(tx: Transaction, id: string, actor: Actor): Promise<CustomerRow> {
  const [row] = isId(id)
    ? await tx
        .select(accountColumns)
        .from(customers)
        .where(and(eq(customers.id, id), isNull(customers.deletedAt)))
        .for('no key update')
    : [];
  if (!row) throw notFound('customer');
  requireOwner(actor, row.id);
  keepFromKeys(row, actor);
  return row;
}

/** @throws {ShopError} `forbidden` when a key would change an admin's account, and so what it was not given */
export function keepFromKeys({ role }: Pick<CustomerRow, 'role'>, actor: Actor): void {
  if (actor.kind === 'key' && role === 'admin')
    throw new ShopError('forbidden', 'A key may not change an admin’s account.');
}

/** @throws {ShopError} `customer_has_undelivered_orders` */
export async function requireDelivered(tx: Transaction, id: string): Promise<void> {
  const [undelivered] = await tx
    .select({ id: orders.id })
    .from(orders)
    .where(and(eq(orders.customerId, id), isUndelivered))
    .limit(1);
  if (undelivered) {
    throw new ShopError('customer_has_undelivered_orders', 'The account still has orders on their way.');
  }
}

/**
 * Closes an account, for its owner or an admin, and ends its sessions and tokens. The row's lock waits for orders that are being placed, which hold it
 * shared until they commit, and makes later ones find the account gone.
 * @throws {ShopError} `not_found`, `forbidden`, `last_admin`, `customer_has_undelivered_orders`
 */
export async function deleteCustomer(tx: Transaction, id: string, actor: Actor): Promise<void> {
  const row = await getCustomer(tx, id, actor);
  if (row.role === 'admin') await lockAdmins(tx);
  const [locked] = await tx.select(accountColumns).from(customers).where(eq(customers.id, row.id)).for('update');
  if (!locked || locked.deletedAt) throw notFound('customer');
  keepFromKeys(locked, actor);
  await requireAnotherAdmin(tx, row, locked);
  await requireDelivered(tx, row.id);
  const [closed] = await tx
    .update(customers)
    .set({ deletedAt: statementTime, updatedAt: statementTime })
    .where(eq(customers.id, row.id))
    .returning(accountColumns);
  if (!closed) throw notFound('customer');
  await endSessions(tx, row.id);
  await endTokens(tx, row.id);
  const changes = accountChanges(locked, closed);
  await writeEvent(tx, actor, { action: 'customer.deleted', subject: { kind: 'customer', id: row.id }, changes });
}

/**
 * Opens a closed account again, with the password and role that it had, and without a session.
 * @throws {ShopError} `not_found`, `customer_not_deleted`, `customer_erased`, `email_taken`
 */
export async function restoreCustomer(tx: Transaction, id: string, actor: Actor): Promise<CustomerRow> {
  const found = await getCustomer(tx, id, actor);
  if (found.role === 'admin') await lockAdmins(tx);
  const [row] = await tx
    .select({ ...accountColumns, erasedAt: customers.erasedAt })
    .from(customers)
    .where(eq(customers.id, found.id))
    .for('no key update');
  if (!row) throw notFound('customer');
  keepFromKeys(row, actor);
  const { erasedAt, ...before } = row;
  if (erasedAt) throw new ShopError('customer_erased', 'The person behind this account has been erased.');
  if (!before.deletedAt) throw new ShopError('customer_not_deleted', 'The account is not deleted.');
  const [holder] = await tx.select({ id: customers.id }).from(customers).where(hasEmail(before.email));
  if (holder) throw emailTaken();
  const [restored] = await tx
    .update(customers)
    .set({ deletedAt: null, updatedAt: statementTime })
    .where(eq(customers.id, row.id))
    .returning(accountColumns);
  if (!restored) throw notFound('customer');
  const changes = accountChanges(before, restored);
  await writeEvent(tx, actor, { action: 'customer.restored', subject: { kind: 'customer', id: row.id }, changes });
  return restored;
}

/**
 * Ends every session and token of an account, for its owner or an admin.
 * @throws {ShopError} `not_found`, `forbidden`
 */
export async function signOut(tx: Transaction, id: string, actor: Actor): Promise<void> {
  const row = await lockCustomer(tx, id, actor);
  await endSessions(tx, row.id);
  await writeEvent(tx, actor, {
    action: 'customer.signed_out',
    subject: { kind: 'customer', id: row.id },
    changes: {},
  });
}

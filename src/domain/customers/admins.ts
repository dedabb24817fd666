import { and, eq, isNull, ne, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { statementTime } from '../../db/sql.ts';
import { type CustomerRow, customers } from '../../db/tables.ts';
import { notFound, OvertakenError, ShopError } from '../../errors.ts';
import { writeEvent } from '../audit/events.ts';
import { oweAccountMails } from '../outbox/account-mails.ts';
import { emailTaken, hasEmail, openAccount } from './accounts.ts';
import { system } from './actor.ts';
import { endTokens } from './mail-tokens.ts';
import { dropTotp, writeDisabled } from './second-factors.ts';
import { endSessions } from './sessions.ts';

/** Names the advisory lock of those who add or remove an admin; any constant of this shop's own does. */
const adminsLock = 7_305_518_045;

type NewAdmin = { name: string; email: string; passwordHash: string };

/** Makes everybody wait who adds or removes an admin, until the transaction ends. Comes before any lock on an account. */
export async function lockAdmins(tx: Transaction): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${adminsLock})`);
}

/** The undeleted admins but for one account, if that is given. */
async function hasAdmin(reader: Reader, besides?: string): Promise<boolean> {
  const isOther = besides === undefined ? undefined : ne(customers.id, besides);
  const [found] = await reader
    .select({ id: customers.id })
    .from(customers)
    .where(and(eq(customers.role, 'admin'), isNull(customers.deletedAt), isOther))
    .limit(1);
  return found !== undefined;
}

/**
 * Refuses to go on when an account that is locked is the only admin.
 * @param read the account as it was before; if it was an admin, its reader has called `lockAdmins`
 * @throws {ShopError} `last_admin`
 * @throws {OvertakenError} when it has become an admin since
 */
export async function requireAnotherAdmin(
  tx: Transaction,
  read: Pick<CustomerRow, 'id' | 'role'>,
  locked: Pick<CustomerRow, 'role'>,
): Promise<void> {
  if (locked.role !== 'admin') return;
  if (read.role !== 'admin') throw new OvertakenError('The account has been promoted.');
  if (!(await hasAdmin(tx, read.id))) throw new ShopError('last_admin', 'This is the last admin of the shop.');
}

/**
 * Makes the first admin, unless the shop has one by now.
 * @throws {ShopError} `email_taken` when an account has the address, which is nobody's proof of being the operator
 */
export async function makeFirstAdmin(tx: Transaction, admin: NewAdmin): Promise<'created' | 'unchanged'> {
  await lockAdmins(tx);
  if (await hasAdmin(tx)) return 'unchanged';
  await openAdmin(tx, admin);
  return 'created';
}

/**
 * Makes an admin as the operator says. With `promote`, an account that has the address becomes one: it gets this password
 * and loses every session, token and second factor, and keeps its name.
 * @throws {ShopError} `email_taken` when an account has the address and is not to be promoted
 */
export async function createAdmin(tx: Transaction, admin: NewAdmin, promote: boolean): Promise<'created' | 'promoted'> {
  await lockAdmins(tx);
  const { email, passwordHash } = admin;
  const [existing] = await tx.select().from(customers).where(hasEmail(email)).for('no key update');
  if (!existing) {
    await openAdmin(tx, admin);
    return 'created';
  }
  if (!promote) throw emailTaken();
  await tx
    .update(customers)
    .set({ role: 'admin', passwordHash, updatedAt: statementTime })
    .where(eq(customers.id, existing.id));
  // Or the one who had the account before would be the only one to get in.
  const hadTotp = await dropTotp(tx, existing.id);
  await endSessions(tx, existing.id);
  await endTokens(tx, existing.id);
  await oweAccountMails(tx, [{ kind: 'password_changed', customerId: existing.id, address: existing.email }]);
  await writeEvent(tx, system, {
    action: 'customer.updated',
    subject: { kind: 'customer', id: existing.id },
    changes: {
      password: {},
      ...(hadTotp ? { totp: {} } : {}),
      ...(existing.role === 'admin' ? {} : { role: { from: existing.role, to: 'admin' } }),
    },
  });
  return 'promoted';
}

/**
 * Takes away the second factor of an admin who has lost it, as the operator says.
 * @throws {ShopError} `not_found` when no admin has the address, `totp_not_active`
 */
export async function resetTotp(tx: Transaction, email: string): Promise<void> {
  const [admin] = await tx
    .select({ id: customers.id })
    .from(customers)
    .where(and(hasEmail(email), eq(customers.role, 'admin')))
    .for('no key update');
  if (!admin) throw notFound('customer');
  if (!(await dropTotp(tx, admin.id))) {
    throw new ShopError('totp_not_active', 'The account has no second factor.');
  }
  await writeDisabled(tx, admin.id, system);
}

async function openAdmin(tx: Transaction, admin: NewAdmin): Promise<void> {
  await openAccount(tx, { ...admin, phone: null, role: 'admin' }, () => system);
}

import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../db/client.ts';
import { customers } from '../db/tables.ts';
import { ShopError } from '../errors.ts';
import type { Registration, Role } from '../schema/customers.ts';
import type { CustomerRow } from './bodies.ts';
import { newId } from './ids.ts';
import { passwordMatches } from './passwords.ts';

/** An account with what signing in needs; the hash goes no further than a comparison. */
export type Account = CustomerRow & { passwordHash: string; tokenVersion: number };

/** What every request of a signed-in caller is checked against. */
export type Standing = { id: string; role: Role; tokenVersion: number };

/** Addresses are ASCII, and compared by its rules: Turkish, for one, has a lower case of its own for I. */
const hasEmail = (email: string) =>
  and(sql`lower(${customers.email} collate "C") = lower(${email} collate "C")`, isNull(customers.deletedAt));

/**
 * Opens a customer's account.
 * @throws {ShopError} `email_taken`
 */
export async function register(
  tx: Transaction,
  { name, email, phone, passwordHash, role }: Omit<Registration, 'password'> & { passwordHash: string; role: Role },
  now: Date,
): Promise<CustomerRow> {
  const row = { id: newId(now), name, email, phone, role, createdAt: now, updatedAt: now, deletedAt: null };
  const inserted = await tx
    .insert(customers)
    .values({ ...row, passwordHash })
    .onConflictDoNothing()
    .returning({ id: customers.id });
  if (inserted.length === 0) throw new ShopError('email_taken', 'Another account uses this e-mail address.');
  return row;
}

/**
 * Finds the account that e-mail address and password belong to. An unknown address takes as long as a wrong password.
 * @throws {ShopError} `invalid_credentials`
 */
export async function authenticate(reader: Reader, email: string, password: string): Promise<Account> {
  const [account] = await reader.select().from(customers).where(hasEmail(email));
  return requirePassword(account, password, 'E-mail address or password is wrong.');
}

/**
 * Reads an account whose owner has shown its password again.
 * @throws {ShopError} `invalid_credentials`
 */
export async function reauthenticate(reader: Reader, id: string, password: string): Promise<Account> {
  const [account] = await reader
    .select()
    .from(customers)
    .where(and(eq(customers.id, id), isNull(customers.deletedAt)));
  return requirePassword(account, password, wrongCurrentPassword);
}

const wrongCurrentPassword = 'The current password is wrong.';

async function requirePassword(account: Account | undefined, password: string, message: string): Promise<Account> {
  const matches = await passwordMatches(account?.passwordHash, password);
  if (!account || !matches) throw new ShopError('invalid_credentials', message);
  return account;
}

/** Prepares to find the standing of undeleted accounts by id, in one query for each call. */
export function standingFinder(reader: Reader): (ids: string[]) => Promise<Map<string, Standing>> {
  const query = reader
    .select({ id: customers.id, role: customers.role, tokenVersion: customers.tokenVersion })
    .from(customers)
    .where(and(sql`${customers.id} = any(${sql.placeholder('ids')}::uuid[])`, isNull(customers.deletedAt)))
    .prepare('standings by id');
  return async (ids) => new Map((await query.execute({ ids })).map((row) => [row.id, row]));
}

/**
 * Sets a new password and thereby revokes every token of the account, unless it has changed since `account` was read.
 * @throws {ShopError} `invalid_credentials` when it has, because what was checked is no longer the password
 */
export async function changePassword(
  tx: Transaction,
  account: Account,
  passwordHash: string,
  now: Date,
): Promise<void> {
  const changed = await tx
    .update(customers)
    .set({ passwordHash, tokenVersion: account.tokenVersion + 1, updatedAt: now })
    .where(
      and(eq(customers.id, account.id), eq(customers.tokenVersion, account.tokenVersion), isNull(customers.deletedAt)),
    )
    .returning({ id: customers.id });
  if (changed.length === 0) throw new ShopError('invalid_credentials', wrongCurrentPassword);
}

/** Makes sure that an admin with this address exists. An existing account keeps its name and password. */
export async function ensureAdmin(
  tx: Transaction,
  { name, email, passwordHash, now }: { name: string; email: string; passwordHash: string; now: Date },
): Promise<'created' | 'promoted' | 'unchanged'> {
  const [existing] = await tx.select().from(customers).where(hasEmail(email)).for('no key update');
  if (!existing) {
    await register(tx, { name, email, phone: null, passwordHash, role: 'admin' }, now);
    return 'created';
  }
  if (existing.role === 'admin') return 'unchanged';
  await tx.update(customers).set({ role: 'admin', updatedAt: now }).where(eq(customers.id, existing.id));
  return 'promoted';
}

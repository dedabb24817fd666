import { and, eq, gt, isNotNull, isNull, or, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { anyUuid, statement, statementTime, texts } from '../../db/sql.ts';
import { type CustomerRow, customers, keys, secondFactors, sessions } from '../../db/tables.ts';
import { ShopError } from '../../errors.ts';
import type { Changes } from '../../schema/audit-events.ts';
import type { Registration, Role } from '../../schema/customers.ts';
import { isScope, type Scope } from '../../schema/keys.ts';
import { differences, writeEvent } from '../audit/events.ts';
import { oweAccountMails } from '../outbox/account-mails.ts';
import type { AccountActor, Actor } from './actor.ts';
import { endTokens, oweVerification } from './mail-tokens.ts';
import { accountColumns } from './rows.ts';
import { endSessions } from './sessions.ts';

/** An account with what signing in needs; the hash goes no further than a comparison. */
export type Account = CustomerRow & { passwordHash: string; tokenVersion: number };

/** What every request of a signed-in account is checked against. */
export type AccountStatus = {
  kind: Role;
  id: string;
  tokenVersion: number;
  /** Asked of admins alone. */
  hasSecondFactor: boolean;
};

/** What every request with a key is checked against. */
export type KeyStatus = { kind: 'key'; id: string; scopes: Scope[] };

/**
 * The undeleted account with this address, in any case. Addresses are ASCII, and compared by its rules: Turkish, for one,
 * has a lower case of its own for I.
 */
export const hasEmail = (email: string) => and(hadEmail(email), isNull(customers.deletedAt));

/** The same of deleted accounts, too. */
export const hadEmail = (email: string) => sql`lower(${customers.email} collate "C") = lower(${email} collate "C")`;

/** Whether two addresses are one to the shop; only ASCII comes through the schema, so every database agrees. */
export function isSameEmail(one: string, other: string | undefined): boolean {
  return one.toLowerCase() === other?.toLowerCase();
}

export function emailTaken(): ShopError {
  return new ShopError('email_taken', 'Another account uses this e-mail address.');
}

/** What the shop has set about addresses. */
export type EmailTerms = {
  /** The one that only the operator gives away, and only the account which has it may keep, if there is one. */
  reserved: string | undefined;
  /** Whether a new one is asked to be confirmed. */
  verifiesEmails: boolean;
};

/** An account after a change, and the ids of the mails that tell of it. */
export type ChangedAccount = { customer: CustomerRow; mailIds: string[] };

type NewAccount = Omit<Registration, 'password'> & { passwordHash: string };

/** What an audit event tells of an account: values only where they are not personal. */
const told = {
  name: 'name',
  email: 'name',
  emailVerifiedAt: 'values',
  phone: 'name',
  role: 'values',
  deletedAt: 'values',
} as const;

/** What differs between two states of an account, for an audit event. */
export function accountChanges(before: CustomerRow | null, after: CustomerRow): Changes {
  return differences<CustomerRow>(told, before, after);
}

/**
 * Opens a customer's account, on its owner's behalf.
 * @param requestId of the request that asks for it
 * @throws {ShopError} `email_taken`
 */
export async function register(
  tx: Transaction,
  account: NewAccount,
  requestId: string,
  { reserved, verifiesEmails }: EmailTerms,
): Promise<ChangedAccount> {
  if (isSameEmail(account.email, reserved)) throw emailTaken();
  const customer = await openAccount(tx, { ...account, role: 'customer' }, (id) => ({
    kind: 'customer',
    id,
    requestId,
  }));
  return { customer, mailIds: verifiesEmails ? await oweVerification(tx, customer) : [] };
}

/**
 * Opens an account of either role.
 * @param openedBy who does it, which may be the account itself
 * @throws {ShopError} `email_taken`
 */
export async function openAccount(
  tx: Transaction,
  { name, email, phone, passwordHash, role }: NewAccount & { role: Role },
  openedBy: (id: string) => Actor,
): Promise<CustomerRow> {
  const made = { id: sql`uuid_v7(${statementTime})`, createdAt: statementTime, updatedAt: statementTime };
  const [row] = await tx
    .insert(customers)
    .values({ ...made, name, email, phone, role, passwordHash })
    .onConflictDoNothing()
    .returning(accountColumns);
  if (!row) throw emailTaken();
  await writeEvent(tx, openedBy(row.id), {
    action: 'customer.created',
    subject: { kind: 'customer', id: row.id },
    changes: accountChanges(null, row),
  });
  return row;
}

/** Compares as `passwordMatches` does. */
export type MatchPassword = (passwordHash: string | undefined, password: string) => Promise<boolean>;

/**
 * Finds the account that e-mail address and password belong to. An unknown address takes as long as a wrong password.
 * @param onFound told whose address it is, if anyone's, be the password right or wrong
 * @throws {ShopError} `invalid_credentials`
 */
export async function authenticate(
  reader: Reader,
  email: string,
  password: string,
  matches: MatchPassword,
  onFound: (id: string) => void,
): Promise<Account> {
  const [account] = await reader.select().from(customers).where(hasEmail(email));
  if (account) onFound(account.id);
  return requirePassword(account, password, matches, 'E-mail address or password is wrong.');
}

/**
 * Reads an account whose owner has shown its password again.
 * @throws {ShopError} `invalid_credentials`
 */
export async function reauthenticate(
  reader: Reader,
  id: string,
  password: string,
  matches: MatchPassword,
): Promise<Account> {
  const [account] = await reader
    .select()
    .from(customers)
    .where(and(eq(customers.id, id), isNull(customers.deletedAt)));
  return requirePassword(account, password, matches, wrongCurrentPassword);
}

/** The address of an open account; undefined when there is none, any more. */
export async function emailOf(reader: Reader, id: string): Promise<string | undefined> {
  const [account] = await reader
    .select({ email: customers.email })
    .from(customers)
    .where(and(eq(customers.id, id), isNull(customers.deletedAt)));
  return account?.email;
}

const wrongCurrentPassword = 'The current password is wrong.';

async function requirePassword(
  account: Account | undefined,
  password: string,
  matches: MatchPassword,
  message: string,
): Promise<Account> {
  const isRight = await matches(account?.passwordHash, password);
  if (!account || !isRight) throw new ShopError('invalid_credentials', message);
  return account;
}

/** What a caller shows: a token, which names an account and, but for those of the release before, its session; or a key. */
export type Credential =
  | { kind: 'token'; accountId: string; sessionId: string | undefined }
  | { kind: 'key'; keyHash: string };

/**
 * Prepares to find who the callers are that show these, in one query for each call. It answers in the order of the
 * callers, null for whom the account is closed, or session or key has ended.
 */
export function callerFinder(
  reader: Reader,
): (credentials: Credential[]) => Promise<(AccountStatus | KeyStatus | null)[]> {
  const accounts = reader
    .select({
      id: customers.id,
      role: sql<Role | null>`${customers.role}`,
      tokenVersion: sql<number | null>`${customers.tokenVersion}`,
      sessionId: sql<string | null>`${sessions.id}`,
      hasSecondFactor: sql<boolean | null>`${secondFactors.customerId} is not null`,
      keyHash: sql<string | null>`null::text`,
      scopes: sql<string | null>`null::text`,
    })
    .from(customers)
    .leftJoin(
      sessions,
      and(eq(sessions.customerId, customers.id), sql`${sessions.id} = ${anyUuid(sql.placeholder('sessionIds'))}`),
    )
    .leftJoin(
      secondFactors,
      and(
        eq(secondFactors.customerId, customers.id),
        isNotNull(secondFactors.confirmedAt),
        eq(customers.role, sql`'admin'`),
      ),
    )
    .where(and(sql`${customers.id} = ${anyUuid(sql.placeholder('ids'))}`, isNull(customers.deletedAt)));
  const ofKeys = reader
    .select({
      id: keys.id,
      role: sql<Role | null>`null::text`,
      tokenVersion: sql<number | null>`null::integer`,
      sessionId: sql<string | null>`null::uuid`,
      hasSecondFactor: sql<boolean | null>`null::boolean`,
      keyHash: sql<string | null>`${keys.keyHash}`,
      scopes: sql<string | null>`array_to_string(${keys.scopes}, ' ')`,
    })
    .from(keys)
    .where(
      and(
        sql`${keys.keyHash} = any(${texts(sql.placeholder('keyHashes'))})`,
        or(isNull(keys.expiresAt), gt(keys.expiresAt, statementTime)),
      ),
    );
  const query = accounts.unionAll(ofKeys).prepare('callers');
  return async (credentials) => {
    const asked = {
      ids: new Set<string>(),
      sessionIds: new Set<string>(),
      keyHashes: new Set<string>(),
    };
    for (const credential of credentials) {
      if (credential.kind === 'key') asked.keyHashes.add(credential.keyHash);
      else {
        asked.ids.add(credential.accountId);
        if (credential.sessionId !== undefined) asked.sessionIds.add(credential.sessionId);
      }
    }
    const { ids, sessionIds, keyHashes } = asked;
    const rows = await query.execute({ ids: [...ids], sessionIds: [...sessionIds], keyHashes: [...keyHashes] });
    const found = new Map<string, AccountStatus>();
    const ownerOfSession = new Map<string, string>();
    const foundKeys = new Map<string, KeyStatus>();
    for (const { id, role, tokenVersion, sessionId, hasSecondFactor, keyHash, scopes } of rows) {
      if (role !== null && tokenVersion !== null) {
        found.set(id, { kind: role, id, tokenVersion, hasSecondFactor: hasSecondFactor === true });
      }
      if (sessionId !== null) ownerOfSession.set(sessionId, id);
      if (keyHash !== null && scopes !== null) {
        foundKeys.set(keyHash, { kind: 'key', id, scopes: scopes.split(' ').filter(isScope) });
      }
    }
    return credentials.map((credential) => {
      if (credential.kind === 'key') return foundKeys.get(credential.keyHash) ?? null;
      const { accountId, sessionId } = credential;
      const stands = sessionId === undefined || ownerOfSession.get(sessionId) === accountId;
      return (stands && found.get(accountId)) || null;
    });
  };
}

/** Whether an account, known by its e-mail address or its id, has a session that began at a network address. */
export async function hasSessionFrom(
  reader: Reader,
  account: { email: string } | { id: string },
  address: string,
): Promise<boolean> {
  const isAccount = 'email' in account ? hasEmail(account.email) : eq(customers.id, account.id);
  const found = await reader
    .select({ id: sessions.id })
    .from(customers)
    .innerJoin(sessions, eq(sessions.customerId, customers.id))
    .where(and(isAccount, eq(sessions.address, address), gt(sessions.expiresAt, statementTime)))
    .limit(1);
  return found.length > 0;
}

const hold = statement<{ ids: string[] }>(
  ({ ids }) => sql`
    select id from customers where id = ${anyUuid(ids)} and deleted_at is null order by id for key share`,
);

/** Locks accounts shared until the transaction ends, so that none is closed meanwhile; returns the ids of open ones. */
export async function holdAccounts(tx: Transaction, ids: string[]): Promise<Set<string>> {
  const rows = await tx.execute<{ id: string }>(hold({ ids }));
  return new Set(rows.map((row) => row.id));
}

/**
 * Sets a new password and ends every session and token of the account, unless it has changed since `account` was read.
 * @returns the ids of mails to be enqueued
 * @throws {ShopError} `invalid_credentials` when it has, because what was checked is no longer the password
 */
export async function changePassword(
  tx: Transaction,
  account: Account,
  passwordHash: string,
  actor: AccountActor,
): Promise<string[]> {
  const [changed] = await tx
    .update(customers)
    .set({ passwordHash, updatedAt: statementTime })
    .where(
      and(eq(customers.id, account.id), eq(customers.tokenVersion, account.tokenVersion), isNull(customers.deletedAt)),
    )
    .returning({ email: customers.email });
  if (!changed) throw new ShopError('invalid_credentials', wrongCurrentPassword);
  await endSessions(tx, account.id);
  await endTokens(tx, account.id, ['password_reset']);
  await writeEvent(tx, actor, {
    action: 'customer.password_changed',
    subject: { kind: 'customer', id: account.id },
    changes: { password: {} },
  });
  return oweAccountMails(tx, [{ kind: 'password_changed', customerId: account.id, address: changed.email }]);
}

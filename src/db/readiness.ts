import { sql } from 'drizzle-orm';
import type { Role } from '../schema/customers.ts';
import type { Reader } from './client.ts';
import { isMissingPrivilege, isMissingTable } from './errors.ts';
import { isNewestMigration } from './migrate.ts';
import { readServerFacts, type ServerFacts, serverFacts } from './server.ts';

/** What an API has to know of its database before it may answer. */
export type StartupFacts = {
  server: ServerFacts;
  /** Null when the database lacks a migration that this code knows, or tells this role nothing. */
  shop: {
    /** Whether an account that is not deleted is an admin's. */
    hasAdmin: boolean;
    /** The undeleted account with the address that was asked for. */
    account: { id: string; role: Role } | null;
  } | null;
};

type Row = ServerFacts & { newest: string | null; hasAdmin: boolean; id: string | null; role: Role | null };

/** Reads all of it in one query where the database is prepared. */
export async function readStartupFacts(reader: Reader, email: string | undefined): Promise<StartupFacts> {
  try {
    const [row] = await reader.execute<Row>(sql`
      select ${serverFacts}, (select max(created_at) from drizzle.__drizzle_migrations) as newest,
        exists (select 1 from customers where role = 'admin' and deleted_at is null) as "hasAdmin", account.id, account.role
      from (select 1) as one
        left join customers as account
          on lower(account.email collate "C") = lower(${email ?? null}::text collate "C") and account.deleted_at is null`);
    if (!row) throw new Error('the database gave no row about itself');
    const { newest, hasAdmin, id, role, ...server } = row;
    const account = id && role ? { id, role } : null;
    return { server, shop: isNewestMigration(newest) ? { hasAdmin, account } : null };
  } catch (error) {
    if (!isMissingTable(error) && !isMissingPrivilege(error)) throw error;
    return { server: await readServerFacts(reader), shop: null };
  }
}

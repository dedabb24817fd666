import { sql } from 'drizzle-orm';
import type { Role } from '../schema/customers.ts';
import type { Reader } from './client.ts';
import { isMissingTable } from './errors.ts';
import { isNewestMigration } from './migrate.ts';
import { timeoutsAtZero } from './ping.ts';

/** What an API has to know of its database before it may answer. */
export type Readiness = {
  /** As of `missingTimeouts`. */
  timeouts: string[];
  /** Whether an account that is not deleted is an admin's. */
  hasAdmin: boolean;
  /** The undeleted account with the address that was asked for. */
  account: { id: string; role: Role } | null;
};

type Row = { newest: string | null; timeouts: string[]; hasAdmin: boolean; id: string | null; role: Role | null };

/** Reads all of it in one query; null when the database lacks a migration that this code knows. */
export async function readReadiness(reader: Reader, email: string | undefined): Promise<Readiness | null> {
  try {
    const [row] = await reader.execute<Row>(sql`
      select (select max(created_at) from drizzle.__drizzle_migrations) as newest, array(${timeoutsAtZero}) as timeouts,
        exists (select 1 from customers where role = 'admin' and deleted_at is null) as "hasAdmin", account.id, account.role
      from (select 1) as one
        left join customers as account on lower(account.email) = lower(${email ?? null}::text) and account.deleted_at is null`);
    if (!row || !isNewestMigration(row.newest)) return null;
    const { timeouts, hasAdmin, id, role } = row;
    return { timeouts, hasAdmin, account: id && role ? { id, role } : null };
  } catch (error) {
    if (isMissingTable(error)) return null;
    throw error;
  }
}

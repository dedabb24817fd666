import { sql } from 'drizzle-orm';
import type { Reader } from './client.ts';
import { ReadOnlyServerError } from './errors.ts';

/**
 * Asks whether Postgres answers and takes writes; a standby's transactions are always read-only.
 * @throws {ReadOnlyServerError}
 */
export async function ping(reader: Reader): Promise<void> {
  const [row] = await reader.execute<{ writable: boolean }>(
    sql`select current_setting('transaction_read_only') = 'off' as writable`,
  );
  if (!row?.writable) throw new ReadOnlyServerError();
}

/** The names of the timeouts that do not hold in the sessions of this pool, because a pooler did not pass them on. */
export async function missingTimeouts(reader: Reader): Promise<string[]> {
  const rows = await reader.execute<{ name: string }>(sql`
    select name from pg_settings where setting = '0'
      and name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')`);
  return rows.map(({ name }) => name);
}

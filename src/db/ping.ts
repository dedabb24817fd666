import { sql } from 'drizzle-orm';
import type { Reader } from './client.ts';

/** The cheapest question to Postgres. */
export async function ping(reader: Reader): Promise<void> {
  await reader.execute(sql`select 1`);
}

export const timeoutsAtZero = sql`
  select name from pg_settings where setting = '0'
    and name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')`;

/** The names of the timeouts that do not hold in the sessions of this pool, because a pooler did not pass them on. */
export async function missingTimeouts(reader: Reader): Promise<string[]> {
  const rows = await reader.execute<{ name: string }>(timeoutsAtZero);
  return rows.map(({ name }) => name);
}

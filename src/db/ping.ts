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

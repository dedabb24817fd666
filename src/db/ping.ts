import { sql } from 'drizzle-orm';
import type { Reader } from './client.ts';

/** The cheapest question to Postgres. */
export async function ping(reader: Reader): Promise<void> {
  await reader.execute(sql`select 1`);
}

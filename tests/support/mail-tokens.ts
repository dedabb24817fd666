import type { Sql } from 'postgres';
import { mailToken } from '../../src/lib/mail-token.ts';
import type { TokenKind } from '../../src/schema/mails.ts';
import { tokenSecret } from './shop.ts';

/** The token of the newest mail of a kind that an account is owed, for suites that do not wait for the mail. */
export async function newestToken(db: Sql, kind: TokenKind, customerId: string): Promise<string> {
  const [row] = await db<{ id: string }[]>`
    select id from mails where kind = ${kind} and customer_id = ${customerId} order by id desc limit 1`;
  if (!row) throw new Error(`The account ${customerId} is owed no ${kind}.`);
  return mailToken(tokenSecret, kind, row.id);
}

/** As if a minute had gone by since mails with tokens were asked for. */
export async function passMinute(db: Sql): Promise<void> {
  await db`update mail_requests set asked_at = asked_at - interval '1 minute'`;
  await db`update mails set created_at = created_at - interval '1 minute' where kind <> 'order_status'`;
}

import { sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { clockTime, later, statementTime, texts, uuids } from '../../db/sql.ts';
import type { AccountMailKind } from '../../schema/mails.ts';
import { accountMailOutbox } from './kinds.ts';

/** A mail of no order: to whose account, and to which address, whatever the account's is by the time it goes. */
export type AccountMail = { kind: AccountMailKind; customerId: string; address: string };

/** The columns of a mail of an account that are the same for all, as `insert into mails` names them. */
export const owedNow = sql`${clockTime}, ${later(clockTime, accountMailOutbox.handoverMs)}`;

/** Writes mails of accounts into the outbox. @returns their ids, to be enqueued after the commit */
export async function oweAccountMails(tx: Transaction, owed: AccountMail[]): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    insert into mails (kind, customer_id, address, created_at, due_at)
    select owed.*, ${owedNow}
    from unnest(
      ${texts(owed.map(({ kind }) => kind))},
      ${uuids(owed.map(({ customerId }) => customerId))},
      ${texts(owed.map(({ address }) => address))}
    ) as owed
    returning id`);
  return rows.map(({ id }) => id);
}

/**
 * Lets go at once what a limit keeps back from an address, because it is confirmed now: mails of the account and its
 * orders.
 */
export async function releaseMails(tx: Transaction, customerId: string): Promise<void> {
  await tx.execute(sql`
    with waiting as (
      select id from mails where state = 'queued' and id = any(array(
        select mails.id from mails
        where mails.order_id = any(array(select id from orders where customer_id = ${customerId}))
          and mails.state = 'queued' and mails.deferred_until > ${statementTime}
        union all
        select mails.id from mails
          join customers on customers.id = mails.customer_id
            and lower(customers.email collate "C") = lower(mails.address collate "C")
        where mails.customer_id = ${customerId}
          and mails.state = 'queued' and mails.deferred_until > ${statementTime}
      )) order by id for no key update
    )
    update mails set due_at = ${clockTime}, deferred_until = ${clockTime} where id in (select id from waiting)`);
}

import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { texts, timestamp } from '../db/sql.ts';
import { lifecycle, type OrderStatus, undeliveredStatuses } from '../schema/orders.ts';
import { handoverMs } from './mails.ts';

/**
 * The one way in which a status is put on record: expressions `new_history` and `new_mails`, which write a step of the
 * history and the mail that it owes for each row of an expression before them in the statement,
 * `entered (order_id, run, status, mail_id)`.
 * @param repeated what becomes of a step that is on record already: the statement fails, or the step is passed over
 */
export function recordsOfEntered(now: Date, repeated: 'fails' | 'is passed over'): SQL {
  const onConflict = repeated === 'fails' ? sql`` : sql`on conflict do nothing`;
  return sql`new_history as (
      insert into order_history (order_id, run, status, at)
      select order_id, run, status, ${timestamp(now)} from entered
      ${onConflict}
    ), new_mails as (
      insert into mails (id, order_id, run, status, created_at, due_at)
      select mail_id, order_id, run, status, ${timestamp(now)}, ${timestamp(new Date(now.getTime() + handoverMs))}
      from entered
      ${onConflict}
      returning id
    )`;
}

/**
 * Moves orders whose time has come one step on, with their history and their mails, in one statement. Rows that
 * another worker holds are left to it; a step that is already on record is neither told nor mailed again. The next step
 * is due one interval after this one was, so lateness does not add up.
 * @param batchSizeMax how many orders at most; fewer moved means that nothing more is due
 * @returns the statuses that orders entered, one for each that moved, and the mails that this owes
 */
export async function advanceDueOrders(
  tx: Transaction,
  { now, batchSizeMax, orderStatusIntervalMs }: { now: Date; batchSizeMax: number; orderStatusIntervalMs: number },
): Promise<{ entered: OrderStatus[]; mailIds: string[] }> {
  const steps = undeliveredStatuses.map((from) => ({ from, to: lifecycle[from].next ?? from }));
  const rows = await tx.execute<{ status: OrderStatus; mail_id: string | null }>(sql`
    with due as (
      select id from orders
      where next_status_at <= ${timestamp(now)}
      order by next_status_at
      limit ${batchSizeMax}
      for no key update skip locked
    ), entered as (
      update orders set
        status = step.arriving,
        next_status_at = case
          when step.arriving = any(${texts(undeliveredStatuses)})
          then next_status_at + make_interval(secs => ${orderStatusIntervalMs}::float8 / 1000)
        end,
        updated_at = ${timestamp(now)}
      from unnest(
        ${texts(steps.map((step) => step.from))},
        ${texts(steps.map((step) => step.to))}
      ) as step(leaving, arriving)
      where orders.id = any(array(select id from due)) and orders.status = step.leaving
      returning orders.id as order_id, orders.run, orders.status, uuid_v7() as mail_id
    ), ${recordsOfEntered(now, 'is passed over')}
    select entered.status, new_mails.id as mail_id from entered left join new_mails on new_mails.id = entered.mail_id`);
  return { entered: rows.map((row) => row.status), mailIds: rows.flatMap((row) => row.mail_id ?? []) };
}

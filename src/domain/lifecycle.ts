import { sql } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { lifecycle, type OrderStatus, undeliveredStatuses } from '../schema/orders.ts';
import { handoverMs } from './mails.ts';

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
  const at = sql`${now.toISOString()}::timestamptz`;
  const rows = await tx.execute<{ status: OrderStatus; mail_id: string | null }>(sql`
    with due as (
      select id from orders
      where next_status_at <= ${at}
      order by next_status_at
      limit ${batchSizeMax}
      for no key update skip locked
    ), moved as (
      update orders set
        status = step.arriving,
        next_status_at = case
          when step.arriving = any(${sql.param(undeliveredStatuses)}::text[])
          then next_status_at + make_interval(secs => ${orderStatusIntervalMs}::float8 / 1000)
        end,
        updated_at = ${at}
      from unnest(
        ${sql.param(steps.map((step) => step.from))}::text[],
        ${sql.param(steps.map((step) => step.to))}::text[]
      ) as step(leaving, arriving)
      where orders.id = any(array(select id from due)) and orders.status = step.leaving
      returning orders.id, orders.run, orders.status
    ), new_history as (
      insert into order_history (order_id, run, status, at)
      select id, run, status, ${at} from moved
      on conflict do nothing
    ), new_mails as (
      insert into mails (order_id, run, status, created_at, due_at)
      select id, run, status, ${at}, ${new Date(now.getTime() + handoverMs).toISOString()}::timestamptz from moved
      on conflict do nothing
      returning id, order_id
    )
    select moved.status, new_mails.id as mail_id from moved left join new_mails on new_mails.order_id = moved.id`);
  return { entered: rows.map((row) => row.status), mailIds: rows.flatMap((row) => row.mail_id ?? []) };
}

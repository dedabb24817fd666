import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { clockMs, later, statementTime, texts, timestamp } from '../../db/sql.ts';
import { lifecycle, type OrderStatus, undeliveredStatuses } from '../../schema/orders.ts';
import { mailOutbox } from '../outbox/kinds.ts';
import { deliveriesOf } from '../outbox/webhook-deliveries.ts';

/** What webhooks are told of an order that has entered a status: `orderEventData` of `src/schema/webhooks.ts`. */
const orderEvents = sql`
        select 'order.' || status as type, order_id as subject_id, run as occurrence, json_build_object(
          'id', order_id, 'number', number, 'customerId', customer_id, 'status', status, 'run', run,
          'totalCents', total_cents, 'currency', currency
        ) as data
        from entered`;

/**
 * The one way in which a status is put on record: expressions `new_history`, `new_mails` and `new_deliveries`, which write
 * a step of the history, its mail and what webhooks are told of it for each row of an expression before them in the
 * statement, `entered (order_id, number, run, status, mail_id, customer_id, total_cents, currency)`.
 * @param at when they were entered
 * @param repeated what becomes of a step that is on record already: the statement fails, or the step is passed over
 */
export function recordsOfEntered(at: SQL, repeated: 'fails' | 'is passed over'): SQL {
  const onConflict = repeated === 'fails' ? sql`` : sql`on conflict do nothing`;
  return sql`new_history as (
      insert into order_history (order_id, run, status, at)
      select order_id, run, status, ${at} from entered
      ${onConflict}
    ), new_mails as (
      insert into mails (id, order_id, run, status, created_at, due_at)
      select mail_id, order_id, run, status, ${at}, ${later(at, mailOutbox.handoverMs)}
      from entered
      ${onConflict}
      returning id
    ), new_deliveries as (
      ${deliveriesOf(orderEvents, at)}
    )`;
}

/**
 * When an order that enters a status now moves on by itself: one interval later. Null at its end, on hold, and where no
 * order moves by itself, which is what an interval of null says.
 */
export function nextStepAt(status: OrderStatus, now: Date, intervalMs: number | null, onHold: boolean): Date | null {
  const moves = lifecycle[status].next !== null && !onHold && intervalMs !== null;
  return moves ? new Date(now.getTime() + intervalMs) : null;
}

/**
 * Notes that the schedule stands still, until a worker resumes it; also before an order is left without a plan for that
 * reason. Held until the end of the transaction, so that who resumes it sees the order, and before any order is locked.
 */
export async function pauseSchedule(tx: Transaction): Promise<void> {
  // Who resumes it may do so between the two.
  for (let held = 0; held === 0; ) {
    await tx.execute(sql`insert into schedule_pauses (since) values (${statementTime}) on conflict do nothing`);
    held = (await tx.execute(sql`select 1 from schedule_pauses for key share`)).length;
  }
}

/** Whether the schedule stands still, or stood still and has not been resumed: a condition. */
export const isSchedulePaused = sql`exists(select from schedule_pauses)`;

/** Whether an order's time has come: a condition without parameters, whose plan is kept. */
export const isOrderDue = sql`exists(select from orders where next_status_at <= ${statementTime})`;

/**
 * When orders may move first after a time in which the schedule stood still: one interval from now.
 * @returns null where it did not stand still
 */
export async function firstStepAfterPause(tx: Transaction, intervalMs: number): Promise<Date | null> {
  const [row] = await tx.execute<{ now_ms: string }>(sql`select ${clockMs} as now_ms from schedule_pauses`);
  return row ? new Date(Number(row.now_ms) + intervalMs) : null;
}

/**
 * Plans orders after such a time: those that wait without a hold move on at `firstStepAt`. Once none is left, the pause is
 * over.
 * @param plannedBefore what becomes of orders that were planned before it: they move then, or when they were due, if that is
 *   later; or they are left as they are
 * @param batchSizeMax how many orders at most
 * @returns whether there may be more
 */
export async function resumeSchedule(
  tx: Transaction,
  options: { firstStepAt: Date; plannedBefore: 'are put off' | 'stay'; batchSizeMax: number },
): Promise<boolean> {
  const { firstStepAt, plannedBefore, batchSizeMax } = options;
  const at = timestamp(firstStepAt);
  // First, so that what leaves an order without a plan meanwhile comes before the look at them, or pauses again.
  await tx.execute(sql`delete from schedule_pauses`);
  const planned = await tx.execute(sql`
    update orders set next_status_at = ${at} where id = any(array(
      select id from orders
      where status = any(${texts(undeliveredStatuses)}) and hold_since is null
        and (next_status_at is null or (${plannedBefore === 'are put off'}::boolean and next_status_at < ${at}))
      order by id limit ${batchSizeMax} for no key update
    ))
    returning id`);
  if (planned.length < batchSizeMax) return false;
  await pauseSchedule(tx);
  return true;
}

/**
 * Moves orders whose time has come one step on, with their history and their mails, in one statement. Rows that
 * another worker holds are left to it; a step that is already on record is neither told nor mailed again. The next step
 * is due one interval after this one was, so lateness does not add up.
 * @param batchSizeMax how many orders at most; fewer moved means that nothing more is due
 * @returns the statuses that orders entered, one for each that moved, and their mails
 */
export async function advanceDueOrders(
  tx: Transaction,
  { batchSizeMax, orderStatusIntervalMs }: { batchSizeMax: number; orderStatusIntervalMs: number },
): Promise<{ entered: OrderStatus[]; mailIds: string[] }> {
  const steps = undeliveredStatuses.map((from) => ({ from, to: lifecycle[from].next ?? from }));
  const rows = await tx.execute<{ status: OrderStatus; mail_id: string | null }>(sql`
    with due as (
      select id from orders
      where next_status_at <= ${statementTime}
      order by next_status_at
      limit ${batchSizeMax}
      for no key update skip locked
    ), entered as (
      update orders set
        status = step.arriving,
        next_status_at = case
          when step.arriving = any(${texts(undeliveredStatuses)})
          then ${later(sql`next_status_at`, orderStatusIntervalMs)}
        end,
        updated_at = ${statementTime}
      from unnest(
        ${texts(steps.map((step) => step.from))},
        ${texts(steps.map((step) => step.to))}
      ) as step(leaving, arriving)
      where orders.id = any(array(select id from due)) and orders.status = step.leaving
      returning orders.id as order_id, coalesce(orders.number, order_number(orders.id)) as number, orders.run,
        orders.status, uuid_v7(${statementTime}) as mail_id, orders.customer_id, orders.total_cents, orders.currency
    ), ${recordsOfEntered(statementTime, 'is passed over')}
    select entered.status, new_mails.id as mail_id from entered left join new_mails on new_mails.id = entered.mail_id`);
  return { entered: rows.map((row) => row.status), mailIds: rows.flatMap((row) => row.mail_id ?? []) };
}

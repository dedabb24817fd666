import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Reader } from '../../db/client.ts';
import { statementTime } from '../../db/sql.ts';
import { mails, webhookDeliveries } from '../../db/tables.ts';
import type { OutboxState } from '../../schema/outbox.ts';
import { isOrderDue, isSchedulePaused } from '../orders/lifecycle.ts';
import { isLive } from './kinds.ts';
import { isOwed, type OutboxKind } from './outbox.ts';

/** Beyond that it only matters that there are many, and counting would go on. */
const countedMax = 10_000;

type UnsentState = Exclude<OutboxState, 'sent'>;

/** What is due or unsent; ages are 0 when there is none. */
export type Backlog = {
  ordersDue: number;
  oldestDueOrderSeconds: number;
  mails: Record<UnsentState, number>;
  /** Of those that are queued or being sent, and not kept back by a limit. */
  oldestUnsentMailSeconds: number;
  deliveries: Record<UnsentState, number>;
  /** Of those that are due to a webhook that takes what it is sent. */
  oldestDueDeliverySeconds: number;
};

/** Reads how far the workers lag behind: a few steps in indexes, however many orders and mails there are. */
export async function readBacklog(reader: Reader): Promise<Backlog> {
  const limit = sql.raw(String(countedMax));
  // Not a float, which `extra_float_digits` may round.
  const secondsSince = (moment: SQL) =>
    sql`greatest(0, coalesce(extract(epoch from ${statementTime} - ${moment}), 0))::numeric(20, 3)`;
  // While the schedule stands still, nothing is due, whatever was planned.
  const moving = sql`not ${isSchedulePaused}`;
  // Spelt out: with a parameter, the plan is for any state, among them the one that nearly all mails are in.
  const rowsIn = (table: PgTable, state: UnsentState) => sql`(select count(*)::int from (
    select 1 from ${table} where state = ${sql.raw(`'${state}'`)} limit ${limit}
  ) as counted)`;
  // Ids rise with the moment of creation, so the oldest is among the first in the index. Those that a limit keeps back
  // would be there for hours; more workers would not help them.
  const oldestMailIn = (state: UnsentState) => sql`(
    select min(coalesce(deferred_until, created_at)) from (
      select created_at, deferred_until from mails where state = ${sql.raw(`'${state}'`)} order by id limit ${limit}
    ) as first where deferred_until is null or deferred_until <= ${statementTime}
  )`;
  // What is owed to a webhook that fails waits for it, and for no worker.
  const oldestDueDelivery = sql`(
    select min(first.due_at) from webhooks cross join lateral (
      select due_at from webhook_deliveries where webhook_id = webhooks.id and due_at is not null order by due_at limit 1
    ) as first where ${isLive} and failing_since is null
  )`;
  const [row] = await reader.execute<{
    orders_due: number;
    oldest_due: string;
    queued: number;
    sending: number;
    failed: number;
    oldest_unsent: string;
    deliveries_queued: number;
    deliveries_sending: number;
    deliveries_failed: number;
    oldest_due_delivery: string;
  }>(sql`
    select
      (select count(*)::int from (
        select 1 from orders where next_status_at <= ${statementTime} and ${moving} limit ${limit}
      ) as counted) as orders_due,
      ${secondsSince(sql`(select next_status_at from orders where next_status_at is not null and ${moving} order by next_status_at limit 1)`)} as oldest_due,
      ${rowsIn(mails, 'queued')} as queued,
      ${rowsIn(mails, 'sending')} as sending,
      ${rowsIn(mails, 'failed')} as failed,
      ${secondsSince(sql`least(${oldestMailIn('queued')}, ${oldestMailIn('sending')})`)} as oldest_unsent,
      ${rowsIn(webhookDeliveries, 'queued')} as deliveries_queued,
      ${rowsIn(webhookDeliveries, 'sending')} as deliveries_sending,
      ${rowsIn(webhookDeliveries, 'failed')} as deliveries_failed,
      ${secondsSince(oldestDueDelivery)} as oldest_due_delivery`);
  if (!row) throw new Error('the backlog gave no row');
  return {
    ordersDue: row.orders_due,
    oldestDueOrderSeconds: Number(row.oldest_due),
    mails: { queued: row.queued, sending: row.sending, failed: row.failed },
    oldestUnsentMailSeconds: Number(row.oldest_unsent),
    deliveries: { queued: row.deliveries_queued, sending: row.deliveries_sending, failed: row.deliveries_failed },
    oldestDueDeliverySeconds: Number(row.oldest_due_delivery),
  };
}

/** What there is for a worker to do. */
export type Due = {
  /** Whether the schedule stands still, or has not been resumed since. */
  schedulePaused: boolean;
  orders: boolean;
  /** The kinds of the outbox that have something to be taken up or given up, by the names that were given to them. */
  owed: ReadonlySet<string>;
};

/** Looks for what is due. Mostly nothing is, so this is one statement without parameters, whose plan is kept. */
export async function findDue(reader: Reader, kinds: Record<string, OutboxKind>): Promise<Due> {
  const named = Object.entries(kinds);
  const owed = named.map(([name, kind]) => sql`, ${isOwed(kind)} as ${sql.identifier(name)}`);
  const [row] = await reader.execute<Record<string, boolean>>(
    sql`select ${isSchedulePaused} as schedule_paused, ${isOrderDue} as orders_due${sql.join(owed)}`,
  );
  return {
    schedulePaused: row?.schedule_paused === true,
    orders: row?.orders_due === true,
    owed: new Set(named.flatMap(([name]) => (row?.[name] ? [name] : []))),
  };
}

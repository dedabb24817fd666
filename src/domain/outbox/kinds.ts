import { sql } from 'drizzle-orm';
import { statementTime } from '../../db/sql.ts';
import { mails, webhookDeliveries, webhooks } from '../../db/tables.ts';
import type { OutboxKind } from './outbox.ts';

/** Mails of all kinds: they go to the one mail server, so all go by the same terms. */
export const mailOutbox: OutboxKind = {
  table: mails,
  handoverMs: 5_000,
  leaseMs: 15_000,
  firstRetryMs: 2_000,
  retryMsMax: 15 * 60_000,
  givenUpAfterMs: 24 * 3_600_000,
};

/** Mails of orders. */
export const orderMailOutbox: OutboxKind = { ...mailOutbox, rows: sql`kind = 'order_status'` };

/** Mails of accounts, which somebody waits for: apart, so that no backlog of orders' mails delays them. */
export const accountMailOutbox: OutboxKind = { ...mailOutbox, rows: sql`kind <> 'order_status'` };

/** Webhooks that are told of what happens; the others get nothing, and owe nothing. */
export const isLive = sql`${webhooks.disabledAt} is null and ${webhooks.deletedAt} is null`;

/** Of one receiver, at a time: enough to keep it busy until the next round, and next to nothing while it fails. */
const dueAtOnce = { usually: 200, failing: 4 };

/** Deliveries to webhooks, each of which is a receiver of its own: none may wait for what another is owed. */
export const webhookOutbox: OutboxKind = {
  table: webhookDeliveries,
  handoverMs: 5_000,
  leaseMs: 20_000,
  firstRetryMs: 5_000,
  retryMsMax: 6 * 3_600_000,
  givenUpAfterMs: 3 * 24 * 3_600_000,
  due: (limit) => sql`
      select due.id from ${webhooks} cross join lateral (
        select id, due_at from ${webhookDeliveries} where webhook_id = ${webhooks.id} and due_at <= ${statementTime}
        order by due_at
        limit case when ${webhooks.failingSince} is null then ${sql.raw(String(dueAtOnce.usually))}
          else ${sql.raw(String(dueAtOnce.failing))} end
        for no key update skip locked
      ) as due
      where ${isLive} order by due.due_at limit ${limit}
    `,
  lost: {
    rows: (limit) => sql`
      select lost.id from ${webhooks} cross join lateral (
        select id from ${webhookDeliveries}
        where webhook_id = ${webhooks.id} and due_at is not null
          and (state = 'queued' or due_at <= ${statementTime})
        limit ${limit} for no key update skip locked
      ) as lost
      where not (${isLive}) limit ${limit}
    `,
    reason: 'the webhook has been disabled',
  },
  resendable: sql`webhook_id = any(array(select ${webhooks.id} from ${webhooks} where ${isLive}))`,
};

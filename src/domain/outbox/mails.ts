import { and, eq, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { type MailRow, mails } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import type { MailQuery } from '../../schema/mails.ts';
import type { OrderStatus } from '../../schema/orders.ts';
import { newestPage, type Page } from '../paging.ts';
import { mailOutbox } from './kinds.ts';
import { type Claim, claiming, sendAgain } from './outbox.ts';
import { keepToLimit } from './unconfirmed.ts';

type Recipient = { name: string; email: string };

/** A mail of an order in a worker's hands, with all that its text needs. */
export type OrderMail = Claim & {
  kind: 'order_status';
  run: number;
  status: OrderStatus;
  order: {
    id: string;
    currency: string;
    totalCents: number;
    createdAt: Date;
    items: { name: string; quantity: number; unitPriceCents: number }[];
  };
  recipient: Recipient;
};

/** The same that tells an admin of a webhook that has been disabled; `url` is null once that is gone. */
export type WebhookMail = Claim & {
  kind: 'webhook_disabled';
  webhook: { id: string; url: string | null };
  recipient: Recipient;
};

export type MailToSend = OrderMail | WebhookMail;

type ClaimedRow = { id: string; attempts: number; name: string; email: string } & (
  | {
      kind: 'order_status';
      run: number;
      status: OrderStatus;
      order_id: string;
      currency: string;
      total_cents: string;
      created_ms: string;
      lines: string | null;
    }
  | { kind: 'webhook_disabled'; webhook_id: string; url: string | null }
);

/**
 * Takes unsent mails into a worker's hands for the length of a lease, and reads what they are written from, in one
 * statement.
 * @param unverifiedPerHour how many may go in an hour to an address that nobody has confirmed; 0 is no limit
 * @returns the mails by id, without those that are in others' hands, sent, or kept back by that limit
 */
export async function claimMails(
  tx: Transaction,
  ids: string[],
  unverifiedPerHour: number,
): Promise<Map<string, MailToSend>> {
  const going = unverifiedPerHour === 0 ? ids : await keepToLimit(tx, ids, unverifiedPerHour);
  if (going.length === 0) return new Map();
  const rows = await tx.execute<ClaimedRow>(sql`
    with ${claiming(mailOutbox, going)}
    select claimed.id, claimed.attempts, claimed.kind, claimed.run, claimed.status, orders.id as order_id, orders.currency,
      orders.total_cents, (extract(epoch from orders.created_at) * 1000)::bigint as created_ms,
      customers.name, customers.email, (
        select json_agg(json_build_array(name, quantity, unit_price_cents) order by position)::text
        from order_items where order_id = orders.id
      ) as lines,
      claimed.webhook_id, webhooks.url
    from claimed
    left join orders on orders.id = claimed.order_id
    join customers on customers.id = coalesce(claimed.customer_id, orders.customer_id)
    left join webhooks on webhooks.id = claimed.webhook_id`);
  return new Map(rows.map((row) => [row.id, readClaimed(row)]));
}

function readClaimed(row: ClaimedRow): MailToSend {
  const { id, attempts } = row;
  const recipient = { name: row.name, email: row.email };
  if (row.kind === 'webhook_disabled') {
    return { id, attempts, kind: row.kind, webhook: { id: row.webhook_id, url: row.url }, recipient };
  }
  const { kind, run, status, order_id, currency, total_cents, created_ms } = row;
  const lines: [string, number, number][] = JSON.parse(row.lines ?? '[]');
  return {
    id,
    attempts,
    kind,
    run,
    status,
    order: {
      id: order_id,
      currency,
      totalCents: Number(total_cents),
      createdAt: new Date(Number(created_ms)),
      items: lines.map(([name, quantity, unitPriceCents]) => ({ name, quantity, unitPriceCents })),
    },
    recipient,
  };
}

/** A page of the mails, newest first. */
export async function listMails(reader: Reader, query: MailQuery): Promise<Page<MailRow>> {
  const matching = and(
    // Nearly all mails are sent and hardly any is in another state, so no one plan serves all states.
    query.state && and(eq(mails.state, query.state), withCustomPlan),
    query.orderId === undefined ? undefined : eq(mails.orderId, query.orderId),
  );
  return newestPage(reader, query, mails, matching, (where, order, limit) =>
    reader.select().from(mails).where(where).orderBy(order).limit(limit),
  );
}

/**
 * Gives a failed mail another chance, at once.
 * @throws {ShopError} `not_found`, `mail_not_failed`
 */
export async function sendMailAgain(tx: Transaction, id: string): Promise<MailRow> {
  const found = isId(id) ? await sendAgain(tx, mailOutbox, id) : null;
  if (!found) throw notFound('mail');
  if (found.state !== 'failed') throw new ShopError('mail_not_failed', `The mail is ${found.state}, not failed.`);
  const [mail] = await tx.select().from(mails).where(eq(mails.id, id));
  if (!mail) throw notFound('mail');
  return mail;
}

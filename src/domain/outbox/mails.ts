import { and, eq, getTableColumns, or, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { type MailRow, mails, orders } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import type { AccountMailKind, MailQuery } from '../../schema/mails.ts';
import type { OrderStatus, ShippingAddress } from '../../schema/orders.ts';
import { newestPage, type Page } from '../paging.ts';
import { mailOutbox } from './kinds.ts';
import { type Claim, claiming, sendAgain } from './outbox.ts';
import { addressOf, isConfirmed, keepToLimit } from './unconfirmed.ts';

/** Whom a mail is sent to; no name where nobody has confirmed the address, because those who open an account choose both. */
type Recipient = { name: string | null; email: string };

/** A mail in a worker's hands, with all that its text needs. */
export type MailToSend = OrderMailToSend | AccountMailToSend;

export type AccountMailToSend = Claim & {
  kind: AccountMailKind;
  customerId: string;
  /** Which one has been disabled; `url` is null once it is gone. */
  webhook: { id: string; url: string | null } | null;
  recipient: Recipient;
};

export type OrderMailToSend = Claim & {
  kind: 'order_status';
  run: number;
  status: OrderStatus;
  order: {
    id: string;
    number: string;
    currency: string;
    totalCents: number;
    createdAt: Date;
    items: { name: string; quantity: number; unitPriceCents: number }[];
    shipment: { carrier: string | null; trackingNumber: string | null; trackingUrl: string | null };
    /** Null, both of them, where there is none or nobody has confirmed the recipient's address. */
    shippingAddress: ShippingAddress | null;
    note: string | null;
  };
  recipient: Recipient;
};

type ClaimedRow = {
  id: string;
  attempts: number;
  customer_id: string;
  name: string | null;
  email: string;
} & (OfOrder | { kind: AccountMailKind; webhook_id: string | null; webhook_url: string | null });

type OfOrder = {
  kind: 'order_status';
  run: number;
  status: OrderStatus;
  order_id: string;
  number: string;
  carrier: string | null;
  tracking_number: string | null;
  tracking_url: string | null;
  currency: string;
  total_cents: string;
  created_ms: string;
  lines: string | null;
  address: string | null;
  note: string | null;
};

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
    select claimed.id, claimed.kind, claimed.attempts, claimed.run, claimed.status, orders.id as order_id,
      coalesce(orders.number, order_number(orders.id)) as number, orders.carrier, orders.tracking_number,
      orders.tracking_url, orders.currency, orders.total_cents,
      (extract(epoch from orders.created_at) * 1000)::bigint as created_ms, customers.id as customer_id,
      case when ${isConfirmed(sql`claimed`)} then customers.name end as name, ${addressOf(sql`claimed`)} as email, (
        select json_agg(json_build_array(name, quantity, unit_price_cents) order by position)::text
        from order_items where order_id = orders.id
      ) as lines, order_details.note, case when order_details.name is not null then json_build_object(
        'name', order_details.name, 'line1', line1, 'line2', line2, 'city', city, 'region', region,
        'postalCode', postal_code, 'country', country
      )::text end as address, claimed.webhook_id, webhooks.url as webhook_url
    from claimed
    left join orders on orders.id = claimed.order_id
    join customers on customers.id = coalesce(claimed.customer_id, orders.customer_id)
    left join order_details on order_details.order_id = orders.id and ${isConfirmed(sql`claimed`)}
    left join webhooks on webhooks.id = claimed.webhook_id`);
  return new Map(rows.map((row) => [row.id, readClaimed(row)]));
}

function readClaimed(row: ClaimedRow): MailToSend {
  const { id, attempts, name, email } = row;
  const recipient = { name, email };
  if (row.kind !== 'order_status') {
    const webhook = row.webhook_id === null ? null : { id: row.webhook_id, url: row.webhook_url };
    return { id, attempts, kind: row.kind, customerId: row.customer_id, webhook, recipient };
  }
  const { kind, run, status, order_id, number, currency, total_cents, created_ms, note } = row;
  const lines: [string, number, number][] = JSON.parse(row.lines ?? '[]');
  return {
    id,
    attempts,
    kind,
    run,
    status,
    order: {
      id: order_id,
      number,
      currency,
      totalCents: Number(total_cents),
      createdAt: new Date(Number(created_ms)),
      items: lines.map(([name, quantity, unitPriceCents]) => ({ name, quantity, unitPriceCents })),
      shipment: { carrier: row.carrier, trackingNumber: row.tracking_number, trackingUrl: row.tracking_url },
      shippingAddress: row.address === null ? null : JSON.parse(row.address),
      note,
    },
    recipient,
  };
}

/** A mail, and whose it is: of an order's, the order's customer. */
export type ListedMail = Omit<MailRow, 'customerId' | 'address'> & { customerId: string };

const { address: _address, ...columns } = getTableColumns(mails);

/** What is shown of a mail. */
export const mailColumns = columns;

const listed = { ...columns, customerId: sql<string>`coalesce(${mails.customerId}, ${orders.customerId})` };

/** A page of the mails, newest first. */
export async function listMails(reader: Reader, query: MailQuery): Promise<Page<ListedMail>> {
  const { customerId } = query;
  const ofOrders = sql`${mails.orderId} = any(array(select id from orders where customer_id = ${customerId}))`;
  const matching = and(
    // Nearly all mails are sent and hardly any is in another state, so no one plan serves all states.
    query.state && and(eq(mails.state, query.state), withCustomPlan),
    query.orderId === undefined ? undefined : eq(mails.orderId, query.orderId),
    customerId === undefined ? undefined : and(or(eq(mails.customerId, customerId), ofOrders), withCustomPlan),
  );
  return newestPage(reader, query, mails, matching, (where, order, limit) =>
    reader
      .select(listed)
      .from(mails)
      .leftJoin(orders, eq(orders.id, mails.orderId))
      .where(where)
      .orderBy(order)
      .limit(limit),
  );
}

/**
 * Gives a failed mail another chance, at once.
 * @throws {ShopError} `not_found`, `mail_not_failed`
 */
export async function sendMailAgain(tx: Transaction, id: string): Promise<ListedMail> {
  const found = isId(id) ? await sendAgain(tx, mailOutbox, id) : null;
  if (!found) throw notFound('mail');
  if (found.state !== 'failed') throw new ShopError('mail_not_failed', `The mail is ${found.state}, not failed.`);
  const [mail] = await tx
    .select(listed)
    .from(mails)
    .leftJoin(orders, eq(orders.id, mails.orderId))
    .where(eq(mails.id, id));
  if (!mail) throw notFound('mail');
  return mail;
}

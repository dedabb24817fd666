import { and, eq, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { type MailRow, mails } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import type { MailQuery } from '../../schema/mails.ts';
import type { OrderStatus, ShippingAddress } from '../../schema/orders.ts';
import { newestPage, type Page } from '../paging.ts';
import { mailOutbox } from './kinds.ts';
import { type Claim, claiming, sendAgain } from './outbox.ts';
import { keepToLimit } from './unconfirmed.ts';

/** A mail in a worker's hands, with all that its text needs. */
export type MailToSend = Claim & {
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
  /** The name is null where nobody has confirmed the address: a stranger might be told what the account says. */
  recipient: { name: string | null; email: string };
};

type ClaimedRow = {
  id: string;
  attempts: number;
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
  name: string | null;
  email: string;
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
    select claimed.id, claimed.attempts, claimed.run, claimed.status, orders.id as order_id,
      coalesce(orders.number, order_number(orders.id)) as number, orders.carrier, orders.tracking_number,
      orders.tracking_url, orders.currency, orders.total_cents,
      (extract(epoch from orders.created_at) * 1000)::bigint as created_ms,
      case when customers.email_verified_at is not null then customers.name end as name, customers.email, (
        select json_agg(json_build_array(name, quantity, unit_price_cents) order by position)::text
        from order_items where order_id = orders.id
      ) as lines, order_details.note, case when order_details.name is not null then json_build_object(
        'name', order_details.name, 'line1', line1, 'line2', line2, 'city', city, 'region', region,
        'postalCode', postal_code, 'country', country
      )::text end as address
    from claimed
    join orders on orders.id = claimed.order_id
    join customers on customers.id = orders.customer_id
    left join order_details on order_details.order_id = orders.id and customers.email_verified_at is not null`);
  return new Map(rows.map((row) => [row.id, readClaimed(row)]));
}

function readClaimed(row: ClaimedRow): MailToSend {
  const { id, attempts, run, status, order_id, number, currency, total_cents, created_ms, name, email, note } = row;
  const lines: [string, number, number][] = JSON.parse(row.lines ?? '[]');
  return {
    id,
    attempts,
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
    recipient: { name, email },
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

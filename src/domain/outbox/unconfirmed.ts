import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { addressHash, anyUuid, clockMs, clockTime, later, statementTime, texts, uuids } from '../../db/sql.ts';
import { unconfirmedMails } from '../../db/tables.ts';
import { unlimitedMailKinds } from '../../schema/mails.ts';
import { deleteAged } from '../clean-up.ts';
import { mailOutbox } from './kinds.ts';
import { defer } from './outbox.ts';

/** Longer than an hour by what may pass between a claim and its message, so that no hour has more, however it is cut. */
const windowMs = 3_600_000 + mailOutbox.leaseMs;

type FreeMail = {
  id: string;
  limited: boolean;
  confirms: boolean;
  customer_id: string;
  address: string;
  now_ms: string;
};

/** What is known of where mails went: when those went that still count, in Unix ms, and whether a place is to be kept free. */
type Counted = Map<string, { gone: number[]; reserved: boolean }>;

/** Where a mail goes. @param mail a row of mails, beside `customers` */
export const addressOf = (mail: SQL) => sql`coalesce(${mail}.address, customers.email)`;

/** Whether somebody has confirmed the address that a mail goes to. @param mail a row of mails, beside `customers` */
export const isConfirmed = (mail: SQL) => sql`(customers.email_verified_at is not null
  and lower(${addressOf(mail)} collate "C") = lower(customers.email collate "C"))`;

/**
 * Of mails that are to be claimed, finds those that may go: at most so many an hour to an address that nobody has
 * confirmed, the oldest first, but for the one that would confirm it: that goes before all others. The others are kept
 * back until there is room for them. Mails that nothing may keep back are not counted either. A mail counts from its last
 * attempt on.
 */
export async function keepToLimit(tx: Transaction, ids: string[], perHour: number): Promise<string[]> {
  const free = await tx.execute<FreeMail>(sql`
    select mails.id, not ${isConfirmed(sql`mails`)} and mails.kind <> all(${texts([...unlimitedMailKinds])}) as limited,
      mails.kind = 'email_verification' as confirms, customers.id as customer_id,
      ${addressHash(addressOf(sql`mails`))} as address, ${clockMs} as now_ms
    from mails
    left join orders on orders.id = mails.order_id
    join customers on customers.id = coalesce(mails.customer_id, orders.customer_id)
    where mails.id = ${anyUuid(ids)} and mails.state = 'queued'
    order by mails.id for no key update of mails`);
  const limited = free
    .filter((mail) => mail.limited)
    .sort((one, other) => Number(other.confirms) - Number(one.confirms));
  if (limited.length === 0) return free.map(({ id }) => id);
  const counted = await countGone(tx, limited, perHour);

  const going: FreeMail[] = [];
  const kept: { id: string; until: Date }[] = [];
  const keptOf = new Map<string, number>();
  for (const mail of limited) {
    const { gone, reserved } = counted.get(mail.address) ?? { gone: [], reserved: false };
    if (gone.length < perHour - Number(reserved && !mail.confirms)) {
      gone.push(Number(mail.now_ms));
      going.push(mail);
      continue;
    }
    // The first that is kept back may go when the oldest no longer counts, the next one after the next.
    const before = keptOf.get(mail.address) ?? 0;
    keptOf.set(mail.address, before + 1);
    const oldest = gone[Math.min(before, gone.length - 1)] ?? Number(mail.now_ms);
    kept.push({ id: mail.id, until: new Date(oldest + windowMs) });
  }
  if (going.length > 0) await count(tx, going);
  if (kept.length > 0) await defer(tx, mailOutbox, kept);
  const back = new Set(kept.map(({ id }) => id));
  return free.flatMap(({ id }) => (back.has(id) ? [] : [id]));
}

/**
 * Reads of the addresses of these mails when those went that still count, as many as matter, and whether one that would
 * confirm it waits for its first attempt: a place is free for that.
 */
async function countGone(tx: Transaction, limited: FreeMail[], perHour: number): Promise<Counted> {
  const addresses = [...new Set(limited.map(({ address }) => address))].sort();
  // One worker at a time for an address; addresses in one order, so that no two workers wait for each other.
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(address, 1)) from unnest(${texts(addresses)}) as address`,
  );
  // A statement of its own, because only a snapshot taken under the lock shows what its last holder committed.
  const ids = uuids(limited.map(({ id }) => id));
  const rows = await tx.execute<{ address: string; reserved: boolean; gone: string }>(sql`
    select address, exists (
      select 1 from mails where mails.customer_id = any(customers) and mails.kind = 'email_verification'
        and mails.state = 'queued' and mails.attempts = 0 and mails.id <> all(${ids})
    ) as reserved, (
      select json_agg(ms order by ms)::text from (
        select (extract(epoch from claimed_at) * 1000)::bigint as ms from unconfirmed_mails
        where address_hash = address and claimed_at > ${later(statementTime, -windowMs)}
          and mail_id <> all(${ids})
        order by claimed_at desc limit ${perHour}
      ) as newest
    ) as gone
    from (
      select address, array_agg(customer_id) as customers
      from unnest(
        ${texts(limited.map(({ address }) => address))},
        ${uuids(limited.map(({ customer_id }) => customer_id))}
      ) as mail(address, customer_id)
      group by address
    ) as asked`);
  return new Map(rows.map(({ address, reserved, gone }) => [address, { reserved, gone: JSON.parse(gone ?? '[]') }]));
}

async function count(tx: Transaction, going: FreeMail[]): Promise<void> {
  await tx.execute(sql`
    insert into unconfirmed_mails (mail_id, address_hash, claimed_at)
    select gone.*, ${clockTime}
    from unnest(${uuids(going.map(({ id }) => id))}, ${texts(going.map(({ address }) => address))}) as gone
    on conflict (mail_id) do update set address_hash = excluded.address_hash, claimed_at = excluded.claimed_at`);
}

const aged = { table: unconfirmedMails, at: unconfirmedMails.claimedAt, keptMs: windowMs };

/** Deletes what no longer counts; see `deleteAged`. */
export function deleteOldCounts(tx: Transaction, batch: { batchSizeMax: number }): Promise<number> {
  return deleteAged(tx, aged, batch);
}

import { sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { anyUuid, clockMs, clockTime, later, statementTime, texts, uuids } from '../../db/sql.ts';
import { unconfirmedMails } from '../../db/tables.ts';
import { awaitedMailKinds } from '../../schema/mails.ts';
import { deleteAged } from '../clean-up.ts';
import { mailOutbox } from './kinds.ts';
import { defer } from './outbox.ts';

/** Longer than an hour by what may pass between a claim and its message, so that no hour has more, however it is cut. */
const windowMs = 3_600_000 + mailOutbox.leaseMs;

type FreeMail = { id: string; limited: boolean; address: string; now_ms: string };

/**
 * Of mails that are to be claimed, finds those that may go: at most so many an hour to an address that nobody has
 * confirmed, the oldest first. The others are kept back until there is room for them. Mails that a person waits for are
 * neither counted nor kept back. A mail counts from its last attempt on.
 */
export async function keepToLimit(tx: Transaction, ids: string[], perHour: number): Promise<string[]> {
  const free = await tx.execute<FreeMail>(sql`
    select mails.id, customers.email_verified_at is null and mails.kind <> all(${texts([...awaitedMailKinds])}) as limited,
      encode(sha256(convert_to(lower(customers.email collate "C"), 'UTF8')), 'hex') as address, ${clockMs} as now_ms
    from mails
    left join orders on orders.id = mails.order_id
    join customers on customers.id = coalesce(mails.customer_id, orders.customer_id)
    where mails.id = ${anyUuid(ids)} and mails.state = 'queued'
    order by mails.id for no key update of mails`);
  const limited = free.filter((mail) => mail.limited);
  if (limited.length === 0) return free.map(({ id }) => id);
  const counted = await countGone(tx, limited, perHour);

  const going: FreeMail[] = [];
  const kept: { id: string; until: Date }[] = [];
  const keptOf = new Map<string, number>();
  for (const mail of limited) {
    const gone = counted.get(mail.address) ?? [];
    counted.set(mail.address, gone);
    if (gone.length < perHour) {
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

/** When the mails that still count went to these addresses, in Unix ms and in that order, each as many as matter. */
async function countGone(tx: Transaction, limited: FreeMail[], perHour: number): Promise<Map<string, number[]>> {
  const addresses = [...new Set(limited.map(({ address }) => address))].sort();
  // One worker at a time for an address; addresses in one order, so that no two workers wait for each other.
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(address, 1)) from unnest(${texts(addresses)}) as address`,
  );
  // A statement of its own, because only a snapshot taken under the lock shows what its last holder committed.
  const rows = await tx.execute<{ address: string; gone: string }>(sql`
    select address, (
      select json_agg(ms order by ms)::text from (
        select (extract(epoch from claimed_at) * 1000)::bigint as ms from unconfirmed_mails
        where address_hash = address and claimed_at > ${later(statementTime, -windowMs)}
          and mail_id <> all(${uuids(limited.map(({ id }) => id))})
        order by claimed_at desc limit ${perHour}
      ) as newest
    ) as gone
    from unnest(${texts(addresses)}) as address`);
  return new Map(rows.map(({ address, gone }): [string, number[]] => [address, JSON.parse(gone ?? '[]')]));
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

import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { anyUuid } from '../../db/sql.ts';
import {
  type AuditEventRow,
  auditEvents,
  idempotencyRecords,
  type KeyRow,
  keys,
  mails,
  type Order,
  type OrderHistoryRow,
  orderHistory,
  orders,
  type SessionRow,
  secondFactors,
  sessions,
} from '../../db/tables.ts';
import { oldestOrders } from '../orders/reads.ts';
import { type ListedMail, mailColumns } from '../outbox/mails.ts';
import { type Read, walk, walkIds } from '../walk.ts';
import { keyColumns } from './keys.ts';

/** An order with all that is held of it: what each run came to, and its mails. */
export type WholeOrder = Order & { runs: OrderHistoryRow[]; mails: ListedMail[] };

const pageSize = 100;

/** Since when an account has a second factor. */
export async function secondFactorSince(read: Read, customerId: string): Promise<Date | null> {
  const [found] = await read((reader) =>
    reader
      .select({ confirmedAt: secondFactors.confirmedAt })
      .from(secondFactors)
      .where(eq(secondFactors.customerId, customerId)),
  );
  return found?.confirmedAt ?? null;
}

/** The lists below are read in pages, each a query of its own. */
export function sessionsOf(read: Read, customerId: string): AsyncGenerator<SessionRow[], void> {
  return walkIds(read, pageSize, (reader, after) =>
    reader
      .select()
      .from(sessions)
      .where(and(eq(sessions.customerId, customerId), gt(sessions.id, after)))
      .orderBy(asc(sessions.id))
      .limit(pageSize),
  );
}

/** The keys that an admin has made and nobody has revoked. */
export function keysOf(read: Read, customerId: string): AsyncGenerator<KeyRow[], void> {
  return walkIds(read, pageSize, (reader, after) =>
    reader
      .select(keyColumns)
      .from(keys)
      .where(and(eq(keys.createdBy, customerId), gt(keys.id, after)))
      .orderBy(asc(keys.id))
      .limit(pageSize),
  );
}

/** Orders, deleted ones too, the oldest first. */
export function ordersOf(read: Read, customerId: string): AsyncGenerator<WholeOrder[], void> {
  return walkIds(read, pageSize, async (reader, after) => {
    const theirs = and(eq(orders.customerId, customerId), gt(orders.id, after));
    const found = await oldestOrders(reader, theirs, pageSize);
    const ids = anyUuid(found.map(({ id }) => id));
    const [runs, sent] = await Promise.all([
      reader.select().from(orderHistory).where(sql`${orderHistory.orderId} = ${ids}`).orderBy(asc(orderHistory.at)),
      reader.select(mailColumns).from(mails).where(sql`${mails.orderId} = ${ids}`).orderBy(asc(mails.id)),
    ]);
    return found.map((order) => ({
      ...order,
      runs: runs.filter(({ orderId }) => orderId === order.id),
      mails: sent.filter(({ orderId }) => orderId === order.id).map((mail) => ({ ...mail, customerId })),
    }));
  });
}

/** Mails that are of no order. */
export function mailsOf(read: Read, customerId: string): AsyncGenerator<ListedMail[], void> {
  return walkIds(read, pageSize, async (reader, after) => {
    const rows = await reader
      .select(mailColumns)
      .from(mails)
      .where(and(eq(mails.customerId, customerId), gt(mails.id, after)))
      .orderBy(asc(mails.id))
      .limit(pageSize);
    return rows.map((mail) => ({ ...mail, customerId }));
  });
}

type KeptKey = { key: string; createdAt: Date };

/** What a person sent as `Idempotency-Key`; the answers to it are among the orders. */
export function idempotencyKeysOf(read: Read, customerId: string): AsyncGenerator<KeptKey[], void> {
  return walk<KeptKey>(read, {
    batchSize: pageSize,
    next: (reader, after) =>
      reader
        .select({ key: idempotencyRecords.key, createdAt: idempotencyRecords.createdAt })
        .from(idempotencyRecords)
        .where(and(eq(idempotencyRecords.customerId, customerId), gt(idempotencyRecords.key, after)))
        .orderBy(asc(idempotencyRecords.key))
        .limit(pageSize),
    keyOf: ({ key }) => key,
    first: '',
  });
}

/** What a person did, and what others did to their account. */
export async function* eventsOf(read: Read, customerId: string): AsyncGenerator<AuditEventRow[], void> {
  const isTheirs = eq(auditEvents.actorId, customerId);
  const isByOthers = sql`${auditEvents.actorId} is distinct from ${customerId}::uuid`;
  for (const matching of [isTheirs, and(eq(auditEvents.subjectId, customerId), isByOthers)]) {
    yield* walkIds(read, pageSize, (reader, after) =>
      reader
        .select()
        .from(auditEvents)
        .where(and(matching, gt(auditEvents.id, after)))
        .orderBy(asc(auditEvents.id))
        .limit(pageSize),
    );
  }
}

import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.ts';
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
  type SessionRow,
  secondFactors,
  sessions,
} from '../../db/tables.ts';
import { ordersOfCustomer } from '../orders/reads.ts';
import { type ListedMail, mailColumns } from '../outbox/mails.ts';

/** Runs one query; each page of an export is one of its own, however slowly it is read. */
type Read = <T>(work: (reader: Reader) => Promise<T>) => Promise<T>;

/** An order with all that is held of it: what each run came to, and its mails. */
export type WholeOrder = Order & { runs: OrderHistoryRow[]; mails: ListedMail[] };

const pageSize = 100;

/** Walks a table by its key, so that any number of rows costs no more memory than a page of them. */
async function* walk<Row>(next: (after: string) => Promise<Row[]>, first: string, keyOf: (row: Row) => string) {
  for (let after = first; ; ) {
    const rows = await next(after);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    after = keyOf(last);
  }
}

const beforeAllIds = '00000000-0000-0000-0000-000000000000';
const walkIds = <Row extends { id: string }>(next: (after: string) => Promise<Row[]>) =>
  walk(next, beforeAllIds, ({ id }) => id);

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

export function sessionsOf(read: Read, customerId: string): AsyncGenerator<SessionRow> {
  return walkIds((after) =>
    read((reader) =>
      reader
        .select()
        .from(sessions)
        .where(and(eq(sessions.customerId, customerId), gt(sessions.id, after)))
        .orderBy(asc(sessions.id))
        .limit(pageSize),
    ),
  );
}

/** The keys that an admin has made and nobody has revoked. */
export function keysOf(read: Read, customerId: string): AsyncGenerator<KeyRow> {
  return walkIds((after) =>
    read((reader) =>
      reader
        .select({
          id: keys.id,
          name: keys.name,
          scopes: keys.scopes,
          createdBy: keys.createdBy,
          createdAt: keys.createdAt,
          expiresAt: keys.expiresAt,
        })
        .from(keys)
        .where(and(eq(keys.createdBy, customerId), gt(keys.id, after)))
        .orderBy(asc(keys.id))
        .limit(pageSize),
    ),
  );
}

/** Orders, deleted ones too, the oldest first. */
export function ordersOf(read: Read, customerId: string): AsyncGenerator<WholeOrder> {
  return walkIds((after) =>
    read(async (reader) => {
      const found = await ordersOfCustomer(reader, customerId, { after, limit: pageSize });
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
    }),
  );
}

/** Mails that are of no order. */
export function mailsOf(read: Read, customerId: string): AsyncGenerator<ListedMail> {
  return walkIds((after) =>
    read(async (reader) => {
      const rows = await reader
        .select(mailColumns)
        .from(mails)
        .where(and(eq(mails.customerId, customerId), gt(mails.id, after)))
        .orderBy(asc(mails.id))
        .limit(pageSize);
      return rows.map((mail) => ({ ...mail, customerId }));
    }),
  );
}

type KeptKey = { key: string; createdAt: Date };

/** What a person sent as `Idempotency-Key`; the answers to it are among the orders. */
export function idempotencyKeysOf(read: Read, customerId: string): AsyncGenerator<KeptKey> {
  const next = (after: string) =>
    read((reader) =>
      reader
        .select({ key: idempotencyRecords.key, createdAt: idempotencyRecords.createdAt })
        .from(idempotencyRecords)
        .where(and(eq(idempotencyRecords.customerId, customerId), gt(idempotencyRecords.key, after)))
        .orderBy(asc(idempotencyRecords.key))
        .limit(pageSize),
    );
  return walk(next, '', ({ key }) => key);
}

/** What a person did, and what others did to their account. */
export async function* eventsOf(read: Read, customerId: string): AsyncGenerator<AuditEventRow> {
  const isTheirs = eq(auditEvents.actorId, customerId);
  const isByOthers = sql`${auditEvents.actorId} is distinct from ${customerId}::uuid`;
  for (const matching of [isTheirs, and(eq(auditEvents.subjectId, customerId), isByOthers)]) {
    yield* walkIds((after) =>
      read((reader) =>
        reader
          .select()
          .from(auditEvents)
          .where(and(matching, gt(auditEvents.id, after)))
          .orderBy(asc(auditEvents.id))
          .limit(pageSize),
      ),
    );
  }
}

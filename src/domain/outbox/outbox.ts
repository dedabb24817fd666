import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Transaction } from '../../db/client.ts';
import {
  anyUuid,
  clockTime,
  integers,
  later,
  smallints,
  statementTime,
  texts,
  timestamps,
  uuids,
} from '../../db/sql.ts';

/**
 * What the shop owes to the outside is a row, written in the transaction that owes it, and every kind of it goes by the
 * rules of this file (docs/outbox.md, "The outbox"). A kind is a table with the columns `id`, `state`, `attempts`,
 * `last_error`, `due_at`, `deferred_until`, `created_at` and `sent_at`, and how long things may take.
 */
export type OutboxKind = {
  table: PgTable;
  /** Which of its rows, where kinds share it; constant, and said of an index, too. */
  rows?: SQL;
  /** How long a row may lie in the queue before the relay enqueues it again. */
  handoverMs: number;
  /** How long a worker may hold a row. The relay gives it to another after that, so handing over must take less. */
  leaseMs: number;
  firstRetryMs: number;
  retryMsMax: number;
  /** What has failed for so long is given up until someone sends it again. */
  givenUpAfterMs: number;
  /** Selects ids of at most so many rows that are due, under lock; by default those that have waited longest. */
  due?: (limit: SQL) => SQL;
  /** Selects ids of at most so many rows that nobody is to get any more, under lock, and says why; by default there are none. */
  lost?: { rows: (limit: SQL) => SQL; reason: string };
  /** Which failed rows are sent again when all are; by default every one. */
  resendable?: SQL;
};

/** A row in a worker's hands; the number of its attempts says in whose, because every claim counts one more. */
export type Claim = { id: string; attempts: number };

/**
 * What became of a claimed row: handed over, refused, or left alone because its turn did not come. `afterMs` is how long
 * it has to wait at least.
 */
export type Outcome =
  | { result: 'sent' }
  | { result: 'refused'; error: string; permanent: boolean; afterMs?: number }
  | { result: 'untried'; afterMs?: number };

/** Whether a kind has rows that are to be taken up or given up: a condition without parameters. */
export function isOwed(kind: OutboxKind): SQL {
  const one = sql`1`;
  const owed = sql`exists(${dueOf(kind, one)})`;
  return kind.lost ? sql`${owed} or exists(${kind.lost.rows(one)})` : owed;
}

/**
 * Takes rows whose time has come out to be enqueued, the longest waiting first: new ones that nobody enqueued, failed ones
 * that are to be tried again, and those whose worker died with them.
 */
export async function takeUpDue(
  tx: Transaction,
  kind: OutboxKind,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    update ${kind.table} set state = 'queued', due_at = ${later(statementTime, kind.handoverMs)}
    where id = any(array(${dueOf(kind, sql`${batchSizeMax}`)}))
    returning id`);
  return rows.map(({ id }) => id);
}

function dueOf({ due, table, rows }: OutboxKind, limit: SQL): SQL {
  if (due) return due(limit);
  return sql`
      select id from ${table} where due_at <= ${statementTime}${rows ? sql` and ${rows}` : sql``}
      order by due_at limit ${limit} for no key update skip locked
    `;
}

/**
 * Gives up rows that nobody is to get any more, and that are in nobody's hands.
 * @returns how many; fewer than `batchSizeMax` means that none is left
 */
export async function giveUpLost(
  tx: Transaction,
  { table, lost }: OutboxKind,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<number> {
  if (!lost) return 0;
  const rows = await tx.execute(sql`
    update ${table} set state = 'failed', due_at = null, last_error = coalesce(last_error, ${lost.reason})
    where id = any(array(${lost.rows(sql`${batchSizeMax}`)}))
    returning 1`);
  return rows.length;
}

/**
 * Expressions `free` and `claimed`, which take unsent rows into a worker's hands for the length of a lease, without those
 * that are in others' hands, or sent. `claimed` has every column of them.
 */
export function claiming({ table, leaseMs }: OutboxKind, ids: string[]): SQL {
  // Locked in the order of their ids, so that two workers that claim the same rows do not wait for each other.
  return sql`free as (
      select id from ${table} where id = ${anyUuid(ids)} and state = 'queued' order by id for no key update
    ), claimed as (
      update ${table} set state = 'sending', attempts = attempts + 1, due_at = ${later(clockTime, leaseMs)}
      where id in (select id from free)
      returning *
    )`;
}

/** Keeps rows back until a moment of their own, from which on their ages count; nobody has them in hand. */
export async function defer(
  tx: Transaction,
  { table }: OutboxKind,
  rows: { id: string; until: Date }[],
): Promise<void> {
  await tx.execute(sql`
    update ${table} as owed set due_at = kept.until, deferred_until = kept.until
    from unnest(${uuids(rows.map(({ id }) => id))}, ${timestamps(rows.map(({ until }) => until))}) as kept(id, until)
    where owed.id = kept.id and owed.state = 'queued'`);
}

/**
 * How long to wait after a number of failed attempts: 2 s by the usual terms, then two fifths longer each time, and up to
 * a fifth more by chance, so that what failed together is not tried together. With what the relay and the queue add,
 * delays no more than double.
 * @param chance from 0 to 1
 */
export function retryDelayMs(
  { firstRetryMs, retryMsMax }: Pick<OutboxKind, 'firstRetryMs' | 'retryMsMax'>,
  attempts: number,
  chance: number,
): number {
  return Math.round(Math.min(firstRetryMs * 1.4 ** (attempts - 1), retryMsMax / 1.2) * (1 + chance / 5));
}

/** Records that rows have been handed over, in whose hands they may be by now. */
export async function recordSent(tx: Transaction, { table }: OutboxKind, ids: string[]): Promise<void> {
  await tx.execute(sql`
    update ${table} set state = 'sent', sent_at = ${clockTime}, due_at = null, last_error = null
    where id = ${anyUuid(ids)}`);
}

/**
 * Records failed attempts and when the next ones are due. A refusal that will not change, or failures for as long as the
 * kind allows, make a row `failed`. What was not tried is due as if it had not been claimed. Does nothing to
 * rows whose lease has run out and that are in other hands.
 * @returns the ids of those that have been given up
 */
export async function recordUnsent(
  tx: Transaction,
  kind: OutboxKind,
  claims: (Claim & { outcome: Exclude<Outcome, { result: 'sent' }> })[],
): Promise<Set<string>> {
  const { table, givenUpAfterMs } = kind;
  const tried = claims.map(({ outcome }) => outcome.result === 'refused');
  const givenUp = sql`(unsent.tried = 1 and (unsent.permanent = 1
    or ${later(sql`coalesce(owed.deferred_until, owed.created_at)`, givenUpAfterMs)} < ${statementTime}))`;
  const rows = await tx.execute<{ id: string; state: string }>(sql`
    update ${table} as owed set
      state = case when ${givenUp} then 'failed' else 'queued' end,
      due_at = case when not ${givenUp} then ${clockTime} + make_interval(secs => unsent.delay_ms::float8 / 1000) end,
      attempts = owed.attempts + unsent.tried - 1,
      last_error = coalesce(unsent.error, owed.last_error)
    from unnest(
      ${uuids(claims.map(({ id }) => id))},
      ${integers(claims.map(({ attempts }) => attempts))},
      ${smallints(tried.map(Number))},
      ${smallints(claims.map(({ outcome }) => Number(outcome.result === 'refused' && outcome.permanent)))},
      ${texts(claims.map(({ outcome }) => (outcome.result === 'refused' ? outcome.error : null)))},
      ${integers(claims.map((claim) => delayMs(kind, claim)))}
    ) as unsent(id, attempts, tried, permanent, error, delay_ms)
    where owed.id = unsent.id and owed.state = 'sending' and owed.attempts = unsent.attempts
    returning owed.id, owed.state`);
  return new Set(rows.filter(({ state }) => state === 'failed').map(({ id }) => id));
}

function delayMs(kind: OutboxKind, { attempts, outcome }: Claim & { outcome: Exclude<Outcome, { result: 'sent' }> }) {
  const { afterMs = 0 } = outcome;
  return outcome.result === 'refused' ? Math.max(afterMs, retryDelayMs(kind, attempts, Math.random())) : afterMs;
}

/**
 * Gives a failed row another chance, at once, and for as long as one that is new.
 * @returns what it was: null when there is no such row
 */
export async function sendAgain(tx: Transaction, { table }: OutboxKind, id: string): Promise<{ state: string } | null> {
  const [row] = await tx.execute<{ state: string }>(sql`
    with found as (select id, state from ${table} where id = ${id} for no key update), queued as (
      update ${table} set state = 'queued', due_at = ${clockTime}, deferred_until = ${clockTime}
      where id in (select id from found where state = 'failed')
    )
    select state from found`);
  return row ?? null;
}

/** How many rows one request gives another chance. */
const resentMax = 10_000;

/**
 * Gives failed rows the same chance, the oldest first; the relay takes them up.
 * @returns how many, none once all have had it
 */
export async function sendAllAgain(tx: Transaction, { table, resendable }: OutboxKind): Promise<number> {
  const rows = await tx.execute(sql`
    update ${table} set state = 'queued', due_at = ${statementTime}, deferred_until = ${statementTime}
    where id = any(array(
      select id from ${table} where state = 'failed'${resendable ? sql` and ${resendable}` : sql``} order by id limit ${resentMax} for no key update skip locked
    ))
    returning 1`);
  return rows.length;
}

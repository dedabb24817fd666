import { and, gt, type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { type Column, later, statementTime, texts, uuids } from '../db/sql.ts';
import { idempotencyRecords } from '../db/tables.ts';
import { ShopError } from '../errors.ts';
import { deleteAged } from './clean-up.ts';

/** How long a first answer is kept for its repeats (README, "What you can rely on"). */
export const idempotencyKeptMs = 24 * 3_600_000;

/** An `Idempotency-Key` as it was sent, and a hash of the body that it came with. */
export type SentKey = { key: string; requestHash: string };

/** A key of a caller, which means something else on each route. */
export type KeyedAttempt = SentKey & { callerId: string; route: 'orders' | 'stock-changes' | 'products/batch' };

/** As a record has it: of orders the key itself, as ever; no caller's key holds a line break. */
const recordKey = ({ route, key }: KeyedAttempt) => (route === 'orders' ? key : `${route}\n${key}`);

const scopeOf = (attempt: KeyedAttempt) => `${attempt.callerId}:${recordKey(attempt)}`;

/**
 * Finds the requests whose key is taken: by an answer that is kept, or by an attempt under way. The lock on a key is
 * only tried, never waited for, so it cannot deadlock with the locks on products; it goes with the transaction.
 * @param attemptOf the key of a request, undefined where it has none
 * @returns for each of those the first answer as it was kept, or `idempotency_key_reused`, `idempotency_in_progress`
 */
export async function answerRepeats<Request>(
  tx: Transaction,
  requests: Request[],
  attemptOf: (request: Request) => KeyedAttempt | undefined,
): Promise<Map<Request, string | ShopError>> {
  const answers = new Map<Request, string | ShopError>();
  const keyed = requests.flatMap((request) => {
    const attempt = attemptOf(request);
    return attempt ? [{ request, attempt, scope: scopeOf(attempt) }] : [];
  });
  if (keyed.length === 0) return answers;

  const scopes = [...new Set(keyed.map((entry) => entry.scope))];
  const locks = await tx.execute<{ scope: string; locked: boolean }>(sql`
    select scope, pg_try_advisory_xact_lock(hashtextextended(scope, 0)) as locked
    from unnest(${texts(scopes)}) as scope`);
  const held = new Set(locks.filter((lock) => lock.locked).map((lock) => lock.scope));
  // A statement of its own, because only a snapshot taken under the lock shows what its last holder committed.
  const records = await tx
    .select()
    .from(idempotencyRecords)
    .where(
      and(
        sql`(${idempotencyRecords.customerId}, ${idempotencyRecords.key}) in (select * from unnest(
          ${uuids(keyed.map(({ attempt }) => attempt.callerId))}, ${texts(keyed.map(({ attempt }) => recordKey(attempt)))}))`,
        gt(idempotencyRecords.createdAt, later(statementTime, -idempotencyKeptMs)),
      ),
    );
  const recorded = new Map(records.map((record) => [`${record.customerId}:${record.key}`, record]));

  for (const { request, attempt, scope } of keyed) {
    const record = recorded.get(scope);
    if (record && record.requestHash !== attempt.requestHash) {
      answers.set(request, new ShopError('idempotency_key_reused', 'The key came with another body before.'));
    } else if (record) {
      answers.set(request, record.response);
    } else if (!held.delete(scope)) {
      answers.set(
        request,
        new ShopError('idempotency_in_progress', 'The first request with this key is still running.'),
      );
    }
  }
  return answers;
}

/**
 * The same for one request, without a key too.
 * @returns the first answer as it was kept; null when this is to be the first
 * @throws {ShopError} `idempotency_key_reused`, `idempotency_in_progress`
 */
export async function answerRepeat(tx: Transaction, attempt: KeyedAttempt | undefined): Promise<string | null> {
  const kept = (await answerRepeats(tx, [attempt], () => attempt)).get(attempt) ?? null;
  if (kept instanceof ShopError) throw kept;
  return kept;
}

/** First answers to keep, as columns. */
type RecordColumns = Record<'callerIds' | 'keys' | 'requestHashes' | 'responses', Column<string>>;

export function columnsOfRecords(answers: (KeyedAttempt & { response: string })[]) {
  return {
    callerIds: answers.map(({ callerId }) => callerId),
    keys: answers.map(recordKey),
    requestHashes: answers.map(({ requestHash }) => requestHash),
    responses: answers.map(({ response }) => response),
  };
}

/** An expression `new_records`, which keeps first answers; for a statement of the transaction that makes what they tell of. */
export function newRecords({ callerIds, keys, requestHashes, responses }: RecordColumns, at: SQL): SQL {
  return sql`new_records as (
      insert into idempotency_records (customer_id, key, request_hash, response, created_at)
      select t.*, ${at} from unnest(
        ${uuids(callerIds)}, ${texts(keys)}, ${texts(requestHashes)}, ${texts(responses)}
      ) as t
      on conflict (customer_id, key) do update
      set request_hash = excluded.request_hash, response = excluded.response, created_at = excluded.created_at
    )`;
}

const aged = { table: idempotencyRecords, at: idempotencyRecords.createdAt, keptMs: idempotencyKeptMs };

/** Deletes idempotency records that no repeat can use any more; see `deleteAged`. */
export function deleteOldIdempotencyRecords(tx: Transaction, batch: { batchSizeMax: number }): Promise<number> {
  return deleteAged(tx, aged, batch);
}

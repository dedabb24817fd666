import { SpanKind } from '@opentelemetry/api';
import { databaseWaitMsMax, withDeadline } from '../deadline.ts';
import { unavailable } from '../errors.ts';
import { inChildSpan } from '../spans.ts';
import type { Database, Reader, Transaction } from './client.ts';
import { isConnectionFault, isRetryable, translateDatabaseError } from './errors.ts';

const attemptsMax = 3;
const spanOptions = { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql' } };

const underWay = new WeakMap<Database, number>();

/** How many transactions and reads a pool has been given and not yet finished. */
export function workUnderWay(db: Database): number {
  return underWay.get(db) ?? 0;
}

async function counted<T>(db: Database, work: Promise<T>): Promise<T> {
  underWay.set(db, workUnderWay(db) + 1);
  try {
    return await work;
  } finally {
    underWay.set(db, workUnderWay(db) - 1);
  }
}

/**
 * Runs `work` in one transaction and commits it before `endsAt` (Unix ms), or does nothing at all. A serialization
 * failure, a deadlock, a prepared statement that is gone, or a connection that broke before the transaction began is
 * tried again, at most three times in all.
 * @throws {ShopError} `unavailable` when Postgres is out of reach or silent; what `work` throws; the rule behind a
 *   violated constraint
 */
export async function withTransaction<T>(
  db: Database,
  work: (tx: Transaction) => Promise<T>,
  endsAt = Date.now() + databaseWaitMsMax,
): Promise<T> {
  // A server that comes back after its caller was told 503 must find nothing to commit.
  const refuseIfLate = () => {
    if (Date.now() >= endsAt) throw unavailable('The shop did not answer in time.');
  };
  let begun = false;
  const attempt = () => {
    begun = false;
    return db.transaction(async (tx) => {
      begun = true;
      refuseIfLate();
      const result = await work(tx);
      refuseIfLate();
      return result;
    });
  };
  return inChildSpan('transaction', spanOptions, async () => {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await withDeadline(counted(db, attempt()), Math.max(0, endsAt - Date.now()));
      } catch (error) {
        // One whose connection was gone before it began has done nothing either; the pool has others.
        const mayRepeat = isRetryable(error) || (!begun && isConnectionFault(error));
        if (attempts < attemptsMax && mayRepeat) continue;
        throw translateDatabaseError(error);
      }
    }
  });
}

/**
 * Runs a query that only reads, again when its connection breaks or what it had prepared is gone, until `endsAt`
 * (Unix ms).
 * @throws {ShopError} `unavailable` when Postgres is out of reach or silent
 */
export async function withReader<T>(
  db: Database,
  work: (reader: Reader) => Promise<T>,
  endsAt = Date.now() + databaseWaitMsMax,
): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await withDeadline(counted(db, work(db)), Math.max(0, endsAt - Date.now()));
    } catch (error) {
      // The pool has other connections than the one that broke.
      if (attempts < attemptsMax && (isRetryable(error) || isConnectionFault(error))) continue;
      throw translateDatabaseError(error);
    }
  }
}

import { SpanKind } from '@opentelemetry/api';
import { InDoubtError, ShopError, unavailable } from '../errors.ts';
import { waitEndsAt, withDeadline } from '../lib/deadline.ts';
import { inChildSpan } from '../telemetry/spans.ts';
import { type Database, type Pool, poolOf, type Reader, type Transaction } from './client.ts';
import { isConnectionFault, isReadOnly, isRetryable, translateDatabaseError } from './errors.ts';

const attemptsMax = 3;
const spanOptions = { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql' } };

const nothing = () => {};

/** A pool whose server must not be used any more is left, so that the next attempt finds the one that took over. */
function leaveIfUnfit(pool: Pool, error: unknown): void {
  if (isReadOnly(error) || pool.isSilent()) pool.leave();
}

/**
 * Runs `work` in one transaction and sends its commit before `endsAt` (by `performance.now()`), or does nothing at all. A
 * serialization failure, a deadlock, a prepared statement that is gone, a server that takes no writes, or a connection
 * that broke before the commit was sent is tried again, at most three times in all.
 * @throws {ShopError} `unavailable` when Postgres is out of reach or silent, as `InDoubtError` from the commit on; what
 *   `work` throws; the rule behind a violated constraint
 */
export async function withTransaction<T>(
  db: Database,
  work: (tx: Transaction) => Promise<T>,
  endsAt = waitEndsAt(),
): Promise<T> {
  let toldLate = false;
  // A server that comes back after its caller was told 503 must find nothing to commit.
  const refuseIfLate = () => {
    if (toldLate || performance.now() >= endsAt) throw unavailable('The shop did not answer in time.');
  };
  let committing = false;
  const attempt = () => {
    committing = false;
    return db.transaction(async (tx) => {
      refuseIfLate();
      const result = await work(tx);
      refuseIfLate();
      committing = true;
      return result;
    });
  };
  return inChildSpan('transaction', spanOptions, async () => {
    for (let attempts = 1; ; attempts += 1) {
      const pool = poolOf(db);
      const running = pool.run(attempt);
      try {
        return await withDeadline(running, Math.max(0, endsAt - performance.now()), () => committing);
      } catch (error) {
        leaveIfUnfit(pool, error);
        // Whatever became of its connection, one that was not to be committed yet has done nothing.
        const mayRepeat = isRetryable(error) || isReadOnly(error) || (!committing && isConnectionFault(error));
        if (attempts < attemptsMax && mayRepeat) continue;
        toldLate = true;
        const told = translateDatabaseError(error);
        const isInDoubt = committing && told instanceof ShopError && told.code === 'unavailable';
        throw isInDoubt ? new InDoubtError(told, running.then(nothing, nothing)) : told;
      }
    }
  });
}

/**
 * Runs a query that only reads, again when its connection breaks or leads to a server that takes no writes, or when what
 * it had prepared is gone, until `endsAt` (by `performance.now()`).
 * @throws {ShopError} `unavailable` when Postgres is out of reach or silent
 */
export async function withReader<T>(
  db: Database,
  work: (reader: Reader) => Promise<T>,
  endsAt = waitEndsAt(),
): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    const pool = poolOf(db);
    try {
      return await withDeadline(
        pool.run(() => work(db)),
        Math.max(0, endsAt - performance.now()),
      );
    } catch (error) {
      leaveIfUnfit(pool, error);
      // There are other connections than the one that broke.
      const mayRepeat = isRetryable(error) || isReadOnly(error) || isConnectionFault(error);
      if (attempts < attemptsMax && mayRepeat) continue;
      throw translateDatabaseError(error);
    }
  }
}

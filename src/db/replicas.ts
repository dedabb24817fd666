import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { createBatcher } from '../lib/batcher.ts';
import { databaseWaitMsMax, waitEndsAt, withDeadline } from '../lib/deadline.ts';
import { type Database, openDatabase, poolOf, type Reader } from './client.ts';
import { ReadOnlyServerError, translateDatabaseError } from './errors.ts';
import { withReader } from './transaction.ts';

/** Which server a read came from, and why a replica that was asked did not serve it. */
export type ReadServer = 'primary' | 'replica';
export type Refusal = 'behind' | 'failed';

export type Replicas = {
  /** Runs a query that only reads. Its answer is no older than the primary's would have been when this was called. */
  read: <T>(work: (reader: Reader) => Promise<T>) => Promise<T>;
  close: (timeoutMs: number) => Promise<void>;
};

/** `onError` hears of what went wrong with this replica. */
type ReplicaOptions = { url: string; onError: (error: unknown) => void };

type Replica = {
  db: Database;
  onError: ReplicaOptions['onError'];
  /** Nobody asks it before (by `performance.now()`). */
  restsUntil: number;
  close: (timeoutMs: number) => Promise<void>;
};

/** How far the log of the primary has come, and on which timeline, which changes when another server takes over. */
type Position = { lsn: string; timeline: number };

/** What a replica can say to a position: that it has come so far, that it has not, or that it is no replica of this primary. */
type Progress = 'current' | 'behind' | 'elsewhere';

const poolSize = 4;
/** A replica that takes longer than this, connecting included, costs more than it spares. */
const replicaMsMax = 500;
/** How long a read waits for a replica that lags a little, as all do right after a write. */
const catchUpMsMax = 50;
const catchUpPollMs = 5;
const restMs: Record<Refusal, number> = { behind: 500, failed: 5_000 };

/**
 * Opens replicas of a primary; the first read connects. Each read asks the primary how far its log has come, once for
 * all that ask together, and a replica answers only if it has replayed as much. It is the primary's turn when the
 * replica has not, fails, or takes too long; such a replica is left alone for a moment. Without any replica, each read
 * goes to the primary as if this were not here.
 */
export function openReplicas(
  primary: Database,
  given: ReplicaOptions[],
  { onRead, onRefused }: { onRead: (server: ReadServer) => void; onRefused: (reason: Refusal) => void },
): Replicas {
  const replicas = given.map(({ url, onError }): Replica => {
    const options = { poolSize, applicationName: 'shop replica reads', statementTimeoutMs: replicaMsMax };
    return { ...openDatabase(url, options), onError, restsUntil: 0 };
  });
  let turn = 0;

  const positions = createBatcher<void, Position>({
    batchesMax: 2,
    batchSizeMax: 1_000,
    waitingMax: Number.POSITIVE_INFINITY,
    deadlineMs: databaseWaitMsMax,
    run: async (askers) => {
      const position = await withReader(primary, readPosition);
      return askers.map(() => position);
    },
  });

  /** The next one in turn that does not rest. */
  function nextReplica(): Replica | undefined {
    for (let tried = 0; tried < replicas.length; tried += 1) {
      turn = (turn + 1) % replicas.length;
      const replica = replicas[turn];
      if (replica && replica.restsUntil <= performance.now()) return replica;
    }
    return undefined;
  }

  function refuse(replica: Replica, reason: Refusal): undefined {
    replica.restsUntil = performance.now() + restMs[reason];
    onRefused(reason);
    return undefined;
  }

  async function readFromReplica<T>(work: (reader: Reader) => Promise<T>): Promise<{ answer: T } | undefined> {
    const replica = nextReplica();
    if (!replica) return undefined;
    // Without a position nothing proves a replica current.
    const position = await positions.add().catch(() => undefined);
    if (!position) return undefined;
    try {
      return (await ask(replica.db, position, work)) ?? refuse(replica, 'behind');
    } catch (error) {
      replica.onError(translateDatabaseError(error));
      return refuse(replica, 'failed');
    }
  }

  return {
    read: async (work) => {
      const endsAt = waitEndsAt();
      const found = await readFromReplica(work);
      const { answer } = found ?? { answer: await withReader(primary, work, endsAt) };
      onRead(found ? 'replica' : 'primary');
      return answer;
    },
    close: async (timeoutMs) => {
      await Promise.all(replicas.map((replica) => replica.close(timeoutMs)));
    },
  };
}

/**
 * What was committed for others to see when this began lies before the position: it has been flushed, unless commits do
 * not wait for that. What is not flushed is not sent to replicas either, so asking for more would ask too much.
 */
async function readPosition(reader: Reader): Promise<Position> {
  const [row] = await reader.execute<Position & { writable: boolean }>(sql`
    select current_setting('transaction_read_only') = 'off' as writable, lsn::text, ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int as timeline
    from (select case when current_setting('synchronous_commit') = 'off'
      then pg_current_wal_insert_lsn() else pg_current_wal_flush_lsn() end as lsn) as log`);
  if (!row) throw new Error('the primary gave no position');
  if (!row.writable) throw new ReadOnlyServerError();
  return row;
}

/**
 * Runs `work` on a replica once that has replayed the position; undefined if it has not done so in time. All of it is
 * one transaction, so that one server answers whatever stands in between, and each statement in it sees what had been
 * replayed when it began.
 */
function ask<T>(
  db: Database,
  position: Position,
  work: (reader: Reader) => Promise<T>,
): Promise<{ answer: T } | undefined> {
  const endsAt = performance.now() + replicaMsMax;
  const pool = poolOf(db);
  const asked = pool.run(() =>
    db.transaction(async (tx) => {
      const progress = await catchUp(tx, position, Math.min(endsAt, performance.now() + catchUpMsMax));
      if (progress === 'current') return { answer: await work(tx) };
      if (progress === 'elsewhere') pool.leave();
      return undefined;
    }),
  );
  return withDeadline(asked, replicaMsMax).catch((error) => {
    // Another server may have its address by now.
    pool.leave();
    throw error;
  });
}

async function catchUp(reader: Reader, position: Position, endsAt: number): Promise<Progress> {
  while (performance.now() < endsAt) {
    const progress = await readProgress(reader, position);
    if (progress !== 'behind') return progress;
    await sleep(catchUpPollMs);
  }
  return 'behind';
}

/** A server that has been promoted is elsewhere, and so is one that still follows a primary that has been replaced. */
async function readProgress(reader: Reader, { lsn, timeline }: Position): Promise<Progress> {
  const [row] = await reader.execute<{ progress: Progress }>(sql`
    select case when not pg_is_in_recovery() or timeline_id <> ${timeline} then 'elsewhere'
      when pg_last_wal_replay_lsn() >= ${lsn}::pg_lsn then 'current' else 'behind' end as progress
    from pg_control_checkpoint()`);
  return row?.progress ?? 'behind';
}

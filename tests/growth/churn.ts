import type { Sql } from 'postgres';
import { eventually } from '../support/wait.ts';

/** A row in every page or so: the least that a statement can count on. */
const updatesAtOnce = 50;
/** A page has room for the rows of about so many statements. */
const stoodStillMax = 5;

export type Churn = {
  /** Of all updates, those that stayed on their page and touched no index. */
  hotShare: number;
  /** Size afterwards as a multiple of the size before. */
  tableGrowth: number;
  indexGrowth: number;
  /** Whether somebody else had a snapshot of the database, or a transaction for long, which keep old rows in their room. */
  watched: boolean;
};

/**
 * Changes the stock of some products again and again, as their orders would.
 * @param undisturbedWithinMs so long, what somebody has watched is done again, on the table as that has left it
 */
export async function changeStockOften(
  db: Sql,
  { updates, products, undisturbedWithinMs = 0 }: { updates: number; products: number; undisturbedWithinMs?: number },
): Promise<Churn> {
  // One session for all of it, because each tells the statistics of its own updates alone, and late unless it is asked.
  const session = await db.reserve();
  try {
    // Rewritten, because pages that were filled before they were told to leave room have none.
    await session`vacuum (full, analyze) products`;
    const rows = await session<{ id: string }[]>`select id from products order by md5(id::text) limit ${products}`;
    const ids = rows.map(({ id }) => id);
    return await eventually(
      async () => {
        const churn = await churnOnce(session, ids, updates);
        if (!churn.watched || undisturbedWithinMs === 0) return churn;
        await session`vacuum products`;
        return null;
      },
      { withinMs: undisturbedWithinMs },
    );
  } finally {
    session.release();
  }
}

async function churnOnce(db: Sql, products: string[], updates: number): Promise<Churn> {
  const before = await measure(db);
  let watched = false;
  let oldest = '';
  let stoodStill = 0;
  for (let done = 0; done < updates; done += updatesAtOnce) {
    const first = done % products.length;
    const ids = products.slice(first, first + updatesAtOnce);
    await db`update products set stock = stock + 1, version = version + 1, updated_at = now()
      where id = any(${ids}::uuid[])`;
    const running = await oldestTransaction(db);
    stoodStill = running === oldest ? stoodStill + 1 : 0;
    oldest = running;
    watched ||= stoodStill >= stoodStillMax || (await isWatched(db));
  }
  const after = await measure(db);
  return {
    hotShare: (after.hot - before.hot) / (after.updates - before.updates),
    tableGrowth: after.bytes / before.bytes,
    indexGrowth: after.indexBytes / before.indexBytes,
    watched,
  };
}

/**
 * The oldest transaction that runs, in any database of the server: until it ends, a session learns of no rows that nobody
 * needs any more.
 */
async function oldestTransaction(db: Sql): Promise<string> {
  const [row] = await db<{ oldest: string }[]>`select pg_snapshot_xmin(pg_current_snapshot())::text as oldest`;
  return row?.oldest ?? '';
}

async function isWatched(db: Sql): Promise<boolean> {
  const others = await db`
    select 1 from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null`;
  return others.length > 0;
}

async function measure(db: Sql) {
  await db`select pg_stat_force_next_flush()`;
  const [row] = await db<{ updates: number; hot: number; bytes: number; indexBytes: number }[]>`
    select n_tup_upd::int as updates, n_tup_hot_upd::int as hot,
      pg_relation_size('products')::float8 as bytes, pg_indexes_size('products')::float8 as "indexBytes"
    from pg_stat_user_tables where relname = 'products'`;
  if (!row) throw new Error('There are no statistics of products.');
  return row;
}

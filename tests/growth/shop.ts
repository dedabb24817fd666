import type { Sql, TransactionSql } from 'postgres';
import { openDatabase } from '../../src/db/client.ts';
import { customPlanMark } from '../../src/db/planning.ts';
import { seedShop } from '../../src/db/seed.ts';
import { type Shop, startShop } from '../support/shop.ts';
import { eventually } from '../support/wait.ts';
import { openRecorder, type Recorded, recordingSettings } from './recorder.ts';
import { isAside } from './statements.ts';
import { walkThrough } from './walk.ts';

export type Size = { products: number; customers: number; orders: number };

const statusIntervalMs = 3_600_000;

/** So many that a sample shows them to be more than are counted. */
const keepsakeCount = 40_000;

/** So often, a prepared statement has been run when it gets the plan that it keeps. */
const runsUntilPlanKept = 6;

/**
 * A shop with one API process, no worker, and a database of a size.
 * @param copies how many products are alike but for price and age; the more, the sooner they are made
 */
export async function startGrownShop(size: Size, copies = 1): Promise<Shop> {
  const shop = await startShop({ workers: 0 });
  // An analysis under way would keep the vacuum from marking pages as visible to all.
  await setAutovacuum(shop.db, 'off');
  const { db, close } = openDatabase(shop.databaseUrl, { poolSize: 1, applicationName: 'test' });
  const given = { currency: 'USD', now: new Date(), passwordHash: 'x', statusIntervalMs, onProgress: () => {} };
  await seedShop(db, { ...given, products: Math.ceil(size.products / copies), customers: 0, orders: 0 });
  if (copies > 1) await multiplyProducts(shop.db, copies);
  await seedShop(db, { ...given, ...size, products: 0 });
  await close(1_000);
  await addKeepsakes(shop.db);
  // A day's worth of keys.
  await shop.db`
    insert into idempotency_records (customer_id, key, request_hash, response, created_at)
    select customer_id, id::text, 'hash', '{}', now() from orders order by id desc limit ${Math.ceil(size.orders / 10)}`;
  await shop.db`vacuum analyze`;
  await setAutovacuum(shop.db, 'on');
  return shop;
}

/** Makes several products of each, in the order of their ages, with the words that are folded already. */
async function multiplyProducts(db: Sql, copies: number): Promise<void> {
  await withoutFolding(db, async (tx) => {
    await tx`create temporary table copied on commit drop as select * from products`;
    await tx`truncate products cascade`;
    await tx`
      insert into products (id, name, description, price_cents, stock, created_at, updated_at, search)
      select uuid_v7(made_at), name, description, price_cents + n, stock, made_at, made_at, search
      from copied, generate_series(0, ${copies - 1}) n,
        lateral (select created_at + n * interval '1 second') as moment (made_at)
      order by made_at`;
  });
}

/**
 * Adds more products of one word than a search counts exactly, which are older than all others, dearer, and the last by
 * name. The first one's words are folded, and are those of the rest.
 */
async function addKeepsakes(db: Sql): Promise<void> {
  const keepsakes = (from: number, to: number, search: string) => `
    insert into products (id, name, description, price_cents, stock, created_at, updated_at, search)
    select uuid_v7(made_at), '\u{ff3a} Keepsake', null, 900000000 + n, 1, made_at, made_at, ${search}
    from generate_series(${from}, ${to}) n, lateral (select timestamptz '2001-01-01' + n * interval '1 second') as moment (made_at)`;
  await db.unsafe(keepsakes(0, 0, 'null'));
  await withoutFolding(db, (tx) =>
    tx.unsafe(keepsakes(1, keepsakeCount - 1, '(select search from products where price_cents = 900000000)')),
  );
}

/** Folding the words of a product takes longer than all else about it. */
async function withoutFolding(db: Sql, insert: (tx: TransactionSql) => Promise<unknown>): Promise<void> {
  await db.begin(async (tx) => {
    await tx`alter table products disable trigger products_fold_search`;
    await insert(tx);
    await tx`alter table products enable always trigger products_fold_search`;
  });
}

/** Lets autovacuum at every table or at none; what it has begun to analyze is finished then. */
export async function setAutovacuum(db: Sql, enabled: 'on' | 'off'): Promise<void> {
  const tables = await db`select relname as name from pg_stat_user_tables where schemaname = 'public'`;
  for (const { name } of tables) await db`alter table ${db(name)} set (autovacuum_enabled = ${db.unsafe(enabled)})`;
  await eventually(
    async () => (await db`select 1 from pg_stat_progress_analyze where datname = current_database()`).length === 0,
    { withinMs: 20_000 },
  );
}

/**
 * Walks through a shop whose statements are recorded, with one API process and one worker of their own.
 * @param planCacheMode `force_generic_plan` shows what a prepared statement can come to
 */
export async function recordWalk(
  shop: Shop,
  planCacheMode: 'auto' | 'force_generic_plan',
): Promise<{ routes: Set<string>; recorded: Recorded[] }> {
  const recordedUrl = new URL(shop.databaseUrl);
  const server = new URL(process.env.TEST_DATABASE_URL ?? '');
  const recorder = await openRecorder(Number(server.port));
  recordedUrl.port = String(recorder.port);
  const settings = { ...recordingSettings, plan_cache_mode: planCacheMode };
  for (const [name, value] of Object.entries(settings)) {
    await shop.db.unsafe(`alter database ${recordedUrl.pathname.slice(1)} set ${name} = '${value}'`);
  }
  const env = { DATABASE_URL: recordedUrl.href };
  const api = await shop.startApi(env);
  const worker = await shop.startWorker(env);
  try {
    const routes = await walkThrough(
      { ...shop, url: api.url },
      recordedUrl.href,
      planCacheMode === 'auto'
        ? { repeats: runsUntilPlanKept, customPlansToo: true }
        : { repeats: 1, customPlansToo: false },
    );
    // What is planned each time has no plan to keep.
    const isOfMode = (text: string) => planCacheMode === 'auto' || !text.includes(customPlanMark);
    const recorded = recorder.take().filter(({ text }) => !isAside(text) && isOfMode(text));
    return { routes, recorded };
  } finally {
    await Promise.all([worker.kill(), api.kill()]);
    await recorder.close();
    for (const name of Object.keys(settings)) {
      await shop.db.unsafe(`alter database ${recordedUrl.pathname.slice(1)} reset ${name}`);
    }
  }
}

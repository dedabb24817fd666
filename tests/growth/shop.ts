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

/**
 * A shop with one API process, no worker, and a database of a size.
 * @param copies how many products are alike but for price and age; the more, the sooner they are made
 */
export async function startGrownShop(size: Size, copies = 1): Promise<Shop> {
  const shop = await startShop({ workers: 0, env: { TRUST_PROXY: '1' } });
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
  // A few sign-ins and changes of each customer.
  await shop.db`
    insert into sessions (id, customer_id, address, created_at, expires_at)
    select uuid_v7(now()), id, '192.0.2.1', now(), now() + interval '1 day' from customers, generate_series(1, 3)`;
  // Every fourth customer has a second factor.
  await shop.db`
    insert into second_factors (customer_id, secret, created_at, confirmed_at)
    select id, 'sealed', now(), now() from (select id, row_number() over (order by id) as n from customers) c where n % 4 = 0`;
  await shop.db`
    insert into recovery_codes (customer_id, code_hash)
    select customer_id, number::text from second_factors, generate_series(1, 10) as number`;
  // More keys than any shop gives out.
  await shop.db`
    insert into api_keys (id, name, scopes, key_hash, created_by, created_at)
    select uuid_v7(now()), 'Warehouse', array['orders:read'], id::text, id, now() from customers order by customers.id limit 2000`;
  await shop.db`
    insert into audit_events (id, at, actor_kind, actor_id, action, subject_kind, subject_id, changes)
    select uuid_v7(now()), now(), 'customer', id, action, 'customer', id, '{}'
    from customers, unnest(array['customer.created', 'customer.updated', 'customer.password_changed']) as action`;
  // Mails of each account, with tokens that stand.
  await shop.db`
    insert into mails (kind, customer_id, address, state, created_at, sent_at)
    select kind, id, email, 'sent', now() - interval '1 day', now() - interval '1 day'
    from customers, unnest(array['password_reset', 'email_verification']) as kind`;
  await shop.db`insert into mail_tokens select customer_id, kind, id from mails where kind <> 'order_status'`;
  // One webhook that has been told of many orders, and one that waits for a receiver that is away.
  await shop.db`
    with made as (
      insert into webhooks (id, url, events, secret, failing_since, created_at, updated_at)
      select uuid_v7(), 'http://127.0.0.1:1/', '{*}', 'whsec_AAAA', failing_since, now(), now()
      from unnest(array[null, now()]) as failing_since
      returning id, failing_since is not null as failing
    )
    insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, state, due_at, created_at, sent_at)
    select made.id, 'order.' || status, told.id, run, '{}', case when failing then 'queued' else 'sent' end,
      case when failing then now() + interval '6 hours' end, created_at, case when not failing then created_at end
    from made cross join (select * from orders order by id desc limit 12000) as told`;
  await shop.db`vacuum analyze`;
  await setAutovacuum(shop.db, 'on');
  return shop;
}

/** Makes several products of each, in the order of their ages, with the words that are folded already. */
async function multiplyProducts(db: Sql, copies: number): Promise<void> {
  await inBulk(db, async (tx) => {
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
  await inBulk(db, (tx) =>
    tx.unsafe(keepsakes(1, keepsakeCount - 1, '(select search from products where price_cents = 900000000)')),
  );
}

/** Without what takes longer than all else: folding the words of each product, and each row's way into the indexes. */
async function inBulk(db: Sql, insert: (tx: TransactionSql) => Promise<unknown>): Promise<void> {
  await db.begin(async (tx) => {
    await tx`alter table products disable trigger products_fold_search`;
    await tx`set local session_replication_role = replica`;
    const indexes = await tx<{ name: string; definition: string }[]>`
      select relname as name, pg_get_indexdef(oid) as definition from pg_class join pg_index on indexrelid = oid
      where indrelid = 'products'::regclass and not indisunique`;
    for (const { name } of indexes) await tx`drop index ${tx(name)}`;
    await insert(tx);
    for (const { definition } of indexes) await tx.unsafe(definition);
    await tx`
      insert into stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
      select uuid_v7(now()), id, stock, 'created', stock, 'system', created_at from products
      where stock <> 0 and not exists (select from stock_changes where product_id = products.id)`;
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
 * @param repeats how often each statement is run, at least
 */
export async function recordWalk(
  shop: Shop,
  planCacheMode: 'auto' | 'force_generic_plan',
  repeats = 1,
): Promise<{ routes: Set<string>; recorded: Recorded[] }> {
  const recordedUrl = new URL(shop.databaseUrl);
  const server = new URL(process.env.TEST_DATABASE_URL ?? '');
  const recorder = await openRecorder(Number(server.port));
  recordedUrl.port = String(recorder.port);
  const settings = { ...recordingSettings, plan_cache_mode: planCacheMode };
  for (const [name, value] of Object.entries(settings)) {
    await shop.db.unsafe(`alter database ${recordedUrl.pathname.slice(1)} set ${name} = '${value}'`);
  }
  const env = { DATABASE_URL: recordedUrl.href, WEBHOOK_TARGETS: 'any' };
  const api = await shop.startApi(env);
  const worker = await shop.startWorker(env);
  try {
    const routes = await walkThrough({ ...shop, url: api.url }, recordedUrl.href, {
      repeats,
      customPlansToo: planCacheMode === 'auto',
    });
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

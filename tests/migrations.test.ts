import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import journal from '../drizzle/meta/_journal.json' with { type: 'json' };
import { migrateDatabase } from '../src/db/migrate.ts';
import { orderNumber } from '../src/schema/order-numbers.ts';
import { createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const root = join(import.meta.dir, '..');

/** The migrations of this shop before the one with this tag, in a directory of their own. */
function migrationsBefore(tag: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'shop-migrations-'));
  cpSync(join(root, 'drizzle'), folder, { recursive: true });
  const entries = journal.entries.slice(
    0,
    journal.entries.findIndex((entry) => entry.tag === tag),
  );
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  return folder;
}

/** The migrations of this shop, and one more, in a directory of their own. */
function withMigration(sql: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'shop-migrations-'));
  cpSync(join(root, 'drizzle'), folder, { recursive: true });
  const tag = '9999_one_more';
  const when = Math.max(...journal.entries.map((entry) => entry.when)) + 1;
  const entries = [...journal.entries, { idx: journal.entries.length, version: '7', when, tag, breakpoints: true }];
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  writeFileSync(join(folder, `${tag}.sql`), sql);
  return folder;
}

async function applied(db: Sql): Promise<number[]> {
  const rows = await db<{ when: number }[]>`
    select created_at::float8 as when from drizzle.__drizzle_migrations order by created_at`;
  return rows.map(({ when }) => when);
}

/** The kinds of locks that migrating processes wait for. */
async function migrationsWaitFor(db: Sql): Promise<string[]> {
  const rows = await db<{ lock: string }[]>`
    select wait_event as lock from pg_stat_activity
    where datname = current_database() and application_name = 'shop migrate' and wait_event_type = 'Lock'`;
  return rows.map(({ lock }) => lock);
}

describe('db:migrate', () => {
  const known = journal.entries.map((entry) => entry.when);
  let shop: Shop;

  beforeAll(async () => {
    shop = await startShop({ workers: 0 });
  });

  afterAll(() => shop.stop());

  test('in an empty database › by six processes at once › applies each migration once', async () => {
    const url = new URL(shop.databaseUrl);
    url.pathname += '_empty';
    await shop.db.unsafe(`create database ${url.pathname.slice(1)}`);
    const db = postgres(url.href, { max: 1 });
    const runs = Array.from({ length: 6 }, async () => {
      const child = Bun.spawn([process.execPath, 'scripts/migrate.ts'], {
        cwd: root,
        env: { DATABASE_URL: url.href },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [output, faults] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      return { code: await child.exited, output: output + faults };
    });
    try {
      const outcomes = await Promise.all(runs);
      expect(outcomes).toEqual(runs.map(() => ({ code: 0, output: 'The database has the newest schema.\n' })));
      expect(await applied(db)).toEqual(known);
    } finally {
      await db.end();
      await shop.db.unsafe(`drop database ${url.pathname.slice(1)} with (force)`);
    }
  });

  test('while a transaction holds the table › lets requests go first, says who holds it, and lands in the end', async () => {
    const product = await createProduct(shop.url, await signInAdmin(shop.url), { stock: 10_000 });
    const { token } = await registerCustomer(shop.url);
    const place = () => placeOrder(shop.url, token, [{ productId: product.id, quantity: 1 }]);
    const list = () => request(shop.url, 'GET', '/api/orders', { token });
    const folder = withMigration('ALTER TABLE "orders" ADD COLUMN "note" text;');

    const report = await shop.db.reserve();
    const [session] = await report<{ pid: number }[]>`
      select pg_backend_pid() as pid, set_config('application_name', 'forgotten report', false)`;
    await report`begin`;
    await report`select 1 from orders`;

    const waits: string[] = [];
    const migrate = () => migrateDatabase(shop.databaseUrl, { folder, onWait: (reason) => waits.push(reason) });
    const migrating = Promise.all([migrate(), migrate()]);
    try {
      await eventually(async () => (await migrationsWaitFor(shop.db)).includes('relation'));
      // What comes now stands in line behind the migration.
      while (waits.length === 0) {
        const [order, orders] = await Promise.all([place(), list()]);
        expect([order.status, orders.status]).toEqual(['pending', 200]);
      }
      // Requests that had to wait as long may be named beside it.
      expect(waits[0]).toMatch(
        new RegExp(`process ${session?.pid} \\(forgotten report, idle in transaction\\) began .+ and holds orders\\b`),
      );
      expect(await applied(shop.db)).toEqual(known);
      // The second one does not make requests wait while the first one pauses.
      await place();
      expect(await migrationsWaitFor(shop.db)).toEqual(['advisory']);
    } finally {
      await report`commit`;
      report.release();
    }
    await migrating;
    expect(await applied(shop.db)).toHaveLength(known.length + 1);
    const { id } = await place();
    const [row] = await shop.db`select note from orders where id = ${id}`;
    expect(row).toEqual({ note: null });
    rmSync(folder, { recursive: true });
  });

  test('while it and somebody else wait for each other › gives way, tries again, and lands in the end', async () => {
    const database = `${new URL(shop.databaseUrl).pathname.slice(1)}_deadlock`;
    const url = new URL(shop.databaseUrl);
    url.pathname = `/${database}`;
    await shop.db.unsafe(`create database ${database}`);
    await migrateDatabase(url.href);
    const db = postgres(url.href, { max: 2, onnotice: () => {} });
    const folder = withMigration(`
      ALTER TABLE "products" ADD COLUMN "deadlock_note" text;--> statement-breakpoint
      ALTER TABLE "orders" ADD COLUMN "deadlock_note" text;`);
    const other = await db.reserve();
    try {
      await other`begin`;
      // So that it is the migration that finds the deadlock, and gives way.
      await other`set local deadlock_timeout = '1min'`;
      await other`select 1 from orders`;
      const waits: string[] = [];
      const migrating = migrateDatabase(url.href, { folder, onWait: (reason) => waits.push(reason) });
      await eventually(async () => (await migrationsWaitFor(db)).includes('relation'));
      await other`select 1 from products`;
      await eventually(() => waits.length > 0);
      await other`commit`;
      await migrating;
      expect(await applied(db)).toHaveLength(known.length + 1);
    } finally {
      await other`rollback`;
      other.release();
      await db.end();
      await shop.db.unsafe(`drop database ${database} with (force)`);
      rmSync(folder, { recursive: true });
    }
  });

  test.each(['0002_growth', '0003_admins', '0004_any_locale'])(
    'where the indexes of %s were made by hand beforehand › takes them as they are',
    async (tag) => {
      const database = `${new URL(shop.databaseUrl).pathname.slice(1)}_by_hand`;
      const url = new URL(shop.databaseUrl);
      url.pathname = `/${database}`;
      await shop.db.unsafe(`create database ${database}`);
      const folder = migrationsBefore(tag);
      const db = postgres(url.href, { max: 1, onnotice: () => {} });
      try {
        await migrateDatabase(url.href, { folder });
        const statements = readFileSync(join(root, `drizzle/${tag}.sql`), 'utf8').match(
          /^CREATE (UNIQUE )?INDEX [^;]+/gm,
        );
        expect(statements).not.toBeEmpty();
        for (const statement of statements ?? []) {
          await db.unsafe(statement.replace(/INDEX( IF NOT EXISTS)?/, 'INDEX CONCURRENTLY'));
        }
        const indexes = () => db`select indexrelid from pg_index where indisvalid order by 1`.values();
        const before = await indexes();
        await migrateDatabase(url.href);
        expect(await applied(db)).toEqual(known);
        expect(await indexes()).toEqual(expect.arrayContaining(before));
      } finally {
        await db.end();
        await shop.db.unsafe(`drop database ${database} with (force)`);
        rmSync(folder, { recursive: true });
      }
    },
  );

  test('where products were written before words were folded › folds them in batches, and keeps what the release before looks for', async () => {
    const url = new URL(shop.databaseUrl);
    url.pathname += '_unfolded';
    await shop.db.unsafe(`create database ${url.pathname.slice(1)}`);
    const folder = migrationsBefore('0007_folded_search');
    const db = postgres(url.href, { max: 1, onnotice: () => {} });
    try {
      await migrateDatabase(url.href, { folder });
      // More than a batch of them.
      await db`
        insert into products (id, name, description, price_cents, stock, created_at, updated_at)
        select uuid_v7(), case n % 2 when 0 then 'École ' else 'plain ' end || n, 'Crème', n, 1, now(), now()
        from generate_series(1, 1200) n`;
      const [before] = await db`select id, search from products where price_cents = 1`;
      await migrateDatabase(url.href);
      expect(await applied(db)).toEqual(known);
      const found = async (words: string) =>
        (await db`select count(*)::int as count from products where search @@ ${words}::tsquery`)[0]?.count;
      expect(await Promise.all([`'ecole'`, `'creme'`, `'plain'`].map(found))).toEqual([600, 1_200, 600]);
      const former = await db`
        select 1 from products where search @@ to_tsquery('simple', 'École') and search @@ to_tsquery('simple', 'crème')`;
      expect(former).toHaveLength(600);
      const [words] = await db`
        select array_agg(word order by word) as all from product_words where word >= 'a' and word < 'é'`;
      expect(words?.all).toEqual(['creme', 'crème', 'ecole', 'plain']);

      // The release before names no words, in a new product or in one that it changes.
      await db`
        insert into products (id, name, price_cents, stock, created_at, updated_at)
        values (uuid_v7(), 'Žížala', 0, 1, now(), now())`;
      await db`update products set name = 'Šála', version = version + 1 where id = ${before?.id}`;
      expect(await Promise.all([`'zizala'`, `'sala'`, `'plain'`].map(found))).toEqual([1, 1, 599]);
    } finally {
      await db.end();
      await shop.db.unsafe(`drop database ${url.pathname.slice(1)} with (force)`);
      rmSync(folder, { recursive: true });
    }
  });

  test('where stock was not booked before › books what there was, once, and what the release before does from then on', async () => {
    const url = new URL(shop.databaseUrl);
    url.pathname += '_unbooked';
    await shop.db.unsafe(`create database ${url.pathname.slice(1)}`);
    const folder = migrationsBefore('0013_catalogue');
    const db = postgres(url.href, { max: 1, onnotice: () => {} });
    /** What the release before sends when products are made, replaced and ordered. */
    const insert = (name: string, stock: number) => db`
      insert into products (id, name, description, price_cents, stock, created_at, updated_at)
      values (uuid_v7(), ${name}, null, 1, ${stock}, now(), now())`;
    const replace = (name: string, stock: number) => db`
      update products set name = ${name}, description = null, price_cents = 2, stock = ${stock}, version = version + 1
      where name = ${name}`;
    const takeStock = (name: string, units: number) => db`
      update products set stock = stock - ${units}, version = version + 1 where name = ${name}`;
    const addOrder = (name: string, units: number, status: string) => db`
      with placed as (
        insert into orders (id, customer_id, status, total_cents, currency, created_at, updated_at)
        select uuid_v7(), id, ${status}, 0, 'USD', now(), now() from customers returning id
      )
      insert into order_items (order_id, product_id, position, name, quantity, unit_price_cents)
      select placed.id, products.id, 0, 'x', ${units}, 1 from placed, products where products.name = ${name}`;
    const bookedOf = async (name: string) => {
      const rows = await db<{ reason: string; change: number; after: number; actor: string }[]>`
        select reason, change::int, stock_after as after, actor_kind as actor from stock_changes
        join products on products.id = product_id where products.name = ${name} order by stock_changes.id`;
      return rows.map(({ reason, change, after, actor }) => `${reason} ${change} ${after} ${actor}`);
    };
    try {
      await migrateDatabase(url.href, { folder });
      await db`
        insert into customers (id, name, email, password_hash, created_at, updated_at)
        values (uuid_v7(), 'Ada', 'ada@example.com', 'x', now(), now())`;
      // More than a batch of them.
      await db`
        insert into products (id, name, price_cents, stock, created_at, updated_at)
        select uuid_v7(), 'Row ' || n, 1, 1, now(), now() from generate_series(1, 1100) n`;
      await insert('mug', 7);
      await insert('sold out', 0);
      await addOrder('mug', 2, 'delivered');
      await addOrder('mug', 4, 'cancelled');
      await addOrder('sold out', 3, 'delivered');
      // Large shops make columns and indexes beforehand.
      const statements = readFileSync(join(root, 'drizzle/0013_catalogue.sql'), 'utf8').match(
        /^(ALTER TABLE "products"\s+ADD|CREATE (UNIQUE )?INDEX .* ON "products") [^;]+/gm,
      );
      expect(statements).toHaveLength(3);
      for (const statement of statements ?? []) {
        await db.unsafe(statement.replace('INDEX IF NOT EXISTS', 'INDEX CONCURRENTLY'));
      }
      await Promise.all([migrateDatabase(url.href), migrateDatabase(url.href)]);
      expect(await applied(db)).toEqual(known);
      expect(await bookedOf('mug')).toEqual(['opening 9 7 system']);
      expect(await bookedOf('sold out')).toEqual(['opening 3 0 system']);
      const [rows] = await db`
        select count(*)::int as count, sum(change)::int as units from stock_changes
        join products on products.id = product_id where products.name like 'Row %'`;
      expect(rows).toEqual({ count: 1_100, units: 1_100 });

      await replace('mug', 5);
      await replace('mug', 5);
      await takeStock('mug', 1);
      await insert('pot', 4);
      await insert('jug', 0);
      await replace('jug', 6);
      expect(await bookedOf('mug')).toEqual(['opening 9 7 system', 'edited -2 5 system']);
      expect(await bookedOf('pot')).toEqual(['created 4 4 system']);
      expect(await bookedOf('jug')).toEqual(['edited 6 6 system']);
    } finally {
      await db.end();
      await shop.db.unsafe(`drop database ${url.pathname.slice(1)} with (force)`);
      rmSync(folder, { recursive: true });
    }
  });

  test('numbers the orders that were there, each once, though ids of several come to one', async () => {
    const url = new URL(shop.unpooledUrl);
    url.pathname += '_unnumbered';
    await shop.db.unsafe(`create database ${url.pathname.slice(1)}`);
    const folder = migrationsBefore('0015_order_numbers');
    const db = postgres(url.href, { max: 1, onnotice: () => {} });
    try {
      await migrateDatabase(url.href, { folder });
      await db`
        insert into customers (id, name, email, password_hash, created_at, updated_at)
        values (uuid_v7(), 'Ada', 'ada@example.com', 'x', now(), now())`;
      const insert = (id: string) => db`
        insert into orders (id, customer_id, status, total_cents, currency, created_at, updated_at)
        select ${id}, id, 'cancelled', 0, 'USD', now(), now() from customers returning id`;
      // More than a batch of them, and ids with one end: two within a batch, one in another.
      await db`
        insert into orders (id, customer_id, status, total_cents, currency, created_at, updated_at)
        select uuid_v7(), customers.id, 'cancelled', 0, 'USD', now(), now()
        from customers, generate_series(1, 700)`;
      const end = 'bcce-b302099a8057';
      for (const start of ['00000001', '00000002', 'fffffffe']) await insert(`${start}-ac96-774b-${end}`);
      await migrateDatabase(url.href);
      const rows = await db<{ id: string; number: string; made: string }[]>`
        select id, number, order_number(id) as made from orders order by id`;
      expect(new Set(rows.map(({ number }) => number)).size).toBe(703);
      const others = rows.filter(({ number, made }) => number !== made).map(({ id }) => id.slice(0, 8));
      expect(others).toEqual(['00000002', 'fffffffe']);
      for (const { number } of rows)
        expect(number).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{2}$/);
      for (const { id, made } of rows) expect(orderNumber(id)).toBe(made);
    } finally {
      await db.end();
      await shop.db.unsafe(`drop database ${url.pathname.slice(1)} with (force)`);
      rmSync(folder, { recursive: true });
    }
  });

  test('where a later release has migrated already › leaves it alone, and processes of this one are ready', async () => {
    const later = Math.max(...known) + 86_400_000;
    await shop.db`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of a later release', ${later})`;
    try {
      const before = await applied(shop.db);
      await migrateDatabase(shop.databaseUrl);
      expect(await applied(shop.db)).toEqual(before);
      const api = await shop.startApi();
      expect(await request(api.url, 'GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
      await shop.startWorker();
    } finally {
      await shop.db`delete from drizzle.__drizzle_migrations where created_at = ${later}`;
    }
  });
});

describe('the rules of migrations › npm run verify', () => {
  /** The rules that each statement breaks when they make up one migration. */
  async function brokenBy(statements: string[]): Promise<string[][]> {
    const command = ['node_modules/.bin/squawk', '--reporter=json', '--stdin-filepath=9999_one_more.sql'];
    const stdin = new Blob([statements.map((statement) => `${statement};\n`).join('')]);
    const child = Bun.spawn(command, { cwd: root, stdin, stdout: 'pipe', stderr: 'inherit' });
    const broken: { line: number; rule_name: string }[] = await child.stdout.json();
    expect(await child.exited).toBe(broken.length === 0 ? 0 : 1);
    return statements.map((_, place) => broken.filter(({ line }) => line === place).map((each) => each.rule_name));
  }

  test('what the release before cannot bear, or what holds up requests › is refused', async () => {
    const refused = {
      'ALTER TABLE "orders" DROP COLUMN "note"': 'ban-drop-column',
      'DROP TABLE "brands"': 'ban-drop-table',
      'ALTER TABLE "orders" RENAME COLUMN "run" TO "round"': 'renaming-column',
      'ALTER TABLE "mails" RENAME TO "letters"': 'renaming-table',
      'ALTER TABLE "orders" ALTER COLUMN "run" SET DATA TYPE bigint': 'changing-column-type',
      'ALTER TABLE "orders" ADD COLUMN "memo" text NOT NULL': 'adding-required-field',
      'ALTER TABLE "orders" ALTER COLUMN "next_status_at" SET NOT NULL': 'adding-not-nullable-field',
      'ALTER TABLE "orders" ALTER COLUMN "currency" DROP NOT NULL': 'ban-drop-not-null',
      'ALTER TABLE "orders" ADD COLUMN "code" uuid DEFAULT gen_random_uuid()': 'adding-field-with-default',
      'ALTER TABLE "orders" ADD CONSTRAINT "orders_run_check" CHECK ("run" > 0)': 'constraint-missing-not-valid',
      'CREATE INDEX IF NOT EXISTS "orders_total_idx" ON "orders" ("total_cents")': 'require-concurrent-index-creation',
      'CREATE INDEX CONCURRENTLY "orders_run_idx" ON "orders" ("run")': 'ban-concurrent-index-creation-in-transaction',
      'DROP INDEX "orders_due_idx"': 'require-concurrent-index-deletion',
    };
    const broken = await brokenBy(Object.keys(refused));
    expect(broken).toEqual(Object.values(refused).map((rule) => expect.arrayContaining([rule])));
  });

  test('what only adds, or says why it may do more › is let through', async () => {
    const allowed = [
      'CREATE TABLE "brands" ("id" uuid PRIMARY KEY NOT NULL, "name" text NOT NULL)',
      'CREATE INDEX "brands_name_idx" ON "brands" ("name")',
      'ALTER TABLE "orders" ADD COLUMN "note" text',
      `ALTER TABLE "orders" ADD COLUMN "channel" text DEFAULT 'web' NOT NULL`,
      'ALTER TABLE "orders" ADD CONSTRAINT "orders_run_check" CHECK ("run" > 0) NOT VALID',
      'ALTER TABLE "mails" VALIDATE CONSTRAINT "mails_status_check"',
      'ALTER TABLE "orders" SET (fillfactor = 85)',
      '-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX IF NOT EXISTS "i" ON "orders" ("run")',
      '-- squawk-ignore ban-drop-column\nALTER TABLE "orders" DROP COLUMN "memo"',
    ];
    expect(await brokenBy(allowed)).toEqual(allowed.map(() => []));
  });
});

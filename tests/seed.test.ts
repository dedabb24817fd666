import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { type DatabaseClient, openDatabase } from '../src/db/client.ts';
import { SeedError, type SeedOptions, seedShop } from '../src/db/seed.ts';
import { drawPicture } from '../src/lib/pictures.ts';
import { productReplacementSchema } from '../src/schema/products.ts';
import { openTestbed, type Testbed } from './support/testbed.ts';

const statusIntervalMs = 3_600_000;
const now = new Date();

let bed: Testbed;
let client: DatabaseClient;

async function open() {
  bed = await openTestbed();
  client = openDatabase(bed.databaseUrl, { poolSize: 1, applicationName: 'seed test' });
}

async function close() {
  await client.close(1_000);
  await bed.close();
}

function seed(counts: Pick<SeedOptions, 'products' | 'customers' | 'orders'>) {
  const onProgress = () => {};
  return seedShop(client.db, { ...counts, currency: 'USD', now, passwordHash: 'x', statusIntervalMs, onProgress });
}

async function counts() {
  const [row] = await bed.db`select (select count(*)::int from products) as products,
    (select count(*)::int from customers) as customers, (select count(*)::int from orders) as orders`;
  return { products: row?.products, customers: row?.customers, orders: row?.orders };
}

describe('seedShop › in an empty shop', () => {
  beforeEach(open);
  afterEach(close);

  test('orders without products › are refused › and nothing is written', async () => {
    await expect(seed({ products: 0, customers: 5, orders: 5 })).rejects.toThrow(SeedError);
    expect(await counts()).toEqual({ products: 0, customers: 0, orders: 0 });
  });

  test('the same counts a second time › add as much again › without a clash of addresses', async () => {
    await seed({ products: 30, customers: 10, orders: 40 });
    await seed({ products: 30, customers: 10, orders: 40 });
    expect(await counts()).toEqual({ products: 60, customers: 20, orders: 80 });
  });

  test('orders alone › draw on what the shop has', async () => {
    await seed({ products: 30, customers: 10, orders: 0 });
    await seed({ products: 0, customers: 0, orders: 20 });
    expect(await counts()).toEqual({ products: 30, customers: 10, orders: 20 });
    const [held] = await bed.db`
      select sum(stock)::int + (select sum(quantity)::int from order_items join orders on orders.id = order_id
        where status <> 'cancelled') as units, (select sum(change)::int from stock_changes) as booked from products`;
    expect(held?.units).toBe(held?.booked);
  });
});

describe('seedShop › when it is done', () => {
  beforeAll(async () => {
    await open();
    await seed({ products: 30, customers: 10, orders: 100 });
  });
  afterAll(close);

  test('orders › are in every status › each by a path of the lifecycle', async () => {
    const rows = await bed.db`
      select distinct string_agg(history.status, ' ' order by at) as path, orders.status,
        next_status_at is not null as moves
      from orders join order_history history on order_id = id
      group by orders.id order by path`;
    const paths = rows.map(({ path, status, moves }) => `${path}: ${status}${moves ? ' and moving' : ''}`);
    expect(paths).toEqual([
      'pending: pending and moving',
      'pending cancelled: cancelled',
      'pending processing: processing and moving',
      'pending processing cancelled: cancelled',
      'pending processing shipped: shipped and moving',
      'pending processing shipped delivered: delivered',
    ]);
  });

  test('orders › add up › and those deleted were cancelled', async () => {
    const wrong = await bed.db`
      select id from orders
      where total_cents <> (select sum(quantity * unit_price_cents) from order_items where order_id = id)
        or created_at <> (select min(at) from order_history where order_id = id)
        or next_status_at <= ${now} or next_status_at > ${new Date(now.getTime() + statusIntervalMs)}
        or (deleted_at is not null and status <> 'cancelled')`;
    expect([...wrong]).toEqual([]);
    const [deleted] = await bed.db`select count(*)::int as count from orders where deleted_at is not null`;
    expect(deleted?.count).toBeGreaterThan(0);
  });

  test('orders › mark every day before this one, so that reports count it again', async () => {
    const days = await bed.db`
      select distinct (created_at at time zone 'UTC')::date::text as day from orders
      where created_at < date_trunc('day', now(), 'UTC') order by day`;
    expect(days.length).toBeGreaterThan(5);
    expect([...(await bed.db`select distinct day::text from sales_marks order by day`)]).toEqual([...days]);
  });

  test('products › have SKUs, tags and pictures that exist › and all that is in stock or ordered is booked', async () => {
    const rows = await bed.db<{ sku: string; tags: string[]; url: string; lines: boolean; adds: boolean }[]>`
      select sku, tags, images->0->>'url' as url,
        not exists (select from order_items where product_id = products.id and order_items.sku is distinct from products.sku) as lines,
        stock + (
          select coalesce(sum(quantity), 0) from order_items join orders on orders.id = order_id
          where product_id = products.id and status <> 'cancelled'
        ) = (select coalesce(sum(change), 0) from stock_changes where product_id = products.id) as adds
      from products`;
    expect(rows).toHaveLength(30);
    expect(new Set(rows.map(({ sku }) => sku)).size).toBe(30);
    for (const { sku, tags, url, lines, adds } of rows) {
      expect(productReplacementSchema.safeParse({ name: 'x', priceCents: 1, sku, tags }).success).toBe(true);
      expect(tags).not.toBeEmpty();
      expect(drawPicture(url.replace('/media/', ''))).toStartWith('<svg ');
      expect({ lines, adds }).toEqual({ lines: true, adds: true });
    }
  });

  test('customers › have confirmed their address › but for some', async () => {
    const [row] = await bed.db`
      select count(email_verified_at)::int as confirmed, count(*)::int as all from customers`;
    expect(row?.confirmed).toBeWithin(Math.floor(row?.all / 2), row?.all);
  });

  test('mails › are one for each step › all of them sent', async () => {
    const unmatched = await bed.db`
      select 1 from order_history full join mails using (order_id, run, status)
      where at is distinct from sent_at or state is distinct from 'sent' or due_at is not null`;
    expect([...unmatched]).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { openDatabase } from '../src/db/client.ts';
import { withTransaction } from '../src/db/transaction.ts';
import { countNextDay } from '../src/domain/reports.ts';
import type { ProductBody } from '../src/schema/products.ts';
import type { SalesReport } from '../src/schema/reports.ts';
import { type Account, createProduct, placeOrder, registerCustomer, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

let shop: Shop;
let ask: Ask;
let adminToken: string;
let customer: Account;
let products: ProductBody[];
let counting: ReturnType<typeof openDatabase>;

beforeAll(async () => {
  shop = await startShop({ apis: 1, workers: 0, env: { ORDER_DELETE_AFTER: '1ms' } });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
  products = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      createProduct(shop.url, adminToken, { sku: `SKU-${n}`, priceCents: 100 + n, stock: 1_000_000 + n }),
    ),
  );
  counting = openDatabase(shop.databaseUrl, { poolSize: 1, applicationName: 'test' });
});

afterAll(async () => {
  await counting.close(1_000);
  await shop.stop();
});

const get = (query: string) => ask<SalesReport>('GET', `/api/reports/sales?${query}`, { token: adminToken });
const report = async (from: string, to: string) => {
  const { status, body } = await get(`from=${from}&to=${to}`);
  expect(status).toBe(200);
  return body;
};
const countDay = () => withTransaction(counting.db, countNextDay);
const countAll = async () => {
  while ((await countDay()) !== null);
};
/** Days are counted from the newest back to the first with an order, so those of the tests are not long ago. */
const dayAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
const today = () => dayAgo(0);
const place = (quantities: number[]) =>
  placeOrder(
    shop.url,
    customer.token,
    quantities.flatMap((quantity, n) => (quantity > 0 ? [{ productId: products[n]?.id ?? '', quantity }] : [])),
  );
const moveTo = (id: string, at: string) => shop.db`update orders set created_at = ${at} where id = ${id}`;

/** What the days hold, by a sum over the orders. */
async function sums(from: string, to: string): Promise<SalesReport['days']> {
  return [
    ...(await shop.db<SalesReport['days']>`
      select day::date::text as day, count(o.id)::int as orders, coalesce(sum(i.units), 0)::int as units,
        coalesce(sum(o.total_cents), 0)::int as "totalCents"
      from generate_series(${from}::timestamp, ${to}::timestamp, interval '1 day') as day
      left join orders o on (o.created_at at time zone 'UTC')::date = day::date and o.status <> 'cancelled' and o.deleted_at is null
      left join lateral (select sum(quantity) as units from order_items where order_id = o.id) as i on true
      group by day order by day`),
  ];
}

async function sellers(from: string, to: string) {
  return [
    ...(await shop.db`
      select product_id as "productId", p.sku, p.name, sum(quantity)::int as units,
        sum(quantity * unit_price_cents)::int as "totalCents"
      from orders o join order_items on order_id = o.id join products p on p.id = product_id
      where (o.created_at at time zone 'UTC')::date between ${from} and ${to} and status <> 'cancelled' and o.deleted_at is null
      group by product_id, p.sku, p.name order by units desc, "totalCents" desc, product_id limit 10`),
  ] as SalesReport['bestSellers'];
}

describe('GET /api/reports/sales', () => {
  test('when there is nothing to report › has every day of the span, and the lowest stocks', async () => {
    const { currency, days, bestSellers, lowStock, open } = await report('2024-02-28', '2024-03-01');
    expect(currency).toBe('USD');
    expect(days).toEqual(
      ['2024-02-28', '2024-02-29', '2024-03-01'].map((day) => ({ day, orders: 0, units: 0, totalCents: 0 })),
    );
    expect(bestSellers).toEqual([]);
    expect(lowStock).toEqual(products.map(({ id, sku, name, stock }) => ({ productId: id, sku, name, stock })));
    expect(open).toEqual({ pending: 0, processing: 0, shipped: 0, onHold: 0, late: 0 });
  });

  test('when the query is wrong › answers 422', async () => {
    expectInvalid(await get(''), 'from', 'to');
    expectInvalid(await get('from=&to=2024-01-01'), 'from');
    expectInvalid(await get('from=2024-01-01&to=2023-02-29'), 'to');
    expectInvalid(await get('from=2024-01-02&to=2024-01-01'), 'to');
    expectInvalid(await get('from=2024-01-01&to=2025-01-01'), 'to');
    expectInvalid(await get('from=2024-01-01&to=2024-01-01&nonsense='), 'nonsense');
    expect((await report('2024-01-01', '2024-12-31')).days).toHaveLength(366);
  });

  test('when orders come, go and come back, counted or not › is the sum over the orders', async () => {
    const at = fc.constantFrom(
      ...[
        `${dayAgo(12)}T00:00:00.000Z`,
        `${dayAgo(12)}T23:59:59.999Z`,
        `${dayAgo(11)}T00:00:00.000Z`,
        `${dayAgo(10)}T12:00:00.000Z`,
      ],
    );
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('place' as const),
        at,
        quantities: fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
      }),
      fc.record({ kind: fc.constantFrom('cancel' as const, 'delete' as const, 'restore' as const), which: fc.nat() }),
      fc.record({ kind: fc.constant('count' as const) }),
    );
    const placed: string[] = [];
    const span = [dayAgo(13), dayAgo(9)] as const;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        for (const each of steps) {
          if (each.kind === 'count') await countDay();
          else if (each.kind === 'place') {
            if (each.quantities.every((quantity) => quantity === 0)) continue;
            const { id } = await place(each.quantities);
            await moveTo(id, each.at);
            placed.push(id);
          } else if (placed.length > 0) {
            const id = placed[each.which % placed.length];
            const path = each.kind === 'delete' ? `/api/orders/${id}` : `/api/orders/${each.kind}/${id}`;
            await ask(each.kind === 'delete' ? 'DELETE' : 'PATCH', path, { token: adminToken });
          }
        }
        const { days, bestSellers } = await report(...span);
        expect(days).toEqual(await sums(...span));
        expect(bestSellers).toEqual(await sellers(...span));
      }),
      { numRuns: 12 },
    );
    await countAll();
    expect((await report(...span)).days).toEqual(await sums(...span));
  });

  test('when days have been counted › reads what was counted, and counts a touched day itself', async () => {
    const { id } = await place([1, 2]);
    const day = dayAgo(5);
    await moveTo(id, `${day}T08:00:00.000Z`);
    await countAll();
    // What is not so shows where the report comes from.
    await shop.db`update sales_days set orders = 77 where day = ${day}`;
    const ordersOf = async () => (await report(day, day)).days[0]?.orders;
    expect(await ordersOf()).toBe(77);
    await ask('PATCH', `/api/orders/cancel/${id}`, { token: adminToken });
    expect(await ordersOf()).toBe(0);
    await countAll();
    expect(await shop.db`select orders::int from sales_days where day = ${day}`).toMatchObject([{ orders: 0 }]);
    expect(await shop.db`select 1 from sales_marks`).toHaveLength(0);
    await ask('PATCH', `/api/orders/restore/${id}`, { token: adminToken });
    expect(await ordersOf()).toBe(1);
  });

  test('when what was counted is deleted › is the same, and is counted again', async () => {
    await countAll();
    const before = await report(dayAgo(13), dayAgo(5));
    await shop.db`truncate sales_days, sales_products, sales_marks`;
    expect(await report(dayAgo(13), dayAgo(5))).toEqual(before);
    const worker = await shop.startWorker();
    const counted = async () => (await shop.db`select 1 from sales_days where day = ${dayAgo(5)}`).length === 1;
    await eventually(counted, { withinMs: 30_000 });
    await worker.kill();
    expect(await report(dayAgo(13), dayAgo(5))).toEqual(before);
  });

  test('when an order changes while its day is counted › is not lost', async () => {
    const { id } = await place([3]);
    const day = dayAgo(3);
    await moveTo(id, `${day}T08:00:00.000Z`);
    await countAll();
    await shop.db.begin(async (sql) => {
      await sql`update orders set status = 'cancelled', next_status_at = null where id = ${id}`;
      await shop.db`insert into sales_marks (day) values (${day})`;
      await countAll();
    });
    expect((await report(day, day)).days).toMatchObject([{ orders: 0 }]);
    await countAll();
    expect((await report(day, day)).days).toMatchObject([{ orders: 0 }]);
  });

  test('when it is about today › counts what is placed at once, and never keeps it', async () => {
    const day = today();
    const before = (await report(day, day)).days[0]?.orders ?? 0;
    await place([0, 4]);
    await countAll();
    const after = await report(day, today());
    expect(after.days[0]?.orders).toBe(before + 1);
    expect(await shop.db`select 1 from sales_days where day >= ${day}`).toHaveLength(0);
  });

  test('when orders are open › counts them by status, those on hold, and those that are late', async () => {
    const { open: before } = await report(today(), today());
    const [late, held, shipped] = [await place([1]), await place([1]), await place([1])];
    await place([1]);
    await place([1]);
    await shop.db`update orders set next_status_at = now() - interval '1 minute' where id = ${late.id}`;
    await ask('PATCH', `/api/orders/hold/${held.id}`, { token: adminToken, body: { reason: 'No such street.' } });
    for (const status of ['processing', 'shipped']) {
      await ask('PATCH', `/api/orders/status/${shipped.id}`, { token: adminToken, body: { status } });
    }
    const { open } = await report(today(), today());
    expect(open).toEqual({
      ...before,
      pending: before.pending + 4,
      shipped: before.shipped + 1,
      onHold: before.onHold + 1,
      late: before.late + 1,
    });
    await ask('PATCH', `/api/orders/cancel/${held.id}`, { token: adminToken });
    expect((await report(today(), today())).open.onHold).toBe(before.onHold);
  });
});

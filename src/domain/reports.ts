import { type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../db/client.ts';
import { withCustomPlan } from '../db/planning.ts';
import { later, statementTime, texts } from '../db/sql.ts';
import { undeliveredStatuses } from '../schema/orders.ts';
import { openCountMax, type SalesQuery, type SalesReport } from '../schema/reports.ts';

const bestSellersMax = 10;
const lowStockMax = 20;
/** An order that is due moves within two seconds. */
const lateMs = 2_000;
/** How long after its end a day is counted: transactions that began on it have ended by then, one way or the other. */
const closedMs = 600_000;
/** Names the advisory lock under which days are counted, by one process at a time; no other lock has its number. */
const countingLock = 7_305_518_046;

/** When a day (UTC) begins; columns of days are dates, so that no session's time zone has a say. */
const startOf = (day: SQL) => sql`(${day}::timestamp at time zone 'UTC')`;

/** The orders that count on a day: those placed on it which are neither cancelled nor deleted. */
const soldOn = (day: SQL) => sql`
  orders.created_at >= ${startOf(day)} and orders.created_at < ${startOf(sql`(${day} + 1)`)}
    and orders.status <> 'cancelled' and orders.deleted_at is null`;

/**
 * What was sold of each product on each day of `days (day)`, as rows of `sales_products`: of few orders the lines are
 * looked up, for very many all lines are read.
 */
const countedProducts = (days: SQL) => sql`
  select day, product_id, sum(quantity) as units, sum(quantity::bigint * unit_price_cents) as total_cents
  from ${days} join orders on ${soldOn(sql`day`)} and ${withCustomPlan} join order_items on order_id = orders.id
  group by day, product_id`;

/**
 * Sales of a span of days, and how things stand. Days that have been counted are read from where the worker wrote them; those
 * that have not, or have been touched since, are counted here.
 * @param moving whether orders move by themselves, or else none is late
 */
export async function readSales(
  reader: Reader,
  { from, to }: SalesQuery,
  moving: boolean,
): Promise<Omit<SalesReport, 'currency'>> {
  const [days, bestSellers, lowStock, open] = await Promise.all([
    readDays(reader, from, to),
    readBestSellers(reader, from, to),
    readLowStock(reader),
    countOpen(reader, moving),
  ]);
  return { days, bestSellers, lowStock, open };
}

/** Expressions `span`, its days; `known`, those that have been counted and not touched since; `rest`, the others. */
const daysOf = (from: string, to: string) => sql`
  span as materialized (
    select day::date as day from generate_series(${from}::date::timestamp, ${to}::date::timestamp, interval '1 day') as day
  ), known as materialized (
    select day, orders, units, total_cents from sales_days
    where day between ${from}::date and ${to}::date
      and not exists (select from sales_marks where sales_marks.day = sales_days.day)
  ), rest as materialized (
    select day from span where day not in (select day from known)
  )`;

type DayRow = { day: string; orders: string; units: string; total_cents: string };

async function readDays(reader: Reader, from: string, to: string): Promise<SalesReport['days']> {
  const rows = await reader.execute<DayRow>(sql`
    with ${daysOf(from, to)}, counted as (
      select * from known
      union all
      select rest.day, sold.* from rest cross join lateral (
        select count(*) as orders, coalesce(sum(lines.units), 0) as units, coalesce(sum(total_cents), 0) as total_cents
        from orders cross join lateral (
          select sum(quantity) as units from order_items where order_id = orders.id
        ) as lines
        where ${soldOn(sql`rest.day`)}
      ) as sold
    )
    select day::text as day, orders, units, total_cents from counted order by counted.day`);
  return rows.map(({ day, orders, units, total_cents }) => ({
    day,
    orders: Number(orders),
    units: Number(units),
    totalCents: Number(total_cents),
  }));
}

type SellerRow = { product_id: string; sku: string | null; name: string; units: string; total_cents: string };

async function readBestSellers(reader: Reader, from: string, to: string): Promise<SalesReport['bestSellers']> {
  const rows = await reader.execute<SellerRow>(sql`
    with ${daysOf(from, to)}, sold as (
      select product_id, units, total_cents from sales_products where day in (select day from known)
      union all
      select product_id, units, total_cents from (${countedProducts(sql`rest`)}) as live
    ), best as (
      select product_id, sum(units) as units, sum(total_cents) as total_cents from sold
      group by product_id order by units desc, total_cents desc, product_id limit ${bestSellersMax}
    )
    select product_id, sku, name, units, total_cents from best join products on products.id = product_id
    order by units desc, total_cents desc, product_id`);
  return rows.map(({ product_id, sku, name, units, total_cents }) => ({
    productId: product_id,
    sku,
    name,
    units: Number(units),
    totalCents: Number(total_cents),
  }));
}

/** Looks at every product, because an index on stock would make each order write more. */
async function readLowStock(reader: Reader): Promise<SalesReport['lowStock']> {
  const rows = await reader.execute<{ id: string; sku: string | null; name: string; stock: number }>(sql`
    select id, sku, name, stock from products where deleted_at is null order by stock, id limit ${lowStockMax}`);
  return rows.map(({ id, sku, name, stock }) => ({ productId: id, sku, name, stock }));
}

async function countOpen(reader: Reader, moving: boolean): Promise<SalesReport['open']> {
  const count = (where: SQL) =>
    sql`(select count(*)::int from (select 1 from orders where ${where} limit ${openCountMax}) as counted)`;
  const inStatus = (status: (typeof undeliveredStatuses)[number]) => count(sql`status = ${status}`);
  const [open] = await reader.execute<SalesReport['open']>(sql`
    select ${inStatus('pending')} as pending, ${inStatus('processing')} as processing, ${inStatus('shipped')} as shipped,
      ${count(sql`hold_since is not null and status = any(${texts(undeliveredStatuses)})`)} as "onHold",
      ${count(sql`${moving} and next_status_at < ${later(statementTime, -lateMs)}`)} as late`);
  if (!open) throw new Error('a count gave no row');
  return open;
}

/**
 * Counts one closed day that has not been counted, or has been touched since, the newest first. Marks go with the count
 * that begins behind them: what is marked later is counted again.
 * @returns the day, null when there is none, or another process counts
 */
export async function countNextDay(tx: Transaction): Promise<string | null> {
  const [turn] = await tx.execute<{ mine: boolean }>(sql`select pg_try_advisory_xact_lock(${countingLock}) as mine`);
  if (!turn?.mine) return null;
  const [next] = await tx.execute<{ day: string | null }>(sql`
    with closed as (
      select ((${later(statementTime, -closedMs)} at time zone 'UTC')::date - 1) as last,
        (select (min(created_at) at time zone 'UTC')::date from orders) as first
    )
    select coalesce(
      (select max(day) from sales_marks where day <= (select last from closed)),
      (select max(day::date) from closed, generate_series(first::timestamp, last::timestamp, interval '1 day') as day
        where not exists (select from sales_days where sales_days.day = day.day::date))
    )::text as day`);
  const day = next?.day;
  if (!day) return null;
  const on = sql`${day}::date`;
  // Apart from the count, whose snapshot then shows all that these marks stand for.
  await tx.execute(sql`delete from sales_marks where day = ${on}`);
  await tx.execute(sql`delete from sales_products where day = ${on}`);
  await tx.execute(sql`
    insert into sales_products (day, product_id, units, total_cents)
    ${countedProducts(sql`(select ${on} as day) as counted`)}`);
  await tx.execute(sql`
    insert into sales_days (day, orders, units, total_cents)
    select ${on}, count(*), (select coalesce(sum(units), 0) from sales_products where day = ${on}),
      coalesce(sum(total_cents), 0)
    from orders where ${soldOn(on)}
    on conflict (day) do update
    set orders = excluded.orders, units = excluded.units, total_cents = excluded.total_cents`);
  return day;
}

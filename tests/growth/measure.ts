import { sql } from 'drizzle-orm';
import { percentile } from '../../bench/statistics.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { withTransaction } from '../../src/db/transaction.ts';
import type { Actor } from '../../src/domain/customers/actor.ts';
import { placeOrders } from '../../src/domain/orders/place.ts';
import { listOrders } from '../../src/domain/orders/reads.ts';
import { findDue, readBacklog } from '../../src/domain/outbox/backlog.ts';
import { accountMailOutbox, orderMailOutbox, webhookOutbox } from '../../src/domain/outbox/kinds.ts';
import { listProducts } from '../../src/domain/products/lists.ts';
import { findProducts } from '../../src/domain/products/products.ts';
import { orderQuerySchema, orderStatuses } from '../../src/schema/orders.ts';
import { encodeCursor } from '../../src/schema/paging.ts';
import { productQuerySchema } from '../../src/schema/products.ts';
import type { Shop } from '../support/shop.ts';

/** A figure beside the most that it may be. */
export type Target = { what: string; value: number; limit: number; unit: 'times' | 'ms' };

const rounds = 300;
/** Of each of many works, so few. */
const samples = 15;
const placesMax = 300;
const timesMax = 1.3;
const statusIntervalMs = 3_600_000;
const terms = { currency: 'USD', orderStatusIntervalMs: statusIntervalMs, orderDeleteAfterMs: statusIntervalMs };
const admin: Actor = {
  kind: 'admin',
  id: '00000000-0000-7000-8000-000000000000',
  requestId: 'growth',
};

type Product = { id: string; name: string; priceCents: number };

/** A shop's database, and places all over its tables. */
type Ground = { db: Database; close: () => Promise<void>; products: Product[]; customers: string[]; orders: string[] };

async function openGround({ db: query, databaseUrl }: Shop): Promise<Ground> {
  const { db, close } = openDatabase(databaseUrl, { poolSize: 2, applicationName: 'growth' });
  // All orders that are placed here find enough.
  const products = await query<Product[]>`
    select id, name, price_cents as "priceCents" from products where stock >= 10 order by random() limit ${placesMax}`;
  const customers = await query<{ id: string }[]>`select id from customers order by random() limit ${placesMax}`;
  const orders = await query<{ id: string }[]>`select id from orders order by random() limit ${placesMax}`;
  const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);
  return { db, close: () => close(1_000), products, customers: ids(customers), orders: ids(orders) };
}

type Work = (ground: Ground, round: number) => Promise<unknown>;

/** The element that belongs to a round; there are as many rounds as places, at least. */
function at<T>(places: T[], round: number): T {
  const place = places[round % places.length];
  if (place === undefined) throw new Error('The shop is empty.');
  return place;
}

function pageBehind(sort: string, key: (product: Product) => string | number | null): Work {
  return ({ db, products }, round) => {
    const product = at(products, round);
    const cursor = encodeCursor({ sort, page: 2, key: key(product), id: product.id });
    return listProducts(db, productQuerySchema.parse({ sort, cursor }));
  };
}

/** Puts off what is due, so that a look finds nothing. */
const nothingDue = sql`
  with orders_put_off as (
    update orders set next_status_at = next_status_at + interval '1 day' where next_status_at < now() + interval '1 hour'
  )
  update mails set due_at = due_at + interval '1 day' where due_at is not null`;

/** What must cost a large shop about what it costs a small one. */
const compared: Record<string, Work> = {
  'first page of products': ({ db }) => listProducts(db, productQuerySchema.parse({})),
  'a page of products by cursor, by age': pageBehind('-createdAt', () => null),
  'a page of products by cursor, by price': pageBehind('priceCents', ({ priceCents }) => priceCents),
  'a page of products by cursor, by name': pageBehind('name', ({ name }) => name),
  'a product': ({ db, products }, round) => findProducts(db, [at(products, round).id]),
  'placing an order of two lines': ({ db, products, customers }, round) => {
    const lines = [at(products, round), at(products, round + 1)].map(({ id }) => ({ productId: id, quantity: 1 }));
    const request = { customerId: at(customers, round), lines };
    return withTransaction(db, (tx) => placeOrders(tx, [request], terms));
  },
  'a look that finds nothing due': ({ db }) =>
    findDue(db, { accountMails: accountMailOutbox, mails: orderMailOutbox, webhooks: webhookOutbox }),
  'the backlog for the metrics': ({ db }) => readBacklog(db),
};

/** Words of made-up products from the rarest to the most common, alone, together, by their beginnings, with filters. */
const searches = [
  { q: 'cedar' },
  { q: 'steel' },
  { q: 'ste' },
  { q: 'steel cedar' },
  { q: 'a cedar' },
  { q: 'with steel' },
  { q: 'and' },
  { q: 'the and' },
  { q: 'a' },
  { q: 's' },
  { q: 's a m' },
  { q: 'nothing of the kind' },
  { q: 'steel', inStock: 'true' },
  { q: 'and', minPriceCents: '2000', maxPriceCents: '5000' },
  { q: 'cedar', maxPriceCents: '5000', inStock: 'true' },
  { q: 'steel', sort: 'priceCents' },
  { q: 'and', sort: '-priceCents' },
  { q: 'cedar', sort: 'name' },
];

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function times(count: number, work: (round: number) => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < count; round += 1) all.push(await timed(() => work(round)));
  return all;
}

/**
 * Does each work in turn on the small and on the large shop, and compares the medians. Each has been done once before,
 * so that both have their pages in memory.
 */
async function compareSizes(small: Ground, large: Ground): Promise<Target[]> {
  const targets: Target[] = [];
  for (const [what, work] of Object.entries(compared)) {
    const [smallMs, largeMs]: [number[], number[]] = [[], []];
    for (const { db } of [small, large]) await db.execute(nothingDue);
    for (const ground of [small, large]) await times(rounds, (round) => work(ground, round));
    for (let round = 0; round < rounds; round += 1) {
      smallMs.push(await timed(() => work(small, round)));
      largeMs.push(await timed(() => work(large, round)));
    }
    const value = percentile(largeMs, 50) / percentile(smallMs, 50);
    targets.push({ what: `${what}, to the small shop's`, value, limit: timesMax, unit: 'times' });
  }
  return targets;
}

async function measureSearches({ db }: Ground): Promise<Target[]> {
  const limit = 25;
  const all: number[] = [];
  const targets: Target[] = [];
  for (const search of searches) {
    const ms = await times(samples, () => listProducts(db, productQuerySchema.parse(search)));
    all.push(...ms);
    const words = Object.entries(search).map((entry) => entry.join(' '));
    targets.push({ what: `search, ${words.join(', ')}, half within`, value: percentile(ms, 50), limit, unit: 'ms' });
  }
  return [{ what: 'searches, 99 of 100 within', value: percentile(all, 99), limit, unit: 'ms' }, ...targets];
}

async function measureOwnOrders({ db, customers }: Ground): Promise<Target> {
  const list = (round: number) =>
    listOrders(db, orderQuerySchema.parse({}), { kind: 'customer', id: at(customers, round), requestId: 'growth' });
  // The first time, the pages come into memory.
  await times(rounds, list);
  const ms = await times(rounds, list);
  return { what: "an owner's orders, 99 of 100 within", value: percentile(ms, 99), limit: 5, unit: 'ms' };
}

/** Every combination of the filters that an admin has, each on or off, and every status. */
function filtersOfOrders(customerId: string): Record<string, string>[] {
  const byStatus = [{}, ...orderStatuses.map((status) => ({ status }))];
  const byCustomer = byStatus.flatMap((filters) => [filters, { ...filters, customerId }]);
  return byCustomer.flatMap((filters) => [filters, { ...filters, includeDeleted: 'true' }]);
}

/** What an admin's list takes at each depth, with the filters that make it the dearest. */
async function measureAllOrders({ db, customers, orders }: Ground, orderCount: number): Promise<Target[]> {
  const behind = (round: number) => encodeCursor({ sort: '-createdAt', page: 2, key: null, id: at(orders, round) });
  const pageAt = (share: number) => String(Math.floor((share * orderCount) / 20));
  const depths: [string, (round: number) => Record<string, string>][] = [
    ['the first page', () => ({})],
    ['a page by cursor, at any depth', (round) => ({ cursor: behind(round) })],
    ...[0.01, 0.1, 0.5, 1].map((share): [string, () => Record<string, string>] => [
      `the page by number behind ${share * 100} % of them`,
      () => ({ page: pageAt(share) }),
    ]),
  ];
  const targets: Target[] = [];
  for (const [depth, place] of depths) {
    const figures: { value: number; filters: string }[] = [];
    for (const filters of filtersOfOrders(at(customers, 0))) {
      const ms = await times(samples, (round) =>
        listOrders(db, orderQuerySchema.parse({ ...filters, ...place(round) }), admin),
      );
      figures.push({ value: percentile(ms, 50), filters: Object.keys(filters).join(' and ') || 'nothing' });
    }
    const [dearest] = figures.toSorted((one, other) => other.value - one.value);
    if (!dearest) throw new Error('Nothing was measured.');
    const what = `all orders, ${depth}, dearest by ${dearest.filters}, half within`;
    targets.push({ what, value: dearest.value, limit: 50, unit: 'ms' });
  }
  return targets;
}

/** Holds a large shop against its targets, beside a small one on the same server. */
export async function measureGrowth(smallShop: Shop, largeShop: Shop, orderCount: number): Promise<Target[]> {
  const small = await openGround(smallShop);
  const large = await openGround(largeShop);
  try {
    return [
      ...(await compareSizes(small, large)),
      ...(await measureSearches(large)),
      await measureOwnOrders(large),
      ...(await measureAllOrders(large, orderCount)),
    ];
  } finally {
    await small.close();
    await large.close();
  }
}

import { and, desc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { pictureFile } from '../lib/pictures.ts';
import { lifecycle, type OrderStatus } from '../schema/orders.ts';
import type { Database, Transaction } from './client.ts';
import { departments, firstNames, lastNames, mailDomains, phonePrefixes, series } from './seed-words.ts';
import { customers, products } from './tables.ts';

const outOfStockShare = 0.08;
const stockMax = 240;

const dayMs = 24 * 3_600_000;
/** How far back orders go; products and customers came in the time before. */
const orderWindowMs = 42 * dayMs;
const growthWindowMs = 500 * dayMs;

/** Rows a statement: enough to be fast, few enough for memory and for a statement's time on a slow machine. */
const batchSize = 5_000;
const statementTimeoutMs = 60_000;
/** How many products and customers the orders are spread over at most, so that memory stays bounded. */
const poolSizeMax = 100_000;

/** The newest orders are under way: this share of all, but not so many that a worker would mail for hours. */
const underWayShare = 0.15;
const underWayMax = 2_000;
/** One settled order in so many has been cancelled, or deleted as well: counted, so that even a few orders show both. */
const cancelledEvery = 11;
const firstCancelled = 3;
const deletedEvery = 3 * cancelledEvery;
const firstDeleted = firstCancelled + cancelledEvery;

/** The statuses that time leads an order through. */
const path: OrderStatus[] = [];
for (let status: OrderStatus | null = 'pending'; status; status = lifecycle[status].next) path.push(status);
const cancellableSteps = path.filter((status) => lifecycle[status].cancellable).length;

/** How fast made-up orders have moved on where no order does so by itself. */
export const seededIntervalMs = 3_600_000;

export type SeedKind = 'products' | 'customers' | 'orders';

export type SeedOptions = {
  /** How many to add of each. */
  products: number;
  customers: number;
  orders: number;
  currency: string;
  now: Date;
  /** Of the password that all seeded customers share. */
  passwordHash: string;
  /** How long an order stays in a status. Those under way are due evenly over the next such interval. */
  statusIntervalMs: number;
  /** Hears after every batch how many rows of a kind are there, and how many there will be. */
  onProgress: (kind: SeedKind, done: number, total: number) => void;
};

/** The shop cannot be seeded as asked; nothing has been written. */
export class SeedError extends Error {}

type Random = () => number;
type Span = { fromMs: number; toMs: number };
type PooledProduct = { id: string; sku: string | null; name: string; priceCents: number };
type PooledCustomer = { id: string; email: string };

/**
 * Adds a catalogue, customers and past orders to a migrated database. What was there stays as it is, and the same
 * counts make the same things every time, but for ids, SKUs, moments and e-mail addresses. Orders are for what is made
 * with them, else for what the shop has; stock is what such orders have left, so what they hold is booked as received
 * before; and the mails of the past count as sent.
 * @returns the e-mail address of one new customer, null when there is none
 * @throws {SeedError} when orders lack products or customers
 */
export async function seedShop(db: Database, options: SeedOptions): Promise<{ exampleEmail: string | null }> {
  const nowMs = options.now.getTime();
  const underWay = { fromMs: nowMs - (path.length - 1) * options.statusIntervalMs, toMs: nowMs };
  const settled = { fromMs: underWay.fromMs - orderWindowMs, toMs: underWay.fromMs };
  const growth = { fromMs: settled.fromMs - growthWindowMs, toMs: settled.fromMs };

  const presentProducts = options.orders > 0 && options.products === 0 ? await findProducts(db) : [];
  const presentCustomers = options.orders > 0 && options.customers === 0 ? await findCustomers(db) : [];
  if (options.orders > 0 && options.products + presentProducts.length === 0) {
    throw new SeedError('Orders need products, and the shop has none.');
  }
  if (options.orders > 0 && options.customers + presentCustomers.length === 0) {
    throw new SeedError('Orders need customers, and the shop has none.');
  }

  const newProducts = await seedProducts(db, options, growth);
  const newCustomers = await seedCustomers(db, options, growth);
  await seedOrders(db, options, {
    products: newProducts.length > 0 ? newProducts : presentProducts,
    customers: newCustomers.length > 0 ? newCustomers : presentCustomers,
    settled,
    underWay,
  });
  await refreshStatistics(db);
  return { exampleEmail: newCustomers[0]?.email ?? null };
}

function findProducts(db: Database): Promise<PooledProduct[]> {
  return db
    .select({ id: products.id, sku: products.sku, name: products.name, priceCents: products.priceCents })
    .from(products)
    .where(isNull(products.deletedAt))
    .orderBy(desc(products.id))
    .limit(poolSizeMax);
}

function findCustomers(db: Database): Promise<PooledCustomer[]> {
  return db
    .select({ id: customers.id, email: customers.email })
    .from(customers)
    .where(and(isNull(customers.deletedAt), eq(customers.role, 'customer')))
    .orderBy(desc(customers.id))
    .limit(poolSizeMax);
}

async function seedProducts(db: Database, options: SeedOptions, growth: Span): Promise<PooledProduct[]> {
  const random = seededRandom(0x5eed_0001);
  // Sets the SKUs of this call apart from those of every other.
  const token = crypto.randomUUID().slice(0, 8);
  const pool: PooledProduct[] = [];
  await inBatches('products', options, async (indexes) => {
    const rows = indexes.map((index) => ({
      ...inventProduct(random, token, index),
      created_at: momentIn(growth, index, options.products, random),
    }));
    const inserted = await inBulk(db, (tx) =>
      tx.execute<{ id: string; sku: string; name: string; price_cents: number }>(sql`
      with made as (
        insert into products (id, sku, name, description, price_cents, stock, tags, images, created_at, updated_at)
        select uuid_v7(created_at), sku, name, description, price_cents, stock, tags, images, created_at, created_at
        from json_to_recordset(${JSON.stringify(rows)}::json)
          as given(sku text, name text, description text, price_cents integer, stock integer, tags text[], images jsonb,
            created_at timestamptz)
        returning id, sku, name, price_cents, stock, created_at
      ), booked as (
        insert into stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
        select uuid_v7(created_at), id, stock, 'created', stock, 'system', created_at from made where stock <> 0
      )
      select id, sku, name, price_cents from made`),
    );
    const room = poolSizeMax - pool.length;
    pool.push(
      ...inserted.slice(0, room).map(({ price_cents, ...product }) => ({ ...product, priceCents: price_cents })),
    );
  });
  return pool;
}

function inventProduct(random: Random, token: string, index: number) {
  const department = pick(random, departments);
  const { noun, kinds, sizes, options, price, leads } = pick(random, department.assortments);
  const [maker, line, kind] = [pick(random, department.makers), pick(random, series), pick(random, kinds)];
  const title = `${maker} ${line} ${kind} ${noun}`;
  // Where it stands between the cheapest and the most expensive, from 0 to 1, decides the size as well.
  const level = random();
  const size = sizes.length > 0 ? [pick(() => level, sizes)] : [];
  const units = price.from + Math.floor(level * (price.to - price.from + 1));
  const firstDetail = integerBelow(random, department.details.length);
  const details = department.details.slice(firstDetail, firstDetail + integerBelow(random, 3));
  return {
    sku: `${department.name.slice(0, 3).toUpperCase()}-${token}-${index + 1}`,
    tags: [...new Set([department.name, kind.toLowerCase(), noun.toLowerCase()])],
    images: [{ url: `/media/${pictureFile(department.name, index * 47)}`, alt: `${kind} ${noun}` }],
    name: [title, ...size, ...options.map((choices) => pick(random, choices))].join(', '),
    description: [pick(random, leads), ...details].join(' '),
    price_cents: units * 100 - pick(random, [0, 1, 5, 10, 50]),
    stock: random() < outOfStockShare ? 0 : 1 + Math.floor(stockMax * random() ** 2),
  };
}

/** Of so many customers one has not confirmed their address. */
const unverifiedOneIn = 4;

async function seedCustomers(db: Database, options: SeedOptions, growth: Span): Promise<PooledCustomer[]> {
  const random = seededRandom(0x5eed_0002);
  // Sets the addresses of this call apart from those of every other.
  const token = crypto.randomUUID().slice(0, 8);
  const pool: PooledCustomer[] = [];
  await inBatches('customers', options, async (indexes) => {
    const rows = indexes.map((index) => ({
      ...inventCustomer(random, `${token}.${index}`),
      created_at: momentIn(growth, index, options.customers, random),
      // Most people confirm their address.
      verified: index % unverifiedOneIn > 0,
    }));
    const inserted = await inBulk(db, (tx) =>
      tx.execute<PooledCustomer>(sql`
      insert into customers (id, name, email, email_verified_at, phone, password_hash, created_at, updated_at)
      select uuid_v7(created_at), name, email, case when verified then created_at end, phone, ${options.passwordHash},
        created_at, created_at
      from json_to_recordset(${JSON.stringify(rows)}::json)
        as given(name text, email text, phone text, created_at timestamptz, verified boolean)
      returning id, email`),
    );
    pool.push(...inserted.slice(0, poolSizeMax - pool.length));
  });
  return pool;
}

function inventCustomer(random: Random, tag: string) {
  const firstName = pick(random, firstNames);
  const lastName = pick(random, lastNames);
  const lastDigits = String(integerBelow(random, 100)).padStart(2, '0');
  return {
    name: `${firstName} ${lastName}`,
    email: `${lettersOf(firstName)}.${lettersOf(lastName)}.${tag}@${pick(random, mailDomains)}`,
    phone: random() < 0.6 ? `${pick(random, phonePrefixes)}${lastDigits}` : null,
  };
}

/** The letters of a name as an address can hold them: no accents, no spaces. */
function lettersOf(name: string): string {
  return name
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z]/g, '');
}

type OrderSource = { products: PooledProduct[]; customers: PooledCustomer[]; settled: Span; underWay: Span };

async function seedOrders(db: Database, options: SeedOptions, source: OrderSource): Promise<void> {
  const random = seededRandom(0x5eed_0003);
  const underWayCount = Math.min(Math.ceil(options.orders * underWayShare), underWayMax);
  const settledCount = options.orders - underWayCount;
  let written: Promise<unknown> = Promise.resolve();
  await inBatches('orders', options, async (indexes) => {
    const orders = indexes.map((index) => {
      const isSettled = index < settledCount;
      const createdAt = isSettled
        ? momentIn(source.settled, index, settledCount, random)
        : momentIn(source.underWay, index - settledCount, underWayCount, random);
      const isCancelled = isSettled && index % cancelledEvery === firstCancelled;
      const isDeleted = isCancelled && index % deletedEvery === firstDeleted;
      return {
        ...(isCancelled
          ? cancelledCourse(random, createdAt.getTime(), isDeleted, options)
          : undisturbedCourse(createdAt.getTime(), options)),
        id: idAt(createdAt),
        customerId: pick(random, source.customers).id,
        createdAt,
        items: inventItems(random, source.products),
      };
    });
    // One batch is made up while Postgres still writes the one before.
    await written;
    written = inBulk(db, (tx) => insertOrders(tx, orders, options));
    // Awaited above or below; until then a failure must not count as one that nobody handles.
    written.catch(() => {});
  });
  await written;
}

type SeededOrder = Course & {
  id: string;
  customerId: string;
  createdAt: Date;
  items: { product: PooledProduct; quantity: number }[];
};

function insertOrders(tx: Transaction, orders: SeededOrder[], { currency, now }: SeedOptions) {
  const items = orders.flatMap(({ id, items }) => items.map((item, position) => ({ orderId: id, position, ...item })));
  const held = heldUnits(orders);
  const steps = orders.flatMap(({ id, history }) => history.map((step) => ({ orderId: id, ...step })));
  return tx.execute(sql`
    with new_orders as (
      insert into orders
        (id, customer_id, status, total_cents, next_status_at, created_at, updated_at, deleted_at, currency)
      select given.*, ${currency} from unnest(
        ${array(orders, ({ id }) => id)}::uuid[],
        ${array(orders, ({ customerId }) => customerId)}::uuid[],
        ${array(orders, ({ status }) => status)}::text[],
        ${array(orders, totalCents)}::bigint[],
        ${array(orders, ({ nextStatusAt }) => nextStatusAt)}::timestamptz[],
        ${array(orders, ({ createdAt }) => createdAt)}::timestamptz[],
        ${array(orders, ({ updatedAt }) => updatedAt)}::timestamptz[],
        ${array(orders, ({ deletedAt }) => deletedAt)}::timestamptz[]
      ) as given
    ), new_items as (
      insert into order_items (order_id, product_id, position, sku, name, quantity, unit_price_cents)
      select * from unnest(
        ${array(items, ({ orderId }) => orderId)}::uuid[],
        ${array(items, ({ product }) => product.id)}::uuid[],
        ${array(items, ({ position }) => position)}::smallint[],
        ${array(items, ({ product }) => product.sku)}::text[],
        ${array(items, ({ product }) => product.name)}::text[],
        ${array(items, ({ quantity }) => quantity)}::int[],
        ${array(items, ({ product }) => product.priceCents)}::int[]
      )
    ), booked as (
      insert into stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
      select uuid_v7(), products.id, held.units, 'received', products.stock, 'system', ${now.toISOString()}::timestamptz
      from unnest(
        ${array(held, ({ productId }) => productId)}::uuid[],
        ${array(held, ({ units }) => units)}::bigint[]
      ) as held(product_id, units) join products on products.id = held.product_id
    ), given_steps as materialized (
      select * from unnest(
        ${array(steps, ({ orderId }) => orderId)}::uuid[],
        ${array(steps, ({ status }) => status)}::text[],
        ${array(steps, ({ at }) => at)}::timestamptz[],
        ${array(steps, ({ at }) => idAt(at))}::uuid[]
      ) as step(order_id, status, at, mail_id)
    ), new_history as (
      insert into order_history (order_id, run, status, at) select order_id, 1, status, at from given_steps
    ), marked as (
      -- As the trigger does that may be switched off here.
      insert into sales_marks (day)
      select distinct (created_at at time zone 'UTC')::date
      from unnest(${array(orders, ({ createdAt }) => createdAt)}::timestamptz[]) as placed(created_at)
      where created_at < date_trunc('day', now(), 'UTC')
    )
    insert into mails (id, order_id, run, status, state, attempts, created_at, sent_at)
    select mail_id, order_id, 1, status, 'sent', 1, at, at from given_steps`);
}

/** The units of each product in orders that hold them. */
function heldUnits(orders: SeededOrder[]): { productId: string; units: number }[] {
  const units = new Map<string, number>();
  for (const { status, items } of orders) {
    if (status === 'cancelled') continue;
    for (const { product, quantity } of items) units.set(product.id, (units.get(product.id) ?? 0) + quantity);
  }
  return [...units].map(([productId, units]) => ({ productId, units }));
}

function totalCents({ items }: SeededOrder): number {
  return items.reduce((total, { product, quantity }) => total + quantity * product.priceCents, 0);
}

/** One column of many rows as the text of an array, which costs a fraction of what the driver's own way does. */
function array<Row>(rows: Row[], value: (row: Row) => string | number | Date | null): SQL {
  return sql`${`{${rows.map((row) => element(value(row))).join(',')}}`}`;
}

function element(value: string | number | Date | null): string {
  if (value === null) return 'NULL';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'number' ? String(value) : `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** A UUIDv7 (RFC 9562) of a moment in the past, where order within a millisecond does not matter. */
function idAt(moment: Date): string {
  const time = moment.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

/** One to four different products, most often one of each. */
function inventItems(random: Random, pool: PooledProduct[]) {
  const chosen = new Set<PooledProduct>();
  const lines = Math.min(pick(random, [1, 1, 1, 2, 2, 3, 4]), pool.length);
  // Squaring makes some products sell far better than others, as they do.
  while (chosen.size < lines) chosen.add(pick(() => random() ** 2, pool));
  return [...chosen].map((product) => ({ product, quantity: pick(random, [1, 1, 1, 1, 2, 2, 3]) }));
}

type Course = {
  status: OrderStatus;
  history: { status: OrderStatus; at: Date }[];
  nextStatusAt: Date | null;
  updatedAt: Date;
  deletedAt: Date | null;
};

/** The first `count` statuses that time leads an order through. */
function firstSteps(count: number, createdMs: number, statusIntervalMs: number) {
  return path.slice(0, count).map((status, step) => ({ status, at: new Date(createdMs + step * statusIntervalMs) }));
}

/** The course of an order that went through undisturbed: its age says how far. */
function undisturbedCourse(createdMs: number, { now, statusIntervalMs }: SeedOptions): Course {
  const step = Math.min(Math.floor((now.getTime() - createdMs) / statusIntervalMs), path.length - 1);
  const status = path[step] as OrderStatus;
  const isFinal = lifecycle[status].next === null;
  return {
    status,
    history: firstSteps(step + 1, createdMs, statusIntervalMs),
    nextStatusAt: isFinal ? null : new Date(createdMs + (step + 1) * statusIntervalMs),
    updatedAt: new Date(createdMs + step * statusIntervalMs),
    deletedAt: null,
  };
}

/** The course of an order that was cancelled while it could be, and deleted the day after if `isDeleted`. */
function cancelledCourse(
  random: Random,
  createdMs: number,
  isDeleted: boolean,
  { now, statusIntervalMs }: SeedOptions,
): Course {
  const afterMs = 1 + integerBelow(random, cancellableSteps * statusIntervalMs - 1);
  const cancelledAt = new Date(createdMs + afterMs);
  const nextDay = new Date(cancelledAt.getTime() + dayMs);
  const deletedAt = isDeleted && nextDay <= now ? nextDay : null;
  const steps = firstSteps(Math.ceil(afterMs / statusIntervalMs), createdMs, statusIntervalMs);
  return {
    status: 'cancelled',
    history: [...steps, { status: 'cancelled', at: cancelledAt }],
    nextStatusAt: null,
    updatedAt: deletedAt ?? cancelledAt,
    deletedAt,
  };
}

/** Lets the planner and the estimated totals of long lists know at once what has been added. */
async function refreshStatistics(db: Database): Promise<void> {
  await inBulk(db, (tx) =>
    tx.execute(sql`analyze products, stock_changes, customers, orders, order_items, order_history, mails`),
  );
}

/**
 * Runs a statement that may take its time. Where the role may switch them off, no trigger looks each foreign key up
 * again: that is half the time, and every row refers to one that was read or is written in the same statement.
 */
function inBulk<T>(db: Database, run: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`
      select set_config('statement_timeout', ${`${statementTimeoutMs}ms`}, true),
        case when (select rolsuper from pg_roles where rolname = current_user)
        then set_config('session_replication_role', 'replica', true) end`);
    return run(tx);
  });
}

/** Calls `insert` with the indexes of one batch after the other, until there are as many rows of `kind` as asked for. */
async function inBatches(
  kind: SeedKind,
  options: SeedOptions,
  insert: (indexes: number[]) => Promise<void>,
): Promise<void> {
  const total = options[kind];
  for (let from = 0; from < total; from += batchSize) {
    const size = Math.min(batchSize, total - from);
    await insert(Array.from({ length: size }, (_, offset) => from + offset));
    options.onProgress(kind, from + size, total);
  }
}

/** Moment `index` of `count` that are spread over a span in rising order, about evenly. */
function momentIn({ fromMs, toMs }: Span, index: number, count: number, random: Random): Date {
  return new Date(Math.floor(fromMs + ((toMs - fromMs) * (index + random())) / count));
}

function integerBelow(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[integerBelow(random, choices.length)] as T;
}

/** Marsaglia's xorshift32, from a seed other than 0: numbers from 0 up to, but not including, 1. */
function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

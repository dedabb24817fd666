// The shop's list, detail and order the way Fastify's and pg's makers recommend: schemas for what comes in and goes
// out, a pool, named prepared statements, one client for a transaction, a cache that holds bytes.

import { createVerifier } from 'fast-jwt';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';
import { uuidv7 } from 'uuidv7';

const { DATABASE_URL, REDIS_URL, JWT_SECRET, PORT } = process.env;
const cacheTtlSeconds = 300;
const statusIntervalMs = Number(process.env.STATUS_INTERVAL_MS ?? 3_600_000);
const deleteAfterMs = 24 * 3_600_000;
const mailDueAfterMs = 5_000;
const currency = 'USD';

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const redis = new Redis(REDIS_URL);
const verify = createVerifier({ key: JWT_SECRET, algorithms: ['HS256'], cache: 10_000 });
const app = Fastify();

const nullableText = { type: ['string', 'null'] };
const productSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    sku: nullableText,
    name: { type: 'string' },
    description: nullableText,
    priceCents: { type: 'integer' },
    currency: { type: 'string' },
    stock: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
    images: {
      type: 'array',
      items: { type: 'object', properties: { url: { type: 'string' }, alt: { type: 'string' } } },
    },
    createdAt: { type: 'string' },
    updatedAt: { type: 'string' },
    deletedAt: nullableText,
  },
};
const orderSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    number: { type: 'string' },
    customerId: { type: 'string' },
    status: { type: 'string' },
    totalCents: { type: 'integer' },
    currency: { type: 'string' },
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          productId: { type: 'string' },
          sku: nullableText,
          name: { type: 'string' },
          quantity: { type: 'integer' },
          unitPriceCents: { type: 'integer' },
        },
      },
    },
    history: {
      type: 'array',
      items: { type: 'object', properties: { status: { type: 'string' }, at: { type: 'string' } } },
    },
    shippingAddress: nullableText,
    note: nullableText,
    shipment: nullableText,
    hold: nullableText,
    nextStatusAt: nullableText,
    deletableAt: { type: 'string' },
    createdAt: { type: 'string' },
    updatedAt: { type: 'string' },
    deletedAt: nullableText,
  },
};
const orderInputSchema = {
  type: 'object',
  required: ['items'],
  additionalProperties: false,
  properties: {
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        required: ['productId', 'quantity'],
        additionalProperties: false,
        properties: {
          productId: { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' },
          quantity: { type: 'integer', minimum: 1, maximum: 1_000 },
        },
      },
    },
  },
};
const listQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    page: { type: 'integer', minimum: 1, default: 1 },
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  },
};

const productColumns =
  'id, sku, name, description, price_cents, stock, tags, images, created_at, updated_at, deleted_at';
const statements = {
  list: `select ${productColumns} from products where deleted_at is null order by id desc limit $1 offset $2`,
  count: 'select count(*)::int as total from products where deleted_at is null',
  detail: `select ${productColumns} from products where id = $1 and deleted_at is null`,
  lock: `select id, sku, name, price_cents, stock from products where id = any($1::uuid[]) and deleted_at is null
    order by id for no key update`,
  order: `insert into orders (id, customer_id, status, run, total_cents, currency, next_status_at, created_at, updated_at)
    values ($1, $2, 'pending', 1, $3, $4, $5, $6, $6) returning number`,
  items: `insert into order_items (order_id, product_id, position, name, quantity, unit_price_cents, sku)
    select $1, * from unnest($2::uuid[], $3::smallint[], $4::text[], $5::int[], $6::int[], $7::text[])`,
  stock: `update products set stock = stock - taken.quantity, version = version + 1, updated_at = $3
    from unnest($1::uuid[], $2::int[]) as taken(id, quantity) where products.id = taken.id`,
  history: "insert into order_history (order_id, run, status, at) values ($1, 1, 'pending', $2)",
  mail: "insert into mails (id, order_id, run, status, created_at, due_at) values ($1, $2, 1, 'pending', $3, $4)",
};

const run = (client, name, values) => client.query({ name, text: statements[name], values });

function productBody(row) {
  return {
    id: row.id,
    sku: row.sku,
    name: row.name,
    description: row.description,
    priceCents: row.price_cents,
    currency,
    stock: row.stock,
    tags: row.tags,
    images: row.images,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    deletedAt: row.deleted_at?.toISOString() ?? null,
  };
}

async function loadList({ page, limit }) {
  const [found, counted] = await Promise.all([
    run(pool, 'list', [limit + 1, (page - 1) * limit]),
    run(pool, 'count', []),
  ]);
  const rows = found.rows.slice(0, limit);
  const totalItems = counted.rows[0].total;
  const nextCursor = found.rows.length > limit ? Buffer.from(rows.at(-1).id).toString('base64url') : null;
  const pagination = { page, limit, totalItems, totalPages: Math.ceil(totalItems / limit), nextCursor };
  return JSON.stringify({ data: rows.map(productBody), pagination });
}

app.get('/api/products', { schema: { querystring: listQuerySchema } }, async ({ query }, reply) => {
  const key = `products:${query.page}:${query.limit}`;
  let body = await redis.get(key);
  if (body === null) {
    body = await loadList(query);
    await redis.set(key, body, 'EX', cacheTtlSeconds);
  }
  return reply.type('application/json').send(body);
});

app.get('/api/products/:id', { schema: { response: { 200: productSchema } } }, async ({ params }, reply) => {
  const { rows } = await run(pool, 'detail', [params.id]);
  if (rows.length === 0) return reply.code(404).send({ code: 'not_found' });
  return productBody(rows[0]);
});

class Refusal extends Error {
  constructor(statusCode, code) {
    super(code);
    this.statusCode = statusCode;
  }
}

async function authenticate(request) {
  try {
    request.customer = verify(request.headers.authorization?.replace('Bearer ', '') ?? '');
  } catch {
    throw new Refusal(401, 'unauthenticated');
  }
}

async function placeOrder(client, customerId, lines) {
  const now = new Date();
  const { rows } = await run(client, 'lock', [lines.map((line) => line.productId)]);
  const lockedProducts = new Map(rows.map((row) => [row.id, row]));
  for (const { productId, quantity } of lines) {
    const lockedProduct = lockedProducts.get(productId);
    if (!lockedProduct) throw new Refusal(422, 'unknown_product');
    if (lockedProduct.stock < quantity) throw new Refusal(409, 'insufficient_stock');
  }
  const items = lines.map(({ productId, quantity }) => {
    const { sku, name, price_cents } = lockedProducts.get(productId);
    return { productId, sku, name, quantity, unitPriceCents: price_cents };
  });
  const totalCents = items.reduce((total, item) => total + item.quantity * item.unitPriceCents, 0);
  const id = uuidv7();
  const nextStatusAt = new Date(now.getTime() + statusIntervalMs);
  const { rows: placed } = await run(client, 'order', [id, customerId, totalCents, currency, nextStatusAt, now]);
  await run(client, 'items', [
    id,
    items.map((item) => item.productId),
    items.map((_, position) => position),
    items.map((item) => item.name),
    items.map((item) => item.quantity),
    items.map((item) => item.unitPriceCents),
    items.map((item) => item.sku),
  ]);
  await run(client, 'stock', [items.map((item) => item.productId), items.map((item) => item.quantity), now]);
  await run(client, 'history', [id, now]);
  await run(client, 'mail', [uuidv7(), id, now, new Date(now.getTime() + mailDueAfterMs)]);
  return {
    id,
    number: shown(placed[0].number),
    customerId,
    status: 'pending',
    totalCents,
    currency,
    items,
    history: [{ status: 'pending', at: now.toISOString() }],
    shippingAddress: null,
    note: null,
    shipment: null,
    hold: null,
    nextStatusAt: nextStatusAt.toISOString(),
    deletableAt: new Date(now.getTime() + deleteAfterMs).toISOString(),
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    deletedAt: null,
  };
}

/** A number as people read it. */
const shown = (number) => `${number.slice(0, 4)}-${number.slice(4, 8)}-${number.slice(8)}`;

/** Adds up lines of the same product, as the shop does. */
function mergeLines(lines) {
  const quantities = new Map();
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

app.post(
  '/api/orders',
  { onRequest: authenticate, schema: { body: orderInputSchema, response: { 201: orderSchema } } },
  async (request, reply) => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const order = await placeOrder(client, request.customer.sub, mergeLines(request.body.items));
      await client.query('commit');
      return reply.code(201).header('Location', `/api/orders/${order.id}`).send(order);
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  },
);

await app.listen({ host: '127.0.0.1', port: Number(PORT) });

// The shop's list, detail and order the way Express', Sequelize's and Bull's makers recommend: models, a managed
// transaction that locks the products, bulk inserts, a cache, the mail as a job after the commit.

import Queue from 'bull';
import express from 'express';
import { expressjwt } from 'express-jwt';
import { Redis } from 'ioredis';
import { DataTypes, Sequelize } from 'sequelize';
import { uuidv7 } from 'uuidv7';

const { DATABASE_URL, REDIS_URL, JWT_SECRET, PORT, STATUS_INTERVAL_MS } = process.env;
const cacheTtlSeconds = 300;
const statusIntervalMs = Number(STATUS_INTERVAL_MS ?? 3_600_000);
const deleteAfterMs = 24 * 3_600_000;
const mailDueAfterMs = 5_000;
const currency = 'USD';
const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const sequelize = new Sequelize(DATABASE_URL, {
  logging: false,
  pool: { max: 10 },
  define: { underscored: true, timestamps: false },
});
const redis = new Redis(REDIS_URL);
const mailQueue = new Queue('mails', REDIS_URL);
// Where there is a worker that moves orders, see worker.mjs.
const stepQueue = STATUS_INTERVAL_MS && new Queue('steps', REDIS_URL);

const id = { type: DataTypes.UUID, primaryKey: true };
const moment = DataTypes.DATE(3);
const Product = sequelize.define(
  'product',
  {
    id,
    sku: DataTypes.TEXT,
    name: DataTypes.TEXT,
    description: DataTypes.TEXT,
    priceCents: DataTypes.INTEGER,
    stock: DataTypes.INTEGER,
    tags: DataTypes.ARRAY(DataTypes.TEXT),
    images: DataTypes.JSONB,
    version: DataTypes.INTEGER,
    createdAt: moment,
    updatedAt: moment,
    deletedAt: moment,
  },
  { tableName: 'products' },
);
const Order = sequelize.define(
  'order',
  {
    id,
    number: DataTypes.TEXT,
    customerId: DataTypes.UUID,
    status: DataTypes.TEXT,
    run: DataTypes.INTEGER,
    totalCents: DataTypes.BIGINT,
    currency: DataTypes.TEXT,
    nextStatusAt: moment,
    createdAt: moment,
    updatedAt: moment,
  },
  { tableName: 'orders' },
);
const OrderItem = sequelize.define(
  'orderItem',
  {
    orderId: { type: DataTypes.UUID, primaryKey: true },
    productId: { type: DataTypes.UUID, primaryKey: true },
    position: DataTypes.SMALLINT,
    sku: DataTypes.TEXT,
    name: DataTypes.TEXT,
    quantity: DataTypes.INTEGER,
    unitPriceCents: DataTypes.INTEGER,
  },
  { tableName: 'order_items' },
);
const OrderHistory = sequelize.define(
  'orderHistory',
  {
    orderId: { type: DataTypes.UUID, primaryKey: true },
    run: { type: DataTypes.INTEGER, primaryKey: true },
    status: { type: DataTypes.TEXT, primaryKey: true },
    at: moment,
  },
  { tableName: 'order_history' },
);
const Mail = sequelize.define(
  'mail',
  {
    id,
    orderId: DataTypes.UUID,
    run: DataTypes.INTEGER,
    status: DataTypes.TEXT,
    createdAt: moment,
    dueAt: moment,
  },
  { tableName: 'mails' },
);

/** A number as people read it. */
const shown = (number) => `${number.slice(0, 4)}-${number.slice(4, 8)}-${number.slice(8)}`;

function productBody(product) {
  return {
    id: product.id,
    sku: product.sku,
    name: product.name,
    description: product.description,
    priceCents: product.priceCents,
    currency,
    stock: product.stock,
    tags: product.tags,
    images: product.images,
    createdAt: product.createdAt.toISOString(),
    updatedAt: product.updatedAt.toISOString(),
    deletedAt: product.deletedAt?.toISOString() ?? null,
  };
}

async function loadList(page, limit) {
  const { rows, count } = await Product.findAndCountAll({
    where: { deletedAt: null },
    order: [['id', 'DESC']],
    limit,
    offset: (page - 1) * limit,
  });
  const totalPages = Math.ceil(count / limit);
  const nextCursor = page < totalPages ? Buffer.from(rows.at(-1).id).toString('base64url') : null;
  return { data: rows.map(productBody), pagination: { page, limit, totalItems: count, totalPages, nextCursor } };
}

class Refusal extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
  }
}

function readLines(body) {
  const items = body?.items;
  if (!Array.isArray(items) || items.length < 1 || items.length > 100) throw new Refusal(422, 'validation_failed');
  const quantities = new Map();
  for (const { productId, quantity } of items) {
    const isValid = uuidShape.test(productId) && Number.isInteger(quantity) && quantity >= 1 && quantity <= 1_000;
    if (!isValid) throw new Refusal(422, 'validation_failed');
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

async function placeOrder(transaction, customerId, lines) {
  const now = new Date();
  const products = await Product.findAll({
    where: { id: lines.map((line) => line.productId), deletedAt: null },
    order: ['id'],
    lock: transaction.LOCK.NO_KEY_UPDATE,
    transaction,
  });
  const lockedProducts = new Map(products.map((product) => [product.id, product]));
  for (const { productId, quantity } of lines) {
    const lockedProduct = lockedProducts.get(productId);
    if (!lockedProduct) throw new Refusal(422, 'unknown_product');
    if (lockedProduct.stock < quantity) throw new Refusal(409, 'insufficient_stock');
  }
  const items = lines.map(({ productId, quantity }) => {
    const { sku, name, priceCents } = lockedProducts.get(productId);
    return { productId, sku, name, quantity, unitPriceCents: priceCents };
  });
  const totalCents = items.reduce((total, item) => total + item.quantity * item.unitPriceCents, 0);
  const order = {
    id: uuidv7(),
    customerId,
    status: 'pending',
    run: 1,
    totalCents,
    currency,
    nextStatusAt: new Date(now.getTime() + statusIntervalMs),
    createdAt: now,
    updatedAt: now,
  };
  const mailId = uuidv7();
  const placed = await Order.create({ ...order, number: sequelize.literal('default') }, { transaction });
  await OrderItem.bulkCreate(
    items.map((item, position) => ({ orderId: order.id, position, ...item })),
    { transaction },
  );
  for (const { productId, quantity } of lines) {
    const lockedProduct = lockedProducts.get(productId);
    await lockedProduct.update(
      { stock: lockedProduct.stock - quantity, version: lockedProduct.version + 1, updatedAt: now },
      { transaction },
    );
  }
  await OrderHistory.create({ orderId: order.id, run: 1, status: 'pending', at: now }, { transaction });
  await Mail.create(
    {
      id: mailId,
      orderId: order.id,
      run: 1,
      status: 'pending',
      createdAt: now,
      dueAt: new Date(now.getTime() + mailDueAfterMs),
    },
    { transaction },
  );
  const body = {
    id: order.id,
    number: shown(placed.number),
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
    nextStatusAt: order.nextStatusAt.toISOString(),
    deletableAt: new Date(now.getTime() + deleteAfterMs).toISOString(),
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    deletedAt: null,
  };
  return { body, mailId };
}

const app = express();
app.disable('x-powered-by');
app.use(express.json());

app.get('/api/products', async (req, res) => {
  const page = Number(req.query.page ?? 1);
  const limit = Number(req.query.limit ?? 20);
  if (!Number.isInteger(page) || page < 1 || !Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new Refusal(422, 'validation_failed');
  }
  const key = `products:${page}:${limit}`;
  const cached = await redis.get(key);
  if (cached !== null) return res.json(JSON.parse(cached));
  const list = await loadList(page, limit);
  await redis.set(key, JSON.stringify(list), 'EX', cacheTtlSeconds);
  res.json(list);
});

app.get('/api/products/:id', async (req, res) => {
  const product = uuidShape.test(req.params.id) ? await Product.findByPk(req.params.id) : null;
  if (!product || product.deletedAt) throw new Refusal(404, 'not_found');
  res.json(productBody(product));
});

app.post('/api/orders', expressjwt({ secret: JWT_SECRET, algorithms: ['HS256'] }), async (req, res) => {
  const lines = readLines(req.body);
  const { body, mailId } = await sequelize.transaction((transaction) => placeOrder(transaction, req.auth.sub, lines));
  await mailQueue.add({ mailId }, { removeOnComplete: true });
  await stepQueue?.add({ orderId: body.id }, { delay: statusIntervalMs, removeOnComplete: true });
  res.status(201).location(`/api/orders/${body.id}`).json(body);
});

app.use((error, _req, res, _next) => {
  const status = error.status ?? 500;
  res.status(status).json({ status, code: error.message });
});

app.listen(Number(PORT), '127.0.0.1');

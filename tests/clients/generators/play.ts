// A purchase and an admin's day, to be played by any generated client.
import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';

type Product = { id: string; name: string; priceCents: number; stock: number; deletedAt: string | null };
type Order = { id: string; status: string; totalCents: number; hold: { reason: string } | null };
type Page<Item> = { data: Item[]; pagination: { nextCursor: string | null } };
type Refusal = { status: number; code: string; available: number | undefined };

/** What the plays do with a client, for one caller. Its types are looser than the document's, which the compiler sees to. */
export type Caller = {
  register: (name: string, email: string, password: string) => Promise<{ id: string; phone: string | null }>;
  signIn: (email: string, password: string) => Promise<{ token: string }>;
  createProduct: (name: string, priceCents: number, stock: number, tag: string) => Promise<Product>;
  replaceProduct: (id: string, name: string, priceCents: number) => Promise<Product>;
  deleteProduct: (id: string) => Promise<unknown>;
  product: (id: string) => Promise<Product>;
  products: (tag: string, cursor: string | undefined) => Promise<Page<Product>>;
  bookStock: (productId: string, change: number, expectedStock: number, key: string) => Promise<{ stockAfter: number }>;
  placeOrder: (productId: string, quantity: number, key: string) => Promise<Order>;
  refusedOrder: (productId: string, quantity: number) => Promise<Refusal>;
  order: (id: string) => Promise<Order>;
  orders: (status: 'pending', cursor: string | undefined) => Promise<Page<Order>>;
  cancelOrder: (id: string) => Promise<Order>;
  moveOrder: (id: string, status: 'processing' | 'shipped', carrier?: string) => Promise<Order>;
  holdOrder: (id: string, reason: string) => Promise<Order>;
  releaseOrder: (id: string) => Promise<Order>;
  auditEvents: (subjectId: string, cursor: string | undefined) => Promise<Page<{ id: string; action: string }>>;
  sales: (from: string, to: string) => Promise<{ days: { orders: number }[] }>;
  exportedOrders: () => Promise<string>;
};

/** Every item of a list, whose pages must be more than one. */
async function walk<Item extends { id: string }>(read: (cursor: string | undefined) => Promise<Page<Item>>) {
  const items: Item[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    const { data, pagination } = await read(cursor);
    items.push(...data);
    pages += 1;
    cursor = pagination.nextCursor ?? undefined;
  } while (cursor !== undefined);
  assert(pages > 1, 'The walk was over at once.');
  assert.equal(new Set(items.map(({ id }) => id)).size, items.length, 'The walk met something twice.');
  return items;
}

/** Plays both on the shop that is named by the command's arguments: its URL, and the admin's address and password. */
export async function play(connect: (url: string, token?: string) => Caller): Promise<void> {
  const [url = '', adminEmail = '', adminPassword = ''] = process.argv.slice(2);
  const visitor = connect(url);
  const admin = connect(url, (await visitor.signIn(adminEmail, adminPassword)).token);
  const tag = randomUUID();
  const made: Product[] = [];
  for (const number of [1, 2, 3, 4, 5]) made.push(await admin.createProduct(`Mug ${number}`, 1_299, 10, tag));

  // A purchase.
  const email = `${randomUUID()}@example.com`;
  const account = await visitor.register('Ada Lovelace', email, 'open sesame');
  assert.equal(account.phone, null);
  const customer = connect(url, (await visitor.signIn(email, 'open sesame')).token);
  const found = await walk((cursor) => visitor.products(tag, cursor));
  assert.deepEqual(found.map(({ id }) => id).sort(), made.map(({ id }) => id).sort());
  const [wanted] = found;
  assert(wanted);
  const key = randomUUID();
  const order = await customer.placeOrder(wanted.id, 2, key);
  assert.deepEqual([order.status, order.totalCents], ['pending', 2 * wanted.priceCents]);
  assert.equal((await customer.placeOrder(wanted.id, 2, key)).id, order.id);
  const refusal = await customer.refusedOrder(wanted.id, 100);
  assert.deepEqual(refusal, { status: 409, code: 'insufficient_stock', available: 8 });
  const regretted = await customer.placeOrder(wanted.id, 1, randomUUID());
  assert.equal((await customer.cancelOrder(regretted.id)).status, 'cancelled');
  for (const _ of [1, 2, 3]) await customer.placeOrder(wanted.id, 1, randomUUID());

  // An admin's day.
  const pending = await walk((cursor) => admin.orders('pending', cursor));
  assert(pending.some(({ id }) => id === order.id));
  assert.equal((await admin.holdOrder(order.id, 'Is the address right?')).hold?.reason, 'Is the address right?');
  assert.equal((await customer.order(order.id)).hold, null);
  assert.equal((await admin.releaseOrder(order.id)).hold, null);
  assert.equal((await admin.moveOrder(order.id, 'processing')).status, 'processing');
  assert.equal((await admin.moveOrder(order.id, 'shipped', 'DHL')).status, 'shipped');
  assert.equal((await admin.bookStock(wanted.id, 20, 5, randomUUID())).stockAfter, 25);
  const cheaper = await admin.replaceProduct(wanted.id, wanted.name, 999);
  assert.deepEqual([cheaper.priceCents, cheaper.stock], [999, 25]);
  await admin.deleteProduct(wanted.id);
  // Others do not see it any more: this one is read with a token.
  assert.notEqual((await admin.product(wanted.id)).deletedAt, null);
  const actions = (await walk((cursor) => admin.auditEvents(wanted.id, cursor))).map(({ action }) => action);
  assert.deepEqual(actions, ['product.deleted', 'product.updated', 'stock.changed', 'product.created']);
  const today = new Date().toISOString().slice(0, 10);
  const { days } = await admin.sales(today, today);
  assert((days[0]?.orders ?? 0) >= 4);
  assert((await admin.exportedOrders()).includes(order.id));
}

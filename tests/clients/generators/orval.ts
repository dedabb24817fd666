import * as shop from './made/orval/shop.ts';
import { type Caller, play } from './play.ts';

const limit = 2;
const after = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

/** Of the answers that a route can give, the one of 2xx. */
type Given<Answer> = Answer extends { status: 200 | 201; data: infer Data } ? Data : never;

/** @throws where the shop refuses */
async function given<Answer extends { status: number; data: unknown }>(
  request: Promise<Answer>,
): Promise<Given<Answer>> {
  const { status, data } = await request;
  if (status >= 300) throw new Error(JSON.stringify(data));
  return data as Given<Answer>;
}

// The document of the shop that is running names its URL, and the client has it from there.
function connect(_url: string, token?: string): Caller {
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const asCaller = { headers };
  const withKey = (key: string) => ({ headers: { ...headers, 'Idempotency-Key': key } });
  return {
    register: (name, email, password) => given(shop.register({ name, email, password }, asCaller)),
    signIn: (email, password) => given(shop.signIn({ email, password }, asCaller)),
    createProduct: (name, priceCents, stock, tag) =>
      given(shop.createProduct({ name, priceCents, stock, tags: [tag] }, asCaller)),
    replaceProduct: (id, name, priceCents) => given(shop.replaceProduct(id, { name, priceCents }, asCaller)),
    deleteProduct: (id) => given(shop.deleteProduct(id, asCaller)),
    product: (id) => given(shop.getProduct(id, asCaller)),
    products: (tag, cursor) => given(shop.listProducts({ tag, limit, ...after(cursor) }, asCaller)),
    bookStock: (productId, change, expectedStock, key) =>
      given(shop.bookStockChange({ productId, change, expectedStock, reason: 'received' }, withKey(key))),
    placeOrder: (productId, quantity, key) =>
      given(shop.placeOrder({ items: [{ productId, quantity }] }, withKey(key))),
    refusedOrder: async (productId, quantity) => {
      const { status, data } = await shop.placeOrder({ items: [{ productId, quantity }] }, asCaller);
      if (status === 201) throw new Error('The order was not refused.');
      const [line] = data.errors ?? [];
      return { status, code: data.code, available: line && 'available' in line ? line.available : undefined };
    },
    order: (id) => given(shop.getOrder(id, asCaller)),
    orders: (status, cursor) => given(shop.listOrders({ status, limit, ...after(cursor) }, asCaller)),
    cancelOrder: (id) => given(shop.cancelOrder(id, asCaller)),
    moveOrder: (id, status, carrier) =>
      given(shop.changeOrderStatus(id, { status, ...(carrier && { carrier }) }, asCaller)),
    holdOrder: (id, reason) => given(shop.holdOrder(id, { reason }, asCaller)),
    releaseOrder: (id) => given(shop.releaseOrder(id, asCaller)),
    auditEvents: (subjectId, cursor) => given(shop.listAuditEvents({ subjectId, limit, ...after(cursor) }, asCaller)),
    sales: (from, to) => given(shop.getSalesReport({ from, to }, asCaller)),
    // A function of its own is there, but reads CSV as if it were NDJSON.
    exportedOrders: async () => (await fetch(shop.getExportOrdersUrl({ format: 'csv' }), asCaller)).text(),
  };
}

await play(connect);

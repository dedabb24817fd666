import { createClient } from './made/hey-api/client/index.ts';
import * as shop from './made/hey-api/sdk.gen.ts';
import { type Caller, play } from './play.ts';

const limit = 2;
const after = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

function connect(baseUrl: string, token?: string): Caller {
  const client = createClient({ baseUrl, auth: () => token });
  const way = { client, throwOnError: true } as const;
  return {
    register: async (name, email, password) => (await shop.register({ ...way, body: { name, email, password } })).data,
    signIn: async (email, password) => (await shop.signIn({ ...way, body: { email, password } })).data,
    createProduct: async (name, priceCents, stock, tag) =>
      (await shop.createProduct({ ...way, body: { name, priceCents, stock, tags: [tag] } })).data,
    replaceProduct: async (id, name, priceCents) =>
      (await shop.replaceProduct({ ...way, path: { id }, body: { name, priceCents } })).data,
    deleteProduct: (id) => shop.deleteProduct({ ...way, path: { id } }),
    product: async (id) => (await shop.getProduct({ ...way, path: { id } })).data,
    products: async (tag, cursor) =>
      (await shop.listProducts({ ...way, query: { tag, limit, ...after(cursor) } })).data,
    bookStock: async (productId, change, expectedStock, key) => {
      const body = { productId, change, expectedStock, reason: 'received' } as const;
      return (await shop.bookStockChange({ ...way, headers: { 'Idempotency-Key': key }, body })).data;
    },
    placeOrder: async (productId, quantity, key) => {
      const body = { items: [{ productId, quantity }] };
      return (await shop.placeOrder({ ...way, headers: { 'Idempotency-Key': key }, body })).data;
    },
    refusedOrder: async (productId, quantity) => {
      const { error, response } = await shop.placeOrder({ client, body: { items: [{ productId, quantity }] } });
      const [line] = error?.errors ?? [];
      return {
        status: response?.status ?? 0,
        code: error?.code ?? '',
        available: line && 'available' in line ? line.available : undefined,
      };
    },
    order: async (id) => (await shop.getOrder({ ...way, path: { id } })).data,
    orders: async (status, cursor) =>
      (await shop.listOrders({ ...way, query: { status, limit, ...after(cursor) } })).data,
    cancelOrder: async (id) => (await shop.cancelOrder({ ...way, path: { id } })).data,
    moveOrder: async (id, status, carrier) =>
      (await shop.changeOrderStatus({ ...way, path: { id }, body: { status, ...(carrier && { carrier }) } })).data,
    holdOrder: async (id, reason) => (await shop.holdOrder({ ...way, path: { id }, body: { reason } })).data,
    releaseOrder: async (id) => (await shop.releaseOrder({ ...way, path: { id } })).data,
    auditEvents: async (subjectId, cursor) =>
      (await shop.listAuditEvents({ ...way, query: { subjectId, limit, ...after(cursor) } })).data,
    sales: async (from, to) => (await shop.getSalesReport({ ...way, query: { from, to } })).data,
    exportedOrders: async () => (await shop.exportOrders({ ...way, query: { format: 'csv' } })).data,
  };
}

await play(connect);

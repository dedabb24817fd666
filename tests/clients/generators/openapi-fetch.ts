import createClient from 'openapi-fetch';
import type { paths } from './made/openapi-typescript.ts';
import { type Caller, play } from './play.ts';

const limit = 2;
const after = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

/** @throws where the shop refuses */
function given<Data>({ data, error }: { data?: Data; error?: unknown }): Data {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

function connect(baseUrl: string, token?: string): Caller {
  const shop = createClient<paths>({
    baseUrl,
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  });
  return {
    register: async (name, email, password) =>
      given(await shop.POST('/api/auth/register', { body: { name, email, password } })),
    signIn: async (email, password) => given(await shop.POST('/api/auth/login', { body: { email, password } })),
    createProduct: async (name, priceCents, stock, tag) =>
      given(await shop.POST('/api/products', { body: { name, priceCents, stock, tags: [tag] } })),
    replaceProduct: async (id, name, priceCents) =>
      given(await shop.PUT('/api/products/{id}', { params: { path: { id } }, body: { name, priceCents } })),
    deleteProduct: async (id) => {
      const { response } = await shop.DELETE('/api/products/{id}', { params: { path: { id } } });
      if (!response.ok) throw new Error(`The product was not deleted: ${response.status}`);
    },
    product: async (id) => given(await shop.GET('/api/products/{id}', { params: { path: { id } } })),
    products: async (tag, cursor) =>
      given(await shop.GET('/api/products', { params: { query: { tag, limit, ...after(cursor) } } })),
    bookStock: async (productId, change, expectedStock, key) =>
      given(
        await shop.POST('/api/stock-changes', {
          params: { header: { 'Idempotency-Key': key } },
          body: { productId, change, expectedStock, reason: 'received' },
        }),
      ),
    placeOrder: async (productId, quantity, key) =>
      given(
        await shop.POST('/api/orders', {
          params: { header: { 'Idempotency-Key': key } },
          body: { items: [{ productId, quantity }] },
        }),
      ),
    refusedOrder: async (productId, quantity) => {
      const { error } = await shop.POST('/api/orders', { body: { items: [{ productId, quantity }] } });
      const [line] = error?.errors ?? [];
      return {
        status: error?.status ?? 0,
        code: error?.code ?? '',
        available: line && 'available' in line ? line.available : undefined,
      };
    },
    order: async (id) => given(await shop.GET('/api/orders/{id}', { params: { path: { id } } })),
    orders: async (status, cursor) =>
      given(await shop.GET('/api/orders', { params: { query: { status, limit, ...after(cursor) } } })),
    cancelOrder: async (id) => given(await shop.PATCH('/api/orders/cancel/{id}', { params: { path: { id } } })),
    moveOrder: async (id, status, carrier) =>
      given(
        await shop.PATCH('/api/orders/status/{id}', {
          params: { path: { id } },
          body: { status, ...(carrier && { carrier }) },
        }),
      ),
    holdOrder: async (id, reason) =>
      given(await shop.PATCH('/api/orders/hold/{id}', { params: { path: { id } }, body: { reason } })),
    releaseOrder: async (id) => given(await shop.PATCH('/api/orders/release/{id}', { params: { path: { id } } })),
    auditEvents: async (subjectId, cursor) =>
      given(await shop.GET('/api/audit-events', { params: { query: { subjectId, limit, ...after(cursor) } } })),
    sales: async (from, to) => given(await shop.GET('/api/reports/sales', { params: { query: { from, to } } })),
    exportedOrders: async () =>
      given(await shop.GET('/api/exports/orders', { params: { query: { format: 'csv' } }, parseAs: 'text' })),
  };
}

await play(connect);

import type { AuditEventBody } from '../../src/schema/audit-events.ts';
import type { OrderBody } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import { type Answer, createProduct, type RequestOptions } from './client.ts';

/** An order, or the problem that a suite expects in its place. */
export type OrderAnswer = Answer<OrderBody & { code?: string; currentStatus?: string }>;

type Send = <Body>(method: string, path: string, options?: RequestOptions) => Promise<Answer<Body>>;

/** Who calls; `url` is where products are made. Suites that place no orders have no customer. */
type Callers = { url: string; customerToken?: string; adminToken: string };

/** As whom to ask; as nobody without a token. */
const as = (token: string | undefined): RequestOptions => (token === undefined ? {} : { token });

/**
 * What most suites do with a shop: a customer's orders, and the products that they are for. Answers come as they are,
 * refusals included; options go over what is sent, so another caller's `token` may stand in.
 * @param send sends one request, to whichever process the suite means
 * @param callers is asked at each call, because a suite knows them only once its shop is there
 */
export function createShopClient(send: Send, callers: () => Callers) {
  const asCustomer = (method: string, path: string, options?: RequestOptions): Promise<OrderAnswer> =>
    send(method, path, { ...as(callers().customerToken), ...options });
  const asAdmin = (method: string, path: string, options?: RequestOptions): Promise<OrderAnswer> =>
    send(method, path, { token: callers().adminToken, ...options });
  const readAsAdmin = async <Body>(path: string) =>
    (await send<Body>('GET', path, { token: callers().adminToken })).body;
  return {
    place: (items: unknown, options?: RequestOptions) =>
      asCustomer('POST', '/api/orders', { body: { items }, ...options }),
    cancel: (id: string, options?: RequestOptions) => asCustomer('PATCH', `/api/orders/cancel/${id}`, options),
    remove: (id: string, options?: RequestOptions) => asCustomer('DELETE', `/api/orders/${id}`, options),
    restore: (id: string, options?: RequestOptions) => asCustomer('PATCH', `/api/orders/restore/${id}`, options),
    move: (id: string, body: unknown, options?: RequestOptions) =>
      asAdmin('PATCH', `/api/orders/status/${id}`, { body, ...options }),
    hold: (id: string, reason = 'The address does not exist.', options?: RequestOptions) =>
      asAdmin('PATCH', `/api/orders/hold/${id}`, { body: { reason }, ...options }),
    release: (id: string, options?: RequestOptions) => asAdmin('PATCH', `/api/orders/release/${id}`, options),
    redirect: (id: string, shippingAddress: unknown, options?: RequestOptions) =>
      asCustomer('PATCH', `/api/orders/address/${id}`, { body: { shippingAddress }, ...options }),
    /** The order as an admin sees it, deleted or not. */
    read: (id: string) => readAsAdmin<OrderBody>(`/api/orders/${id}`),
    product: (given?: Parameters<typeof createProduct>[2]) => createProduct(callers().url, callers().adminToken, given),
    stockOf: async ({ id }: Pick<ProductBody, 'id'>) => (await readAsAdmin<ProductBody>(`/api/products/${id}`)).stock,
    /** What was done to something, the newest first. */
    eventsOf: async ({ id }: { id: string }) =>
      (await readAsAdmin<{ data: AuditEventBody[] }>(`/api/audit-events?subjectId=${id}&limit=100`)).data,
  };
}

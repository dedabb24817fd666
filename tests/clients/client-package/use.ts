// For the compiler: what the types of the package promise to a front end.
import { createClient, type Order, type Problem, type Product, paginate, ShopError, unwrap } from '@shop/client';

const shop = createClient('https://shop.example', { token: async () => undefined });

export async function read(cursor: string | undefined): Promise<[Product, Order[], string, undefined]> {
  const product = await unwrap(shop.api.products[':id'].$get({ param: { id: 'x' } }));
  const { data } = await unwrap(shop.api.orders.$get({ query: { limit: 10, includeDeleted: true, cursor } }));
  const text = await unwrap(shop.api.exports.orders.$get({ query: { format: 'csv' } }));
  const nothing = await unwrap(shop.api.orders[':id'].$delete({ param: { id: 'x' } }));
  return [product, data, text, nothing];
}

export async function walk(): Promise<Order[]> {
  const orders: Order[] = [];
  for await (const order of paginate((page) => shop.api.orders.$get({ query: { status: 'pending', ...page } }))) {
    orders.push(order);
  }
  return orders;
}

/** Each status has the body of its own, and only the codes that this route can answer. */
export async function place(): Promise<Order | number | 'idempotency_in_progress' | undefined> {
  const answer = await shop.api.orders.$post({ json: { items: [{ productId: 'x', quantity: 1 }], note: undefined } });
  if (answer.status === 201) return answer.json();
  if (answer.status !== 409) return undefined;
  const problem = await answer.json();
  return problem.code === 'insufficient_stock' ? problem.errors[0]?.available : problem.code;
}

export function explain(error: unknown): string {
  if (!(error instanceof ShopError)) throw error;
  const { problem } = error;
  switch (problem.code) {
    case 'order_status_conflict': {
      const status: Order['status'] = problem.currentStatus;
      return status;
    }
    case 'validation_failed':
      return problem.errors.map(({ path, message }) => `${path} ${message}`).join();
    case 'not_found':
      // @ts-expect-error: nothing more is said of it
      return problem.errors;
    default:
      return problem.detail;
  }
}

export const statusOf: Problem<'order_too_recent'>['status'] = 409;

export function refuseToCompile() {
  return [
    // @ts-expect-error: no such route
    shop.api.nowhere.$get(),
    // @ts-expect-error: no such parameter
    shop.api.products.$get({ query: { colour: 'red' } }),
    // @ts-expect-error: no such status
    shop.api.orders.$get({ query: { status: 'lost' } }),
    // @ts-expect-error: it has to be said whose
    shop.api.orders[':id'].$get(),
    // @ts-expect-error: an order has items
    shop.api.orders.$post({ json: {} }),
  ];
}

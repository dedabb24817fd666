import type { OrderBody } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import type { Catalogue } from './catalogue.ts';
import type { Client } from './client.ts';
import type { Crowd, Customer } from './crowd.ts';
import type { Expectations } from './expectations.ts';
import type { PlaceOptions, PlaceOrder } from './orders.ts';
import type { Random } from './random.ts';

type Known = { id: string; customer: Customer };

/** About as many as are still on their way under the usual load. */
const recentOrdersMax = 100;
const endedOrdersMax = 30;
const rushSize = 12;
/** How often someone who does not wait sends a request twice at the same moment. */
const impatience = 0.2;

/** What customers do, and staff with their orders. Each action is one request, or a few that belong together. */
export type Customers = Record<
  | 'order'
  | 'orderWithKey'
  | 'rush'
  | 'readOrder'
  | 'listOrders'
  | 'cancel'
  | 'remove'
  | 'restore'
  | 'redirect'
  | 'move'
  | 'hold'
  | 'release'
  | 'browse'
  | 'readProduct',
  () => Promise<unknown>
>;

type Needs = {
  client: Client;
  crowd: Crowd;
  placeOrder: PlaceOrder;
  catalogue: Catalogue;
  expectations: Expectations;
  random: Random;
  adminToken: string;
};

const address = { name: 'Grace Hopper', city: 'London', country: 'GB' };
const laterStatuses = ['processing', 'shipped', 'delivered'] as const;

export function createCustomers({
  client,
  crowd,
  placeOrder,
  catalogue,
  expectations,
  random,
  adminToken,
}: Needs): Customers {
  const recent: Known[] = [];
  const ended: Known[] = [];
  const held: Known[] = [];
  const copies = () => (random.next() < impatience ? 2 : 1);

  async function order(options: PlaceOptions = {}): Promise<void> {
    const placed = await placeOrder(options);
    if (placed) remember(recent, { id: placed.order.id, customer: placed.customer }, recentOrdersMax);
  }

  /** Everybody wants the same few pieces at the same moment. */
  async function rush(): Promise<void> {
    await catalogue.release();
    const product = catalogue.limited().at(-1);
    if (product) await Promise.all(Array.from({ length: rushSize }, () => order({ product })));
  }

  async function send(method: string, path: string, { id, customer }: Known, expected: number[]): Promise<boolean> {
    const answer = await client<OrderBody>({ method, path: path + id, token: customer.token, expected });
    if (answer?.status === 200) expectations.check(answer.body);
    return answer?.status === 200 || answer?.status === 204;
  }

  /** What staff do with an order, sometimes twice at the same moment. */
  async function handle(path: string, known: Known[], body?: unknown): Promise<{ order: Known; done: boolean } | null> {
    if (known.length === 0) return null;
    const order = random.pick(known);
    const sent = Array.from({ length: copies() }, () =>
      client<OrderBody>({
        method: 'PATCH',
        path: path + order.id,
        token: adminToken,
        expected: [200, 404, 409],
        ...(body === undefined ? {} : { body }),
      }),
    );
    const answers = await Promise.all(sent);
    const bodies = answers.flatMap((answer) => (answer?.status === 200 ? [answer.body] : []));
    for (const answered of bodies) expectations.check(answered);
    return { order, done: bodies.length > 0 };
  }

  async function change(method: string, path: string, known: Known[], expected: number[]): Promise<void> {
    if (known.length === 0) return;
    const order = random.pick(known);
    const sent = Array.from({ length: copies() }, () => send(method, path, order, expected));
    const done = await Promise.all(sent);
    if (known === recent && done.includes(true)) remember(ended, order, endedOrdersMax);
  }

  return {
    order,
    orderWithKey: () => order({ idempotent: true, copies: copies() }),
    rush,
    cancel: () => change('PATCH', '/api/orders/cancel/', recent, [200, 404, 409]),
    remove: () => change('DELETE', '/api/orders/', recent, [204, 404, 409]),
    restore: () => change('PATCH', '/api/orders/restore/', ended, [200, 409]),
    redirect: async () => {
      if (recent.length === 0) return;
      const { id, customer } = random.pick(recent);
      const body = { shippingAddress: { ...address, line1: String(random.between(1, 1_000)) } };
      const path = `/api/orders/address/${id}`;
      const answer = await client<OrderBody>({
        method: 'PATCH',
        path,
        token: customer.token,
        body,
        expected: [200, 404, 409],
      });
      if (answer?.status === 200) expectations.check(answer.body);
    },
    move: () => handle('/api/orders/status/', recent, { status: random.pick(laterStatuses) }),
    hold: async () => {
      const answer = await handle('/api/orders/hold/', recent, { reason: 'Chaos' });
      if (answer?.done) remember(held, answer.order, recentOrdersMax);
    },
    release: async () => {
      const answer = await handle('/api/orders/release/', held);
      if (answer) held.splice(held.indexOf(answer.order), 1);
    },
    readOrder: async () => recent.length > 0 && send('GET', '/api/orders/', random.pick(recent), [200, 404]),
    listOrders: async () => {
      const { token } = crowd.anyone();
      const answer = await client<{ data: OrderBody[] }>({
        method: 'GET',
        path: '/api/orders',
        token,
        expected: [200],
      });
      if (answer?.status === 200) for (const listed of answer.body.data) expectations.check(listed);
    },
    browse: async () => {
      const path = `/api/products?limit=50&sort=${random.pick(['name', '-priceCents', '-createdAt'])}`;
      const answer = await client<{ data: ProductBody[] }>({ method: 'GET', path, expected: [200] });
      if (answer?.status === 200) for (const product of answer.body.data) catalogue.check(product);
    },
    readProduct: async () => {
      const path = `/api/products/${random.pick(catalogue.plentiful)}`;
      const answer = await client<ProductBody>({ method: 'GET', path, expected: [200] });
      if (answer?.status === 200) catalogue.check(answer.body);
    },
  };
}

function remember(list: Known[], order: Known, max: number): void {
  list.push(order);
  if (list.length > max) list.shift();
}

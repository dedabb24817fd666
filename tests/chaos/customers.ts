import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CustomerBody } from '../../src/schema/customers.ts';
import type { OrderBody } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import type { Book, Wish } from './book.ts';
import type { Catalogue } from './catalogue.ts';
import type { Client } from './client.ts';
import type { Member } from './fleet.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';

export type Customer = { id: string; token: string; wishes: number };

type Known = { id: string; customer: Customer };

const quantityMax = 5;
const retryAfterMs = 500;
const retriesMax = 60;
const customersMax = 60;
/** About as many as are still on their way under the usual load. */
const recentOrdersMax = 100;
const endedOrdersMax = 30;

/** What customers do. Each action is one request, or a few that belong together. */
export type Customers = Record<
  'register' | 'order' | 'readOrder' | 'listOrders' | 'cancel' | 'remove' | 'restore' | 'browse' | 'readProduct',
  () => Promise<unknown>
> & {
  /** Places an order for the referee, at the API that it names. */
  probe: (api: Member) => Promise<OrderBody | null>;
};

type Needs = {
  client: Client;
  catalogue: Catalogue;
  book: Book;
  journal: Journal;
  random: Random;
  /** Ends repeats that are under way. */
  signal: AbortSignal;
};

/** Opens the first accounts. Whoever has ordered every basket that makes an order tell-tale is replaced by a new one. */
export async function createCustomers({ client, catalogue, book, journal, random, signal }: Needs): Promise<Customers> {
  const customers: Customer[] = [];
  const recent: Known[] = [];
  const ended: Known[] = [];

  async function openAccount(): Promise<Customer | null> {
    const credentials = { email: `${randomUUID()}@example.com`, password: 'open sesame' };
    const body = { name: 'Grace Hopper', ...credentials };
    const account = await client<CustomerBody>({
      method: 'POST',
      path: '/api/auth/register',
      body,
      expected: [201],
    });
    if (account?.status !== 201) return null;
    const session = await client<{ token: string }>({
      method: 'POST',
      path: '/api/auth/login',
      body: credentials,
      expected: [200],
    });
    return session?.status === 200 ? { id: account.body.id, token: session.body.token, wishes: 0 } : null;
  }

  async function register(): Promise<void> {
    const customer = await openAccount();
    if (!customer) return;
    customers.push(customer);
    if (customers.length > customersMax) customers.shift();
  }

  /** The first line tells the wishes of a customer apart; now and then a second one makes locks and stock contended. */
  function fillBasket(customer: Customer) {
    const products = catalogue.plentiful;
    const wished = customer.wishes;
    customer.wishes += 1;
    const first = {
      productId: products[wished % products.length] ?? '',
      quantity: 1 + (Math.floor(wished / products.length) % quantityMax),
    };
    const others = [...products, ...catalogue.limited()].filter((id) => id !== first.productId);
    const second = { productId: random.pick(others), quantity: random.between(1, 3) };
    return random.next() < 0.5 ? ([first] as const) : ([first, second] as const);
  }

  function forget(customer: Customer): void {
    if (customer.wishes < catalogue.plentiful.length * quantityMax) return;
    customers.splice(customers.indexOf(customer), 1);
    void register();
  }

  async function place(customer: Customer, idempotent: boolean, api?: Member): Promise<OrderBody | null> {
    const items = fillBasket(customer);
    forget(customer);
    const wish = book.enter({ customerId: customer.id, ...items[0], idempotent });
    const headers: Record<string, string> = idempotent ? { 'Idempotency-Key': randomUUID() } : {};
    for (let retries = 0; retries < retriesMax && !signal.aborted; retries += 1) {
      const sentAt = Date.now();
      const answer = await client<OrderBody & { code: string }>({
        method: 'POST',
        path: '/api/orders',
        token: customer.token,
        body: { items },
        headers,
        expected: [201, 409],
        ...(retries === 0 && api ? { api } : {}),
      });
      noteDuration(sentAt);
      if (answer && conclude(wish, answer)) {
        if (answer.status !== 201) return null;
        book.check(answer.body);
        remember(recent, { id: answer.body.id, customer }, recentOrdersMax);
        return answer.body;
      }
      if (!idempotent) return null;
      await sleep(retryAfterMs);
    }
    journal.breach('A repeat under the same key is answered in the end', JSON.stringify(wish));
    return null;
  }

  function noteDuration(sentAt: number): void {
    const [fault] = journal.affecting('redis', sentAt, sentAt);
    const [other] = journal.faults.filter(({ recoveredAt }) => recoveredAt === null || recoveredAt > sentAt);
    if (fault && (fault.endedAt ?? sentAt) >= sentAt) journal.took('order without Redis', Date.now() - sentAt);
    else if (!other) journal.took('order', Date.now() - sentAt);
  }

  function remember(list: Known[], order: Known, max: number): void {
    list.push(order);
    if (list.length > max) list.shift();
  }

  async function change(method: string, path: string, { id, customer }: Known, expected: number[]): Promise<boolean> {
    const answer = await client<OrderBody>({ method, path: path + id, token: customer.token, expected });
    if (answer?.status === 200) book.check(answer.body);
    return answer?.status === 200 || answer?.status === 204;
  }

  async function end(method: string, path: string, expected: number[]): Promise<void> {
    if (recent.length === 0) return;
    const order = random.pick(recent);
    if (await change(method, path, order, expected)) remember(ended, order, endedOrdersMax);
  }

  for (let index = 0; index < 10; index += 1) await register();

  return {
    register,
    order: () => place(random.pick(customers), random.next() < 0.5),
    cancel: () => end('PATCH', '/api/orders/cancel/', [200, 404, 409]),
    remove: () => end('DELETE', '/api/orders/', [204, 404, 409]),
    restore: async () => ended.length > 0 && change('PATCH', '/api/orders/restore/', random.pick(ended), [200, 409]),
    readOrder: async () => recent.length > 0 && change('GET', '/api/orders/', random.pick(recent), [200, 404]),
    listOrders: async () => {
      const { token } = random.pick(customers);
      const answer = await client<{ data: OrderBody[] }>({
        method: 'GET',
        path: '/api/orders',
        token,
        expected: [200],
      });
      if (answer?.status === 200) for (const order of answer.body.data) book.check(order);
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
    probe: (api) => place(random.pick(customers), false, api),
  };
}

/** Enters into a wish what an answer settles; false when it is still open. */
function conclude(wish: Wish, { status, body }: { status: number; body: { id: string; code: string } }): boolean {
  if (status === 201) wish.outcome = { orderId: body.id };
  else if (status === 503 || body.code === 'idempotency_in_progress') return false;
  else wish.outcome = 'refused';
  return true;
}

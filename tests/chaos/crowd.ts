import { randomUUID } from 'node:crypto';
import type { CustomerBody } from '../../src/schema/customers.ts';
import type { OrderLine } from '../../src/schema/orders.ts';
import type { Catalogue } from './catalogue.ts';
import type { Client } from './client.ts';
import type { Random } from './random.ts';

export type Customer = { id: string; token: string; baskets: number };

/** Those who have an account just now. */
export type Crowd = {
  anyone: () => Customer;
  /** Opens one more account; someone leaves when there are many. */
  register: () => Promise<void>;
  /**
   * What a customer wants next. The first line is one that they have never wanted before, so that it tells their
   * orders apart; they leave, and another comes, when they have wanted them all.
   * @param second a product that has to be in it
   */
  fillBasket: (customer: Customer, second?: string) => [first: OrderLine, ...others: OrderLine[]];
};

const crowdMin = 10;
const crowdMax = 60;
const quantityMax = 5;
const secondQuantityMax = 3;

/** Opens the first accounts. */
export async function gatherCrowd(client: Client, catalogue: Catalogue, random: Random): Promise<Crowd> {
  const { plentiful } = catalogue;
  const crowd: Customer[] = [];

  async function register(): Promise<void> {
    const credentials = { email: `${randomUUID()}@example.com`, password: 'open sesame' };
    const body = { name: 'Grace Hopper', ...credentials };
    const account = await client<CustomerBody>({ method: 'POST', path: '/api/auth/register', body, expected: [201] });
    if (account?.status !== 201) return;
    const login = { method: 'POST', path: '/api/auth/login', body: credentials, expected: [200] };
    const session = await client<{ token: string }>(login);
    if (session?.status !== 200) return;
    crowd.push({ id: account.body.id, token: session.body.token, baskets: 0 });
    if (crowd.length > crowdMax) crowd.shift();
  }

  function fillBasket(customer: Customer, wanted?: string): [OrderLine, ...OrderLine[]] {
    const number = customer.baskets;
    customer.baskets += 1;
    if (customer.baskets === plentiful.length * quantityMax) {
      crowd.splice(crowd.indexOf(customer), 1);
      void register();
    }
    const first = {
      productId: plentiful[number % plentiful.length] ?? '',
      quantity: 1 + (Math.floor(number / plentiful.length) % quantityMax),
    };
    const others = [...plentiful, ...catalogue.limited()].filter((id) => id !== first.productId);
    const second = wanted ?? (random.next() < 0.5 ? random.pick(others) : undefined);
    return second ? [first, { productId: second, quantity: random.between(1, secondQuantityMax) }] : [first];
  }

  for (let index = 0; index < crowdMin; index += 1) await register();
  return { anyone: () => random.pick(crowd), register, fillBasket };
}

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  type Account,
  createProduct,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, pause } from './support/wait.ts';

let shop: Shop;
let customer: Account;
let mugId: string;

beforeAll(async () => {
  shop = await startShop();
  customer = await registerCustomer(shop.url);
  mugId = (await createProduct(shop.url, await signInAdmin(shop.url), { stock: 10_000 })).id;
});

afterAll(() => shop.stop());

function crowd() {
  const requests: [method: string, path: string, options?: RequestOptions][] = [
    ['POST', '/api/orders', { body: { items: [{ productId: mugId, quantity: 1 }] } }],
    ['GET', `/api/products/${mugId}`],
    ['GET', '/api/orders?limit=1'],
    ['PATCH', `/api/customers/phone/${customer.id}`, { body: { phone: null } }],
  ];
  const all = [...requests, ...requests, ...requests];
  return Promise.all(
    all.map(([method, path, options]) => request(shop.url, method, path, { token: customer.token, ...options })),
  );
}

describe('requests', () => {
  describe('when connections to Postgres break under them, again and again', () => {
    test('are answered, and afterwards every connection is as good as before', async () => {
      for (let round = 0; round < 15; round += 1) {
        const answers = crowd();
        // A different moment each time: between two statements, in one, at the commit.
        await pause(round);
        shop.postgresLink.drop();
        for (const { status } of await answers) expect([200, 201, 503]).toContain(status);
      }
      await eventually(async () => (await request(shop.url, 'GET', '/readyz')).status === 200);
      for (let round = 0; round < 5; round += 1) {
        for (const { status } of await crowd()) expect([200, 201]).toContain(status);
      }
      for (const child of [shop.api(0), shop.worker(0)]) expect(child.output()).not.toContain('TypeError');
    });
  });
});

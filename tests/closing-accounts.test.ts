import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Account, type Answer, freshEmail, registerCustomer, request, signInAdmin } from './support/client.ts';
import { untilOrderWaits } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;
let adminToken: string;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  adminToken = await signInAdmin(shop.url);
});

afterAll(() => shop.stop());

/** Closes an account, and lets the commit come only when the request has found it open and waits to change it. */
async function meetClosing({ id }: Account, ask: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
  const { asked } = await shop.db.begin(async (sql) => {
    await sql`update customers set deleted_at = now() where id = ${id}`;
    const asked = ask();
    await untilOrderWaits(shop.db);
    return { asked };
  });
  return asked;
}

const rowOf = async (id: string) => (await shop.db`select * from customers where id = ${id}`)[0];

const changes: [method: string, path: (id: string) => string, body: () => unknown][] = [
  ['PUT', (id) => `/api/customers/${id}`, () => ({ name: 'Grace', email: freshEmail(), phone: null })],
  ['PATCH', (id) => `/api/customers/email/${id}`, () => ({ email: freshEmail() })],
  ['PATCH', (id) => `/api/customers/phone/${id}`, () => ({ phone: '+491234567' })],
  ['POST', (id) => `/api/customers/${id}/sign-out`, () => undefined],
  ['DELETE', (id) => `/api/customers/${id}`, () => undefined],
];

describe.each(changes)('%s of an account', (method, pathOf, bodyOf) => {
  test.each(['owner', 'admin'])(
    'when its closing comes first, by its %s › answers 404 and changes nothing',
    async (who) => {
      const account = await registerCustomer(shop.url, { phone: '+4911111' });
      const before = await rowOf(account.id);
      const token = who === 'owner' ? account.token : adminToken;
      const body = bodyOf();
      const answer = await meetClosing(account, () =>
        request(shop.url, method, pathOf(account.id), { token, ...(body === undefined ? {} : { body }) }),
      );
      expectProblem(answer, 404, 'not_found');
      expect(await rowOf(account.id)).toEqual({ ...before, deleted_at: expect.any(Date) });
    },
  );
});

describe('POST /api/auth/password', () => {
  test('when the closing of the account comes first › answers 401 and changes nothing', async () => {
    const account = await registerCustomer(shop.url);
    const before = await rowOf(account.id);
    const body = { currentPassword: account.password, newPassword: 'sesame, open again' };
    const answer = await meetClosing(account, () =>
      request(shop.url, 'POST', '/api/auth/password', { token: account.token, body }),
    );
    expectProblem(answer, 401, 'invalid_credentials');
    expect(await rowOf(account.id)).toEqual({ ...before, deleted_at: expect.any(Date) });
  });
});

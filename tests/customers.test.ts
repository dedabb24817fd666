import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { CustomerBody } from '../src/schema/customers.ts';
import type { OrderStatus } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import {
  type Account,
  createProduct,
  freshEmail,
  placeOrder,
  registerCustomer,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

type CustomerList = { data: CustomerBody[] };

let shop: Shop;
let ask: Ask;
let adminToken: string;
let product: ProductBody;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  product = await createProduct(shop.url, adminToken, { stock: 1_000_000 });
});

afterAll(() => shop.stop());

const customer = (given?: Parameters<typeof registerCustomer>[1]) => registerCustomer(shop.url, given);
const read = (id: string, token = adminToken) => ask<CustomerBody>('GET', `/api/customers/${id}`, { token });
const replace = (id: string, token: string, body: unknown) =>
  ask<CustomerBody>('PUT', `/api/customers/${id}`, { token, body });
const changeEmail = (id: string, token: string, email: unknown) =>
  ask<CustomerBody>('PATCH', `/api/customers/email/${id}`, { token, body: { email } });
const changePhone = (id: string, token: string, body: unknown) =>
  ask<CustomerBody>('PATCH', `/api/customers/phone/${id}`, { token, body });
const remove = (id: string, token: string) => ask('DELETE', `/api/customers/${id}`, { token });
const order = (token: string) => placeOrder(shop.url, token, [{ productId: product.id, quantity: 1 }]);
const firstPage = () => ask<CustomerList>('GET', '/api/customers', { token: adminToken });

/** What others may see of an account: everything but password and token. */
function visible({ password: _password, token: _token, ...body }: Account): CustomerBody {
  return body;
}

async function deletedCustomer(): Promise<Account> {
  const account = await customer();
  await remove(account.id, account.token);
  return account;
}

/** Ids that no customer has, whatever they look like. */
const idsOfNobody = [randomUUID(), '01890a5d-ac96-774b-bcce-b302099a8057', 'me', '1', '%00', '%F0%9F%A6%89'];

describe('GET /api/customers/:id', () => {
  describe('when it is one’s own account', () => {
    test('answers 200 with the customer', async () => {
      const account = await customer({ phone: '+4915112345678' });
      const { status, body } = await read(account.id, account.token);
      expect(status).toBe(200);
      expect(body).toEqual(visible(account));
    });
  });

  describe('when an admin asks', () => {
    test('answers 200 with the same', async () => {
      const account = await customer();
      expect((await read(account.id)).body).toEqual(visible(account));
    });

    test('takes the id in capitals too', async () => {
      const account = await customer();
      expect((await read(account.id.toUpperCase(), account.token)).body).toEqual(visible(account));
    });
  });

  describe('when it is somebody else’s', () => {
    test('answers 403 and tells nothing', async () => {
      const [account, stranger] = await Promise.all([customer({ name: 'Private Person' }), customer()]);
      const answer = await read(account.id, stranger.token);
      expectProblem(answer, 403, 'forbidden');
      expect(JSON.stringify(answer.body)).not.toContain('Private Person');
    });
  });

  describe('when there is no such customer', () => {
    test.each(idsOfNobody)('answers 404 to an admin and a customer: %s', async (id) => {
      const { token } = await customer();
      expectProblem(await read(id), 404, 'not_found');
      expectProblem(await read(id, token), 404, 'not_found');
    });

    test('shows a deleted one to an admin alone, with the moment', async () => {
      const [account, stranger] = await Promise.all([deletedCustomer(), customer()]);
      expect((await read(account.id)).body).toMatchObject({ email: account.email, deletedAt: expect.any(String) });
      expectProblem(await read(account.id, stranger.token), 404, 'not_found');
    });
  });
});

describe('PUT /api/customers/:id', () => {
  const profile = (given: Record<string, unknown> = {}) => ({
    name: 'Grace Hopper',
    email: freshEmail(),
    phone: '+12025550123',
    ...given,
  });

  describe('when it is one’s own account', () => {
    test('answers 200 with the new profile, and nothing else has changed', async () => {
      const account = await customer();
      const body = profile();
      const { status, body: changed } = await replace(account.id, account.token, body);
      expect(status).toBe(200);
      expect(changed).toEqual({ ...visible(account), ...body, updatedAt: expect.any(String) });
      expect(changed.updatedAt > account.updatedAt).toBe(true);
      expect((await read(account.id)).body).toEqual(changed);
    });

    test('leaves password and tokens alone', async () => {
      const account = await customer();
      const body = profile();
      await replace(account.id, account.token, body);
      expect((await read(account.id, account.token)).status).toBe(200);
      expect(await signIn(shop.url, { email: body.email, password: account.password })).toBeString();
    });

    test('takes the address it has already, in another case', async () => {
      const account = await customer();
      const email = account.email.toUpperCase();
      const { status, body } = await replace(account.id, account.token, profile({ email }));
      expect(status).toBe(200);
      expect(body.email).toBe(email);
    });
  });

  describe('when an admin asks', () => {
    test('answers 200 with the new profile', async () => {
      const account = await customer({ phone: '+4915112345678' });
      const body = profile({ phone: null });
      expect((await replace(account.id, adminToken, body)).body).toMatchObject(body);
    });
  });

  describe('when a value is bad', () => {
    test.each([
      ['no phone number, not even null', { phone: undefined }, 'phone'],
      ['no address', { email: undefined }, 'email'],
      ['no name', { name: undefined }, 'name'],
      ['a name of blanks', { name: ' ' }, 'name'],
      ['a name of 101 characters', { name: 'x'.repeat(101) }, 'name'],
      ['an address that is none', { email: 'grace' }, 'email'],
      ['a phone number that is none', { phone: '12' }, 'phone'],
      ['another role', { role: 'admin' }, 'role'],
      ['another password', { password: 'open sesame' }, 'password'],
    ])('refuses %s and changes nothing', async (_what, given, path) => {
      const account = await customer();
      expectInvalid(await replace(account.id, account.token, profile(given)), path);
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });

  describe('when another account has the address', () => {
    test('answers 409 and changes nothing', async () => {
      const [account, other] = await Promise.all([customer(), customer()]);
      const answer = await replace(account.id, account.token, profile({ email: other.email.toUpperCase() }));
      expectProblem(answer, 409, 'email_taken');
      expect((await read(account.id)).body).toEqual(visible(account));
      expect((await read(other.id)).body).toEqual(visible(other));
    });
  });

  describe('when it is somebody else’s', () => {
    test('answers 403 and changes nothing', async () => {
      const [account, stranger] = await Promise.all([customer(), customer()]);
      expectProblem(await replace(account.id, stranger.token, profile()), 403, 'forbidden');
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });

  describe('when there is no such customer', () => {
    test('answers 404, for a deleted one too', async () => {
      const { id } = await deletedCustomer();
      for (const nobody of [...idsOfNobody, id]) {
        expectProblem(await replace(nobody, adminToken, profile()), 404, 'not_found');
      }
    });
  });
});

describe('PATCH /api/customers/email/:id', () => {
  describe('when the address is free', () => {
    test('answers 200, and the new address is the one that signs in', async () => {
      const account = await customer();
      const email = freshEmail();
      const { status, body } = await changeEmail(account.id, account.token, email);
      expect(status).toBe(200);
      expect(body).toEqual({ ...visible(account), email, updatedAt: expect.any(String) });
      expect(await signIn(shop.url, { email, password: account.password })).toBeString();
      const old = await ask('POST', '/api/auth/login', { body: { email: account.email, password: account.password } });
      expectProblem(old, 401, 'invalid_credentials');
    });

    test('takes a rare one, like every other door', async () => {
      const account = await customer();
      for (const local of ['m&m', 'a/b', 'user=tag']) {
        const email = `${local}@${crypto.randomUUID()}.xn--p1ai`;
        expect((await changeEmail(account.id, account.token, email)).body.email).toBe(email);
        const profile = { name: account.name, email: `x${email}`, phone: null };
        expect((await replace(account.id, account.token, profile)).status).toBe(200);
        expect(await signIn(shop.url, { email: `x${email}`, password: account.password })).toBeString();
      }
    });

    test('takes one that a deleted account had, and gives up its own', async () => {
      const [account, { email }] = await Promise.all([customer(), deletedCustomer()]);
      expect((await changeEmail(account.id, account.token, email)).status).toBe(200);
      expect((await customer({ email: account.email })).id).not.toBe(account.id);
    });

    test('obeys an admin', async () => {
      const account = await customer();
      const email = freshEmail();
      expect((await changeEmail(account.id, adminToken, email)).body.email).toBe(email);
    });
  });

  describe('when it is not', () => {
    test('answers 409 and changes nothing', async () => {
      const [account, other] = await Promise.all([customer(), customer()]);
      expectProblem(await changeEmail(account.id, account.token, other.email.toUpperCase()), 409, 'email_taken');
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });

  describe('when several accounts want the same address at once', () => {
    test('gives it to one and answers 409 to the others', async () => {
      const email = freshEmail();
      const accounts = await Promise.all(Array.from({ length: 4 }, () => customer()));
      const answers = await Promise.all(accounts.map(({ id, token }) => changeEmail(id, token, email)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
      const now = await Promise.all(accounts.map(({ id }) => read(id)));
      expect(now.filter(({ body }) => body.email === email)).toHaveLength(1);
    });
  });

  describe('when the body is bad', () => {
    test.each([
      ['no address', {}, ['email']],
      ['null', { email: null }, ['email']],
      ['an address that is none', { email: 'ada@' }, ['email']],
      ['other fields', { email: 'ada@example.com', name: 'Ada' }, ['name']],
    ])('refuses %s and changes nothing', async (_what, body, paths) => {
      const account = await customer();
      const answer = await ask('PATCH', `/api/customers/email/${account.id}`, { token: account.token, body });
      expectInvalid(answer, ...paths);
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });

  describe('when it is somebody else’s, or nobody’s', () => {
    test('answers 403 or 404 and changes nothing', async () => {
      const [account, stranger, deleted] = await Promise.all([customer(), customer(), deletedCustomer()]);
      expectProblem(await changeEmail(account.id, stranger.token, freshEmail()), 403, 'forbidden');
      expectProblem(await changeEmail(deleted.id, adminToken, freshEmail()), 404, 'not_found');
      expectProblem(await changeEmail('nobody', stranger.token, freshEmail()), 404, 'not_found');
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });
});

describe('PATCH /api/customers/phone/:id', () => {
  describe('when the number is good', () => {
    test('answers 200 with it, and null clears it', async () => {
      const account = await customer();
      const { status, body } = await changePhone(account.id, account.token, { phone: '+12025550123' });
      expect(status).toBe(200);
      expect(body).toEqual({ ...visible(account), phone: '+12025550123', updatedAt: expect.any(String) });
      expect((await changePhone(account.id, account.token, { phone: null })).body.phone).toBeNull();
      expect((await read(account.id)).body.phone).toBeNull();
    });

    test('obeys an admin', async () => {
      const { id } = await customer();
      expect((await changePhone(id, adminToken, { phone: '+1234567' })).body.phone).toBe('+1234567');
    });
  });

  describe('when the body is bad', () => {
    test.each([
      ['no number', {}, 'phone'],
      ['an empty number', { phone: '' }, 'phone'],
      ['blanks around the number', { phone: ' +12345678' }, 'phone'],
      ['6 digits', { phone: '+123456' }, 'phone'],
      ['16 digits', { phone: '+1234567890123456' }, 'phone'],
      ['digits of another script', { phone: '+١٢٣٤٥٦٧٨' }, 'phone'],
      ['a number that is not text', { phone: 12345678 }, 'phone'],
      ['other fields', { phone: null, email: 'ada@example.com' }, 'email'],
    ])('refuses %s and changes nothing', async (_what, body, path) => {
      const account = await customer({ phone: '+4915112345678' });
      expectInvalid(await changePhone(account.id, account.token, body), path);
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });

  describe('when it is somebody else’s, or nobody’s', () => {
    test('answers 403 or 404 and changes nothing', async () => {
      const [account, stranger, deleted] = await Promise.all([customer(), customer(), deletedCustomer()]);
      expectProblem(await changePhone(account.id, stranger.token, { phone: null }), 403, 'forbidden');
      expectProblem(await changePhone(deleted.id, adminToken, { phone: null }), 404, 'not_found');
      expectProblem(await changePhone('nobody', stranger.token, { phone: null }), 404, 'not_found');
      expect((await read(account.id)).body).toEqual(visible(account));
    });
  });
});

describe('DELETE /api/customers/:id', () => {
  describe('when nothing is on its way', () => {
    test('answers 204, and the account is gone for everyone but admins', async () => {
      const account = await customer();
      const { status, body } = await remove(account.id, account.token);
      expect(status).toBe(204);
      expect(body).toBeNull();
      expect((await read(account.id)).body).toMatchObject({ deletedAt: expect.any(String) });
      expectProblem(await read(account.id, (await customer()).token), 404, 'not_found');
      expectProblem(await remove(account.id, adminToken), 404, 'not_found');
    });

    test('ends all its tokens at once', async () => {
      const account = await customer();
      const tokens = [account.token, await signIn(shop.url, account)];
      await remove(account.id, adminToken);
      const answers = await Promise.all(tokens.map((token) => ask('GET', '/api/orders', { token })));
      for (const answer of answers) expectProblem(answer, 401, 'unauthenticated');
      const again = await ask('POST', '/api/auth/login', {
        body: { email: account.email, password: account.password },
      });
      expectProblem(again, 401, 'invalid_credentials');
    });

    test('takes none of its tokens, though their session were still there', async () => {
      const { id, token } = await customer();
      await shop.db`update customers set deleted_at = now() where id = ${id}`;
      expectProblem(await ask('GET', '/api/orders', { token }), 401, 'unauthenticated');
    });

    test('is soft: the row stays, marked', async () => {
      const { id } = await deletedCustomer();
      const [row] = await shop.db`select deleted_at from customers where id = ${id}`;
      expect(row?.deleted_at).toBeDate();
    });

    test('leaves other accounts and their tokens alone', async () => {
      const other = await customer();
      await deletedCustomer();
      expect((await read(other.id, other.token)).body).toEqual(visible(other));
    });
  });

  /** An order of the customer in a state that only time or a worker would bring about. */
  async function orderIn(account: Account, status: OrderStatus, deleted = false): Promise<void> {
    const { id } = await order(account.token);
    const final = status === 'delivered' || status === 'cancelled';
    await shop.db`update orders set status = ${status}, deleted_at = ${deleted ? new Date() : null},
      next_status_at = case when ${final} then null else next_status_at end where id = ${id}`;
  }

  describe('when orders are on their way', () => {
    test.each(['pending', 'processing', 'shipped'] as const)('answers 409 while one is %s', async (status) => {
      const account = await customer();
      await orderIn(account, 'delivered');
      await orderIn(account, status);
      expectProblem(await remove(account.id, account.token), 409, 'customer_has_undelivered_orders');
      expectProblem(await remove(account.id, adminToken), 409, 'customer_has_undelivered_orders');
      expect((await read(account.id, account.token)).body).toEqual(visible(account));
    });
  });

  describe('when all orders are delivered, cancelled or deleted', () => {
    test('answers 204, and an admin still sees the orders', async () => {
      const account = await customer();
      await orderIn(account, 'delivered');
      await orderIn(account, 'cancelled');
      await orderIn(account, 'cancelled', true);
      expect((await remove(account.id, account.token)).status).toBe(204);
      const path = `/api/orders?customerId=${account.id}&includeDeleted=true`;
      const { body } = await ask<{ data: unknown[] }>('GET', path, { token: adminToken });
      expect(body.data).toHaveLength(3);
    });
  });

  describe('when it is somebody else’s, or nobody’s', () => {
    test('answers 403 or 404, and the account lives on', async () => {
      const [account, stranger] = await Promise.all([customer(), customer()]);
      expectProblem(await remove(account.id, stranger.token), 403, 'forbidden');
      expect((await read(account.id, account.token)).status).toBe(200);
      for (const nobody of idsOfNobody) expectProblem(await remove(nobody, adminToken), 404, 'not_found');
    });
  });

  describe('when two deletions race', () => {
    test('takes effect once', async () => {
      const { id } = await customer();
      const answers = await Promise.all([1, 2, 3].map(() => remove(id, adminToken)));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404]);
    });
  });

  describe('when an order is placed at the same moment', () => {
    test('either the order stands or the account is gone, never both', async () => {
      const accounts = await Promise.all(Array.from({ length: 8 }, () => customer()));
      const placing = (token: string) =>
        ask('POST', '/api/orders', { token, body: { items: [{ productId: product.id, quantity: 1 }] } });
      const outcomes = await Promise.all(
        accounts.flatMap(({ id, token }, index) => {
          // The first to arrive wins, so both ways round are tried.
          const requests = [() => remove(id, adminToken), () => placing(token), () => placing(token)];
          return Promise.all((index % 2 === 0 ? requests : requests.toReversed()).map((send) => send()));
        }),
      );
      for (const answers of outcomes) {
        const statuses = answers.map(({ status }) => status);
        expect(statuses.includes(204)).toBe(!statuses.includes(201));
        for (const answer of answers.filter(({ status }) => status === 409)) {
          expectProblem(answer, 409, 'customer_has_undelivered_orders');
        }
        for (const answer of answers.filter(({ status }) => status === 401)) {
          expectProblem(answer, 401, 'unauthenticated');
        }
      }
      const orphans = await shop.db`
        select orders.id from orders join customers on customers.id = customer_id
        where customers.deleted_at is not null and status in ('pending', 'processing', 'shipped')`;
      expect(orphans).toBeEmpty();
    });
  });

  describe('when a cancelled order is restored at the same moment', () => {
    test('either the order is taken up or the account is gone, never both', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, async (_, index) => {
          const account = await customer();
          const { id } = await order(account.token);
          await ask('PATCH', `/api/orders/cancel/${id}`, { token: account.token });
          const requests = [
            () => remove(account.id, adminToken),
            () => ask('PATCH', `/api/orders/restore/${id}`, { token: adminToken }),
          ];
          return Promise.all((index % 2 === 0 ? requests : requests.toReversed()).map((send) => send()));
        }),
      );
      for (const answers of outcomes) {
        const codes = answers.map(({ status, body }) => (status < 400 ? String(status) : String(body.code))).sort();
        expect([
          ['200', 'customer_has_undelivered_orders'],
          ['204', 'order_not_restorable'],
        ]).toContainEqual(codes);
      }
    });
  });
});

describe('GET /api/customers', () => {
  describe('when an admin asks', () => {
    test('answers 200 with accounts as they are read one by one, newest first', async () => {
      const older = await customer({ phone: '+4915112345678' });
      const newer = await customer();
      const { status, body } = await firstPage();
      expect(status).toBe(200);
      expect(body.data.slice(0, 2)).toEqual([visible(newer), visible(older)]);
    });
  });

  describe('when it is asked again', () => {
    test('comes from the cache, and is told not to be shared', async () => {
      await customer();
      const [first, second] = [await firstPage(), await firstPage()];
      expect(first.headers.get('X-Cache')).toBe('MISS');
      expect(second.headers.get('X-Cache')).toBe('HIT');
      expect(second.body).toEqual(first.body);
      expect(second.headers.get('Cache-Control')).toMatch(/\bprivate\b/);
    });

    test('answers 304 to those who have it already', async () => {
      await customer();
      const etag = (await firstPage()).headers.get('ETag') ?? '';
      const headers = { 'If-None-Match': etag };
      const unchanged = await ask('GET', '/api/customers', { token: adminToken, headers });
      expect(unchanged.status).toBe(304);
      expect(etag).toEndWith(unchanged.headers.get('ETag') ?? 'none');
      await customer();
      expect((await ask('GET', '/api/customers', { token: adminToken, headers })).status).toBe(200);
    });
  });

  describe('when it is asked by an e-mail address', () => {
    const idsBy = async (query: string) => {
      const { status, body } = await ask<CustomerList>('GET', `/api/customers?${query}`, { token: adminToken });
      expect(status).toBe(200);
      return body.data.map(({ id }) => id);
    };

    test('finds its one account, in any case, from the moment that it has it', async () => {
      const email = freshEmail();
      expect(await idsBy(`email=${email}`)).toEqual([]);
      const { id, token } = await customer({ email: email.toUpperCase() });
      expect(await idsBy(`email=${email}`)).toEqual([id]);
      expect(await idsBy(`email=${email.toUpperCase()}`)).toEqual([id]);
      expect(await idsBy(`email=${email.slice(0, -1)}`)).toEqual([]);
      await changeEmail(id, token, freshEmail());
      expect(await idsBy(`email=${email}`)).toEqual([]);
    });

    test('finds by what name or address begins with, newest first, and by nothing within', async () => {
      const begin = `Zo${randomUUID().slice(0, 8)}`;
      const named = await customer({ name: `${begin} Lovelace` });
      const addressed = await customer({ email: `${begin.toLowerCase()}@example.com` });
      await customer({ name: `Ada ${begin}`, email: `ada.${begin}@example.com` });
      expect(await idsBy(`q=${begin}`)).toEqual([addressed.id, named.id]);
      expect(await idsBy(`q=${begin.toUpperCase()}`)).toEqual([addressed.id, named.id]);
      expect(await idsBy(`q=%20${begin}%20l`)).toEqual([named.id]);
      expect(await idsBy(`q=${begin}&email=${addressed.email}`)).toEqual([addressed.id]);
      expect(await idsBy(`q=${begin}&email=${freshEmail()}`)).toEqual([]);
      await remove(named.id, named.token);
      expect(await idsBy(`q=${begin}`)).toEqual([addressed.id]);
    });

    test('takes nothing of what is looked for as a pattern', async () => {
      const name = `50%_${randomUUID()}`;
      const { id } = await customer({ name });
      expect(await idsBy(`q=${encodeURIComponent(name)}`)).toEqual([id]);
      for (const q of ['50%25%25', '__%25', '%5C50', `%25${name.slice(4)}`]) expect(await idsBy(`q=${q}`)).toEqual([]);
    });

    test('comes from the cache when it is asked again, apart from other lists', async () => {
      const { email, id } = await customer();
      const path = `/api/customers?email=${email}`;
      const [first, second] = [
        await ask('GET', path, { token: adminToken }),
        await ask('GET', path, { token: adminToken }),
      ];
      expect([first.headers.get('X-Cache'), second.headers.get('X-Cache')]).toEqual(['MISS', 'HIT']);
      expect(second.body).toEqual(first.body);
      expect(await idsBy('email=&q=&limit=1')).toEqual([id]);
    });

    test('refuses what is no address, and what is too long', async () => {
      const asAdmin = (query: string) => ask('GET', `/api/customers?${query}`, { token: adminToken });
      expectInvalid(await asAdmin('email=ada'), 'email');
      expectInvalid(await asAdmin(`q=${'x'.repeat(255)}`), 'q');
      const { token } = await customer();
      expectProblem(await ask('GET', '/api/customers?q=a', { token }), 403, 'forbidden');
    });
  });

  describe('when an account has changed', () => {
    test('shows every kind of change in the very next list', async () => {
      const account = await customer();
      const shown = async () => (await firstPage()).body.data.find(({ id }) => id === account.id);
      expect(await shown()).toEqual(visible(account));
      const replaced = await replace(account.id, account.token, { name: 'Grace', email: freshEmail(), phone: null });
      expect(await shown()).toEqual(replaced.body);
      const moved = await changeEmail(account.id, account.token, freshEmail());
      expect(await shown()).toEqual(moved.body);
      const called = await changePhone(account.id, account.token, { phone: '+1234567' });
      expect(await shown()).toEqual(called.body);
      await remove(account.id, account.token);
      expect(await shown()).toBeUndefined();
    });
  });

  describe('when a customer or nobody asks', () => {
    test('answers 403 or 401 without a single account', async () => {
      const { token } = await customer();
      expectProblem(await ask('GET', '/api/customers', { token }), 403, 'forbidden');
      expectProblem(await ask('GET', '/api/customers'), 401, 'unauthenticated');
    });
  });
});

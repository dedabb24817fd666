import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash, randomUUID } from 'node:crypto';
import type { AuditEventBody } from '../src/schema/audit-events.ts';
import { type KeyBody, type Scope, scopes } from '../src/schema/keys.ts';
import { openAccount, openAdmin } from './support/accounts.ts';
import { type Account, admin, createProduct, placeOrder, request, signIn, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

type NewKey = KeyBody & { key: string };
type KeyPage = { data: KeyBody[] };

let shop: Shop;
let ask: Ask;
let urls: string[];
let adminToken: string;
let customer: Account;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  ask = await checkedRequests(shop.url);
  urls = [shop.api(0).url, shop.api(1).url];
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
});

afterAll(() => shop.stop());

async function makeKey(...given: Scope[]): Promise<NewKey> {
  const body = { name: 'Warehouse', scopes: given };
  const answer = await ask<NewKey>('POST', '/api/keys', { token: adminToken, body });
  expect(answer.status).toBe(201);
  return answer.body;
}

const listed = async () => (await ask<KeyPage>('GET', '/api/keys?limit=100', { token: adminToken })).body.data;

/** The statuses that both processes answer a key with, at a route that its scope opens. */
const statusesOf = (key: string, path = '/api/orders') =>
  Promise.all(urls.map(async (url) => (await request(url, 'GET', path, { token: key })).status));

async function newOrder(): Promise<string> {
  const { id: productId } = await createProduct(shop.url, adminToken);
  return (await placeOrder(shop.url, customer.token, [{ productId, quantity: 1 }])).id;
}

describe('POST /api/keys', () => {
  test('when an admin asks › gives a key that works on every process, shows it this once and keeps a hash', async () => {
    const expiresAt = '2099-01-01T00:00:00.000Z';
    const body = { name: '  Warehouse  ', scopes: ['orders:read', 'stock:write'], expiresAt };
    const made = await ask<NewKey>('POST', '/api/keys', { token: adminToken, body });
    expect(made.status).toBe(201);
    const { key, ...shown } = made.body;
    const [me] = await shop.db<{ id: string }[]>`select id from customers where email = ${admin.email}`;
    expect(shown).toEqual({
      id: expect.any(String),
      name: 'Warehouse',
      scopes: ['orders:read', 'stock:write'],
      createdBy: String(me?.id),
      createdAt: expect.any(String),
      expiresAt,
    });
    expect(key).toMatch(/^shop_[\w-]{40,}$/);
    expect(await statusesOf(key)).toEqual([200, 200]);
    expect((await listed()).find(({ id }) => id === shown.id)).toEqual(shown);
    const rows = await shop.db<{ kept: string }[]>`select t::text as kept from api_keys t where id = ${shown.id}`;
    expect(rows[0]?.kept).toContain(createHash('sha256').update(key).digest('base64url'));
    expect(rows[0]?.kept).not.toContain(key.slice(5));
  });

  test('when two ask for the same › makes two keys that differ', async () => {
    const [one, other] = await Promise.all([makeKey('audit:read'), makeKey('audit:read')]);
    expect(one.key).not.toBe(other.key);
    expect(one.expiresAt).toBeNull();
  });

  const all = { name: 'Warehouse', scopes: ['orders:read'] };
  test.each([
    ['no name', { scopes: all.scopes }, 'name'],
    ['an empty name', { ...all, name: ' ' }, 'name'],
    ['too long a name', { ...all, name: 'x'.repeat(101) }, 'name'],
    ['no scopes', { name: all.name }, 'scopes'],
    ['an empty list of scopes', { ...all, scopes: [] }, 'scopes'],
    ['a scope twice', { ...all, scopes: ['orders:read', 'orders:read'] }, 'scopes'],
    ['an unknown scope', { ...all, scopes: ['keys:write'] }, 'scopes.0'],
    ['a scope without what it is for', { ...all, scopes: ['orders'] }, 'scopes.0'],
    ['a moment that is over', { ...all, expiresAt: new Date(Date.now() - 60_000).toISOString() }, 'expiresAt'],
    ['a moment long over', { ...all, expiresAt: '0000-01-01T00:00:00Z' }, 'expiresAt'],
    ['a moment beyond all calendars', { ...all, expiresAt: '9999-12-31T23:59:59-01:00' }, 'expiresAt'],
    ['a day', { ...all, expiresAt: '2099-01-01' }, 'expiresAt'],
    ['a role', { ...all, role: 'admin' }, 'role'],
  ])('when it has %s › refuses it and makes none', async (_what, body, path) => {
    const before = (await listed()).length;
    expectInvalid(await ask('POST', '/api/keys', { token: adminToken, body }), path);
    expect(await listed()).toHaveLength(before);
  });

  test('when a customer or a key asks › refuses, whatever the scopes', async () => {
    const { key } = await makeKey(...scopes);
    const body = { name: 'More', scopes: ['orders:read'] };
    for (const token of [customer.token, key]) {
      expectProblem(await ask('POST', '/api/keys', { token, body }), 403, 'forbidden');
      expectProblem(await ask('GET', '/api/keys', { token }), 403, 'forbidden');
      expectProblem(await ask('DELETE', `/api/keys/${randomUUID()}`, { token }), 403, 'forbidden');
    }
  });
});

describe('DELETE /api/keys/{id}', () => {
  test('when an admin asks › ends the key at once, everywhere, and no other', async () => {
    const [lost, other] = await Promise.all([makeKey('orders:read'), makeKey('orders:read')]);
    expect(await statusesOf(lost.key)).toEqual([200, 200]);
    expect((await ask('DELETE', `/api/keys/${lost.id}`, { token: adminToken })).status).toBe(204);
    expect(await statusesOf(lost.key)).toEqual([401, 401]);
    expect(await statusesOf(other.key)).toEqual([200, 200]);
    const ids = (await listed()).map(({ id }) => id);
    expect([ids.includes(lost.id), ids.includes(other.id)]).toEqual([false, true]);
    for (const id of [lost.id, randomUUID(), 'x']) {
      expectProblem(await ask('DELETE', `/api/keys/${id}`, { token: adminToken }), 404, 'not_found');
    }
  });

  test('when twenty ask at once, of two processes › takes effect once and leaves one event', async () => {
    const { id } = await makeKey('orders:read');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        request(urls[index % 2] ?? shop.url, 'DELETE', `/api/keys/${id}`, { token: adminToken }),
      ),
    );
    const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length;
    expect([count(204), count(404)]).toEqual([1, 19]);
    const path = `/api/audit-events?subjectId=${id}`;
    const events = (await ask<{ data: AuditEventBody[] }>('GET', path, { token: adminToken })).body.data;
    expect(events.map(({ action, subject }) => [action, subject])).toEqual([
      ['key.revoked', { kind: 'key', id }],
      ['key.created', { kind: 'key', id }],
    ]);
    expect(events[1]?.changes).toMatchObject({ name: { from: null, to: 'Warehouse' }, scopes: { from: null } });
  });

  test('when the key is used while it is revoked › every use comes before, or is refused', async () => {
    const { id, key } = await makeKey('products:write', 'stock:write');
    const body = { name: randomUUID(), priceCents: 1, stock: 1 };
    const [uses] = await Promise.all([
      Promise.all(Array.from({ length: 10 }, () => request(shop.url, 'POST', '/api/products', { token: key, body }))),
      ask('DELETE', `/api/keys/${id}`, { token: adminToken }),
    ]);
    const made = await shop.db`select 1 from products where name = ${body.name}`;
    expect(uses.filter(({ status }) => status === 201)).toHaveLength(made.length);
    expect(uses.filter(({ status }) => status !== 201 && status !== 401)).toEqual([]);
  });
});

describe('A key', () => {
  test('when it has expired › stops working, by Postgres’ clock, and stays in the list', async () => {
    const { id, key } = await makeKey('orders:read');
    await shop.db`update api_keys set expires_at = now() + interval '1 hour' where id = ${id}`;
    expect(await statusesOf(key)).toEqual([200, 200]);
    await shop.db`update api_keys set expires_at = now() where id = ${id}`;
    expect(await statusesOf(key)).toEqual([401, 401]);
    expect((await listed()).some((each) => each.id === id)).toBe(true);
  });

  test('when the admin who made it is deleted › goes on', async () => {
    const maker = await openAdmin(shop);
    const body = { name: 'Orphan', scopes: ['orders:read'] };
    const { key, id } = (await ask<NewKey>('POST', '/api/keys', { token: maker.token, body })).body;
    expect((await ask('DELETE', `/api/customers/${maker.id}`, { token: adminToken })).status).toBe(204);
    expect(await statusesOf(maker.token)).toEqual([401, 401]);
    expect(await statusesOf(key)).toEqual([200, 200]);
    expect((await ask('DELETE', `/api/keys/${id}`, { token: adminToken })).status).toBe(204);
  });

  test('when it is changed in any way › is no key', async () => {
    const { key } = await makeKey('orders:read');
    const changed = [
      key.toUpperCase(),
      key.slice(0, -1),
      `${key}A`,
      `shop_${key}`,
      key.slice(5),
      `${key.slice(0, -2)}==`,
      createHash('sha256').update(key).digest('base64url'),
      `shop_${createHash('sha256').update(key).digest('base64url')}`,
    ];
    for (const token of changed) expectProblem(await ask('GET', '/api/orders', { token }), 401, 'unauthenticated');
    for (const Authorization of [key, `Token ${key}`, `Bearer ${key}, Bearer ${key}`]) {
      expectProblem(await ask('GET', '/api/orders', { headers: { Authorization } }), 401, 'unauthenticated');
    }
    expectProblem(await ask('GET', `/api/orders?access_token=${key}`), 401, 'unauthenticated');
  });

  test('when it may read › does not write, and says which scope would', async () => {
    const { key } = await makeKey('orders:read');
    const order = await newOrder();
    expect((await ask('GET', `/api/orders/${order}`, { token: key })).status).toBe(200);
    expect((await ask('HEAD', `/api/orders/${order}`, { token: key })).status).toBe(200);
    const refused = await ask('PATCH', `/api/orders/cancel/${order}`, { token: key });
    expectProblem(refused, 403, 'missing_scope', { scope: 'orders:write' });
    expectProblem(await ask('GET', '/api/mails', { token: key }), 403, 'missing_scope', { scope: 'mails:read' });
  });

  test('when it may write › reads, too, and acts as staff under its own name', async () => {
    const { id, key } = await makeKey('orders:write');
    const order = await newOrder();
    expect((await ask('GET', `/api/orders?customerId=${customer.id}&includeDeleted=true`, { token: key })).status).toBe(
      200,
    );
    expect((await ask('PATCH', `/api/orders/cancel/${order}`, { token: key })).status).toBe(200);
    const path = `/api/audit-events?actorId=${id}`;
    const events = (await ask<{ data: AuditEventBody[] }>('GET', path, { token: adminToken })).body.data;
    expect(events.map(({ action, actor, subject }) => ({ action, actor, subject }))).toEqual([
      { action: 'order.cancelled', actor: { kind: 'key', id }, subject: { kind: 'order', id: order } },
    ]);
  });

  test('when it would place an order › may not, whatever its scopes', async () => {
    const { key } = await makeKey(...scopes);
    const { id: productId } = await createProduct(shop.url, adminToken);
    const body = { items: [{ productId, quantity: 1 }] };
    expectProblem(await ask('POST', '/api/orders', { token: key, body }), 403, 'forbidden');
    expect(await shop.db`select 1 from order_items where product_id = ${productId}`).toHaveLength(0);
  });

  test('when it sets the stock of a product › needs the scope for stock, too', async () => {
    const { id } = await createProduct(shop.url, adminToken, { stock: 3 });
    const body = { name: 'Pot', priceCents: 1, stock: 5 };
    const [half, whole] = await Promise.all([makeKey('products:write'), makeKey('products:write', 'stock:write')]);
    const refused = await ask('PUT', `/api/products/${id}`, { token: half.key, body });
    expectProblem(refused, 403, 'missing_scope', { scope: 'stock:write' });
    expect((await ask('GET', `/api/products/${id}`)).body).toMatchObject({ name: 'Enamel mug', stock: 3 });
    expect((await ask('PUT', `/api/products/${id}`, { token: whole.key, body })).status).toBe(200);
  });

  test('when it has all scopes › leaves admins’ accounts alone, but may read them', async () => {
    const target = await openAdmin(shop);
    const { key } = await makeKey(...scopes);
    const profile = { name: 'Mallory', email: `${randomUUID()}@example.com`, phone: null };
    const before = await shop.db`select * from customers where id = ${target.id}`;
    for (const [method, path, body] of [
      ['PUT', `/api/customers/${target.id}`, profile],
      ['PATCH', `/api/customers/email/${target.id}`, { email: profile.email }],
      ['PATCH', `/api/customers/phone/${target.id}`, { phone: null }],
      ['DELETE', `/api/customers/${target.id}`, undefined],
    ] as const) {
      expectProblem(await ask(method, path, { token: key, body }), 403, 'forbidden');
    }
    expectProblem(await ask('POST', `/api/customers/${customer.id}/sign-out`, { token: key }), 403, 'forbidden');
    expect(await shop.db`select * from customers where id = ${target.id}`).toEqual(before);
    expect(await statusesOf(target.token)).toEqual([200, 200]);
    expect((await ask('GET', `/api/customers/${target.id}`, { token: key })).status).toBe(200);
    const somebody = await openAccount(shop);
    expect(
      (await ask('PATCH', `/api/customers/phone/${somebody.id}`, { token: key, body: { phone: null } })).status,
    ).toBe(200);
  });

  test('when the route is open to everyone › is overlooked if it is bad, and counts if its scope is the route’s', async () => {
    const { id } = await createProduct(shop.url, adminToken);
    const bad = `shop_${'A'.repeat(43)}`;
    for (const path of ['/api/products', `/api/products/${id}`]) {
      expect((await ask('GET', path, { token: bad })).status).toBe(200);
    }
    await ask('DELETE', `/api/products/${id}`, { token: adminToken });
    const [reads, writes, other] = await Promise.all([
      makeKey('products:read'),
      makeKey('products:write'),
      makeKey(...scopes.filter((scope) => !scope.startsWith('products'))),
    ]);
    for (const { key } of [reads, writes]) {
      expect((await ask('GET', `/api/products/${id}`, { token: key })).status).toBe(200);
    }
    for (const token of [bad, other.key]) {
      expectProblem(await ask('GET', `/api/products/${id}`, { token }), 404, 'not_found');
    }
  });

  test('when sessions of its maker end › is no session, and goes on', async () => {
    const maker = await openAdmin(shop);
    const body = { name: 'Stays', scopes: ['orders:read'] };
    const { key } = (await ask<NewKey>('POST', '/api/keys', { token: maker.token, body })).body;
    expect((await ask('POST', `/api/customers/${maker.id}/sign-out`, { token: maker.token })).status).toBe(204);
    expect(await statusesOf(key)).toEqual([200, 200]);
    expect(
      (await ask<KeyPage>('GET', '/api/sessions', { token: await signIn(shop.url, maker) })).body.data,
    ).toHaveLength(1);
  });

  test('when it is used › stands in no log, but its id does', async () => {
    const { id, key } = await makeKey('orders:read');
    await statusesOf(key);
    expect(shop.output()).not.toContain(key.slice(5));
    expect(shop.log().some((line) => line.keyId === id)).toBe(true);
  });
});

test('GET /api/keys › when walked by its cursors › shows each key once, newest first', async () => {
  const made = [];
  for (let time = 0; time < 3; time += 1) made.push(await makeKey('audit:read'));
  type Page = KeyPage & { pagination: { nextCursor: string } };
  const first = await ask<Page>('GET', '/api/keys?limit=2', { token: adminToken });
  const next = `/api/keys?limit=2&cursor=${first.body.pagination.nextCursor}`;
  const second = await ask<Page>('GET', next, { token: adminToken });
  const shown = [...first.body.data, ...second.body.data].map(({ id }) => id).slice(0, 3);
  expect(shown).toEqual(made.map(({ id }) => id).reverse());
  expectInvalid(await ask('GET', '/api/keys?customerId=1', { token: adminToken }), 'customerId');
});

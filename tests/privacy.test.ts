import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as requestByHttp } from 'node:http';
import { join } from 'node:path';
import { withTable } from '../scripts/write-privacy.ts';
import { personalData } from '../src/domain/customers/personal-data.ts';
import type { CustomerExportBody } from '../src/schema/customer-export.ts';
import type { CustomerBody } from '../src/schema/customers.ts';
import { openAdmin } from './support/accounts.ts';
import {
  type Account,
  admin,
  createProduct,
  freshEmail,
  placeOrder,
  registerCustomer,
  request,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { totpCode } from './support/codes.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

let shop: Shop;
let ask: Ask;
let urls: string[];
let adminToken: string;
let product: string;

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0, env: { TRUST_PROXY: '1' } });
  ask = await checkedRequests(shop.url);
  urls = [shop.api(0).url, shop.api(1).url];
  adminToken = await signInAdmin(shop.url);
  product = (await createProduct(shop.url, adminToken, { stock: 10_000 })).id;
});

afterAll(() => shop.stop());

const close = ({ id }: Account) => ask('DELETE', `/api/customers/${id}`, { token: adminToken });
const restore = (id: string, token = adminToken) =>
  ask<CustomerBody>('PATCH', `/api/customers/restore/${id}`, { token });
const eraseAsAdmin = (id: string, url = shop.url) =>
  request(url, 'POST', `/api/customers/${id}/erase`, { token: adminToken });
const eraseSelf = ({ id, token, password }: Account) =>
  ask('POST', `/api/customers/${id}/erase`, { token, body: { currentPassword: password } });

async function orderOf(account: Account, status: 'pending' | 'delivered' | 'cancelled'): Promise<string> {
  const items = [{ productId: product, quantity: 1 }];
  const { id } = await placeOrder(shop.url, account.token, items, { 'Idempotency-Key': randomUUID() });
  if (status === 'cancelled') await ask('PATCH', `/api/orders/cancel/${id}`, { token: account.token });
  if (status === 'delivered') {
    await shop.db`update orders set status = 'delivered', next_status_at = null where id = ${id}`;
  }
  return id;
}

/** Every row of every table, as text. */
async function dump(): Promise<string> {
  const tables = await shop.db<{ name: string }[]>`
    select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  const rows = await Promise.all(tables.map(({ name }) => shop.db.unsafe(`select t::text as row from ${name} t`)));
  return rows.flatMap((found) => found.map(({ row }) => String(row))).join('\n');
}

const { eventsOf } = createShopClient(
  (...sent) => ask(...sent),
  () => ({ url: shop.url, adminToken }),
);

describe('The register of columns', () => {
  test('has every column of the database › and no other', async () => {
    const columns = await shop.db<{ name: string }[]>`
      select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'`;
    const listed = Object.entries(personalData).flatMap(([table, facts]) =>
      Object.keys(facts).map((column) => `${table}.${column}`),
    );
    expect(listed.toSorted()).toEqual(columns.map(({ name }) => name).toSorted());
  });

  test('is what docs/privacy.md says', () => {
    const page = readFileSync(join(import.meta.dir, '../docs/privacy.md'), 'utf8');
    expect(withTable(page)).toBe(page);
  });
});

describe('POST /api/customers/{id}/erase', () => {
  /** Somebody of whom there is something in every place that can hold it. */
  async function traced() {
    const mark = `Unmistakable${randomUUID().replaceAll('-', '')}`;
    const account = await registerCustomer(shop.url, {
      name: mark,
      email: `${mark}@example.com`,
      password: `${mark} password`,
      phone: `+49${BigInt(`0x${randomUUID().slice(0, 8)}`) + 10_000_000_000n}`,
    });
    const headers = { 'User-Agent': `Browser/${mark}`, 'X-Forwarded-For': '203.0.113.77' };
    const { email, password, token } = account;
    await ask('POST', '/api/auth/login', { body: { email, password }, headers });
    await ask('PUT', `/api/customers/${account.id}`, {
      token,
      body: { name: `${mark} the second`, email, phone: account.phone },
      headers: { 'X-Request-Id': `of-${mark}` },
    });
    const begun = await ask<{ secret: string }>('POST', '/api/auth/totp', {
      token,
      body: { currentPassword: password },
    });
    await ask('POST', '/api/auth/totp/confirm', { token, body: { code: totpCode(begun.body.secret) } });
    const orders = [await orderOf(account, 'delivered'), await orderOf(account, 'cancelled')];
    await shop.db`
      insert into idempotency_records (customer_id, key, request_hash, response, created_at)
      values (${account.id}, ${mark}, 'h', ${mark}, now())`;
    await shop.db`update mails set last_error = ${`550 <${email}> unknown`} where order_id = any(${orders}::uuid[])`;
    const [sent] = await shop.db`
      update mails set state = 'sent', due_at = null, sent_at = now()
      where id = (select id from mails where order_id = ${orders[0] ?? ''} limit 1) returning id`;
    await shop.db`
      insert into mails (kind, customer_id, state, last_error, due_at, created_at)
      values ('password_reset', ${account.id}, 'queued', ${mark}, now(), now()),
        ('password_changed', ${account.id}, 'sent', ${mark}, null, now())`;
    const [{ hash } = { hash: '' }] = await shop.db<{ hash: string }[]>`
      select password_hash as hash from customers where id = ${account.id}`;
    const strings = [mark, email, String(account.phone), hash, '203.0.113.77'];
    return { account, orders, strings, sent: String(sent?.id) };
  }

  test('when an owner asks with their password › leaves nothing of them in a dump, and their orders', async () => {
    const { account, orders, strings, sent } = await traced();
    const before = await dump();
    expect(strings.filter((text) => !before.includes(text))).toEqual([]);
    const lines = await shop.db`select * from order_items where order_id = any(${orders}::uuid[]) order by order_id`;
    const totals =
      await shop.db`select id, total_cents, status from orders where customer_id = ${account.id} order by id`;

    expect((await eraseSelf(account)).status).toBe(204);

    const after = (await dump()).toLowerCase();
    expect(strings.filter((text) => after.includes(text.toLowerCase()))).toEqual([]);
    expect(await shop.db`select * from order_items where order_id = any(${orders}::uuid[]) order by order_id`).toEqual(
      lines,
    );
    expect(
      await shop.db`select id, total_cents, status from orders where customer_id = ${account.id} order by id`,
    ).toEqual(totals);
    const [row] = await shop.db`select * from customers where id = ${account.id}`;
    expect(row).toMatchObject({
      name: 'erased',
      email: `erased-${account.id}@erased.invalid`,
      phone: null,
      email_verified_at: null,
      deleted_at: expect.any(Date),
      erased_at: expect.any(Date),
    });
    for (const table of ['sessions', 'second_factors', 'recovery_codes', 'idempotency_records']) {
      expect(await shop.db`select 1 from ${shop.db(table)} where customer_id = ${account.id}`).toHaveLength(0);
    }
    const left = await shop.db`
      select id, state, last_error from mails where customer_id = ${account.id} or order_id = any(${orders}::uuid[])`;
    expect(left.map(({ state, last_error }) => [state, last_error])).toEqual([
      ['sent', null],
      ['sent', null],
    ]);
    expect(left.some(({ id }) => id === sent)).toBe(true);
    expectProblem(await ask('GET', '/api/orders', { token: account.token }), 401, 'unauthenticated');
    for (const password of [account.password, 'erased']) {
      for (const email of [account.email, `erased-${account.id}@erased.invalid`]) {
        const answer = await ask('POST', '/api/auth/login', { body: { email, password } });
        expectProblem(answer, 401, 'invalid_credentials');
      }
    }
    const [event] = await eventsOf(account);
    expect(event).toMatchObject({
      action: 'customer.erased',
      actor: { kind: 'customer', id: account.id },
      changes: { name: {}, email: {}, phone: {}, password: {} },
    });
    // The address is free again, and the cached list knows.
    expect((await registerCustomer(shop.url, { email: account.email })).id).not.toBe(account.id);
  });

  test('when an admin asks, without a body › erases an open account, and a deleted one, once', async () => {
    const [open, closed] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    await close(closed);
    for (const { id } of [open, closed]) {
      expect((await ask('POST', `/api/customers/${id}/erase`, { token: adminToken })).status).toBe(204);
      expectProblem(await ask('POST', `/api/customers/${id}/erase`, { token: adminToken }), 409, 'customer_erased');
      const shown = await ask<CustomerBody>('GET', `/api/customers/${id}`, { token: adminToken });
      expect(shown.body).toMatchObject({ name: 'erased', deletedAt: expect.any(String) });
    }
    const empty = { 'Content-Type': 'application/json' };
    const other = await registerCustomer(shop.url);
    const path = `/api/customers/${other.id}/erase`;
    expect((await ask('POST', path, { token: adminToken, headers: empty })).status).toBe(204);
  });

  test('when its body comes in chunks, or in none › erases all the same', async () => {
    const [owner, other] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const body = JSON.stringify({ currentPassword: owner.password });
    for (const [id, token, chunk] of [
      [owner.id, owner.token, body],
      [other.id, adminToken, ''],
    ] as const) {
      const headers = {
        Authorization: `Bearer ${token}`,
        'Transfer-Encoding': 'chunked',
        ...(chunk && { 'Content-Type': 'application/json; charset=utf-8' }),
      };
      const sent = requestByHttp(`${shop.url}/api/customers/${id}/erase`, { method: 'POST', headers });
      const [answer] = await once(sent.end(chunk), 'response');
      answer.resume();
      expect(answer.statusCode).toBe(204);
    }
  });

  test('when the password is missing or wrong, or the body is not right › refuses and changes nothing', async () => {
    const account = await registerCustomer(shop.url);
    const path = `/api/customers/${account.id}/erase`;
    const { token, password } = account;
    expectInvalid(await ask('POST', path, { token }), 'currentPassword');
    expectInvalid(await ask('POST', path, { token, body: {} }), 'currentPassword');
    expectInvalid(await ask('POST', path, { token, body: { currentPassword: password, sure: true } }), 'sure');
    expectProblem(await ask('POST', path, { token, body: '{' }), 400, 'malformed_json');
    const wrong = { currentPassword: 'not this one' };
    for (let time = 0; time < 10; time += 1) {
      expectProblem(await ask('POST', path, { token, body: wrong }), 401, 'invalid_credentials');
    }
    expectProblem(await ask('POST', path, { token, body: { currentPassword: password } }), 429, 'rate_limited');
    expect((await ask('GET', `/api/customers/${account.id}`, { token })).status).toBe(200);
  });

  test('when it is somebody else’s, nobody’s, or a key asks › refuses', async () => {
    const [account, stranger] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const body = { currentPassword: stranger.password };
    const path = `/api/customers/${account.id}/erase`;
    expectProblem(await ask('POST', path, { token: stranger.token, body }), 403, 'forbidden');
    expectProblem(await ask('POST', path, { token: stranger.token }), 403, 'forbidden');
    for (const id of [randomUUID(), 'x', product]) {
      expectProblem(await ask('POST', `/api/customers/${id}/erase`, { token: adminToken }), 404, 'not_found');
    }
    expect((await ask('GET', `/api/customers/${account.id}`, { token: account.token })).body).toMatchObject({
      name: account.name,
    });
  });

  test('when orders are on their way › answers 409 and erases nothing', async () => {
    const account = await registerCustomer(shop.url);
    await orderOf(account, 'pending');
    expectProblem(await eraseSelf(account), 409, 'customer_has_undelivered_orders');
    expectProblem(
      await ask('POST', `/api/customers/${account.id}/erase`, { token: adminToken }),
      409,
      'customer_has_undelivered_orders',
    );
    expect((await ask('GET', `/api/customers/${account.id}`, { token: account.token })).status).toBe(200);
  });

  test('when it is the last admin › answers last_admin, before what their orders say', async () => {
    const [me] = await shop.db<{ id: string }[]>`select id from customers where email = ${admin.email}`;
    const others = await shop.db<{ id: string }[]>`
      update customers set role = 'customer' where role = 'admin' and id <> ${String(me?.id)} returning id`;
    await orderOf({ ...(await registerCustomer(shop.url)), token: adminToken }, 'pending');
    expectProblem(await ask('POST', `/api/customers/${me?.id}/erase`, { token: adminToken }), 409, 'last_admin');
    await shop.db`update orders set status = 'delivered', next_status_at = null where customer_id = ${String(me?.id)}`;
    expect(others.every(({ id }) => id !== me?.id)).toBe(true);
  });

  test('when twenty ask at once, of two processes › takes effect once', async () => {
    const { id } = await registerCustomer(shop.url);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => eraseAsAdmin(id, urls[index % 2])));
    const counts = [204, 409].map((wanted) => answers.filter(({ status }) => status === wanted).length);
    expect(counts).toEqual([1, 19]);
    expect((await eventsOf({ id })).filter(({ action }) => action === 'customer.erased')).toHaveLength(1);
  });

  test('when an order is placed or restored at the same moment › it stands, or the person is gone, never both', async () => {
    const pairs = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const account = await registerCustomer(shop.url);
        return { account, cancelled: await orderOf(account, 'cancelled') };
      }),
    );
    const outcomes = await Promise.all(
      pairs.map(async ({ account: { id, token }, cancelled }, index) => {
        const body = { items: [{ productId: product, quantity: 1 }] };
        const sends = [
          () => eraseAsAdmin(id, urls[index % 2]),
          () => request(urls[1] ?? '', 'POST', '/api/orders', { token, body }),
          () => request(urls[0] ?? '', 'PATCH', `/api/orders/restore/${cancelled}`, { token: adminToken }),
        ];
        const inTurn =
          index % 3 === 0 ? sends : index % 3 === 1 ? sends.toReversed() : [...sends.slice(1), ...sends.slice(0, 1)];
        return Promise.all(inTurn.map((send) => send()));
      }),
    );
    for (const answers of outcomes) {
      const statuses = answers.map(({ status }) => status);
      const stands = statuses.includes(201) || statuses.includes(200);
      expect(statuses.includes(204)).toBe(!stands);
      expect(statuses.filter((status) => ![200, 201, 204, 401, 409].includes(status))).toEqual([]);
    }
    const orphans = await shop.db`
      select 1 from orders join customers on customers.id = customer_id
      where erased_at is not null and status in ('pending', 'processing', 'shipped')`;
    expect(orphans).toHaveLength(0);
  });

  test('when a deleted account is restored at the same moment › it is erased, and closed', async () => {
    const accounts = await Promise.all(Array.from({ length: 6 }, () => registerCustomer(shop.url)));
    for (const account of accounts) await close(account);
    await Promise.all(
      accounts.map(async ({ id }, index) => {
        const sends = [() => eraseAsAdmin(id, urls[0]), () => restore(id)];
        const answers = await Promise.all((index % 2 ? sends : sends.toReversed()).map((send) => send()));
        const statuses = answers.map(({ status }) => status).sort();
        expect([
          [200, 204],
          [204, 409],
        ]).toContainEqual(statuses);
      }),
    );
    const rows =
      await shop.db`select name, deleted_at from customers where id = any(${accounts.map(({ id }) => id)}::uuid[])`;
    for (const row of rows) expect(row).toEqual({ name: 'erased', deleted_at: expect.any(Date) });
  });

  test('when a mail is in a worker’s hands › nothing is written of it any more', async () => {
    const account = await registerCustomer(shop.url);
    const order = await orderOf(account, 'cancelled');
    await shop.db`update mails set state = 'sending', attempts = 1 where order_id = ${order}`;
    expect((await eraseSelf(account)).status).toBe(204);
    expect(await shop.db`select 1 from mails where order_id = ${order}`).toHaveLength(0);
  });
});

describe('PATCH /api/customers/restore/{id}', () => {
  test('when an account is deleted › opens it with password and role, and without a session', async () => {
    const account = await openAdmin(shop);
    await close(account);
    expectProblem(await ask('GET', '/api/customers', { token: account.token }), 401, 'unauthenticated');
    const answer = await restore(account.id);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id: account.id, name: account.name, role: 'admin', deletedAt: null });
    expectProblem(await ask('GET', '/api/customers', { token: account.token }), 401, 'unauthenticated');
    const token = await signIn(shop.url, account);
    const list = await ask<{ data: { id: string }[] }>('GET', '/api/customers?limit=100', { token });
    expect(list.body.data.some(({ id }) => id === account.id)).toBe(true);
    const [event] = await eventsOf(account);
    expect(event).toMatchObject({ action: 'customer.restored', changes: { deletedAt: { to: null } } });
    await shop.db`update customers set role = 'customer' where id = ${account.id}`;
  });

  test('when it is open, erased, or its address is somebody else’s by now › answers 409', async () => {
    const [open, erased, replaced] = await Promise.all([1, 2, 3].map(() => registerCustomer(shop.url)));
    if (!open || !erased || !replaced) throw new Error('There are too few accounts.');
    expectProblem(await restore(open.id), 409, 'customer_not_deleted');
    await eraseAsAdmin(erased.id);
    expectProblem(await restore(erased.id), 409, 'customer_erased');
    await close(replaced);
    await registerCustomer(shop.url, { email: replaced.email.toUpperCase() });
    expectProblem(await restore(replaced.id), 409, 'email_taken');
    for (const id of [randomUUID(), 'x']) expectProblem(await restore(id), 404, 'not_found');
  });

  test('when a customer asks, their own too › answers 403', async () => {
    const [account, other] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    await close(other);
    for (const id of [account.id, other.id]) expectProblem(await restore(id, account.token), 403, 'forbidden');
  });

  test('when a key asks › restores customers, and no admin', async () => {
    const body = { name: 'Desk', scopes: ['customers:write'] };
    const { key } = (await ask<{ key: string }>('POST', '/api/keys', { token: adminToken, body })).body;
    const [customer, staff] = await Promise.all([registerCustomer(shop.url), openAdmin(shop)]);
    await Promise.all([close(customer), close(staff)]);
    expect((await restore(customer.id, key)).status).toBe(200);
    expectProblem(await restore(staff.id, key), 403, 'forbidden');
  });

  test('when its address is registered at the same moment › one of them has it', async () => {
    const accounts = await Promise.all(Array.from({ length: 4 }, () => registerCustomer(shop.url)));
    for (const account of accounts) await close(account);
    for (const { id, email } of accounts) {
      const body = { name: 'Ada', email, password: 'open sesame' };
      const [one, other] = await Promise.all([
        restore(id),
        request(urls[1] ?? '', 'POST', '/api/auth/register', { body }),
      ]);
      expect([one.status, other.status].filter((status) => status === 409)).toHaveLength(1);
      expect(await shop.db`select 1 from customers where email = ${email} and deleted_at is null`).toHaveLength(1);
    }
  });
});

describe('GET /api/customers/{id}/export', () => {
  const exported = (id: string, token: string) =>
    ask<CustomerExportBody>('GET', `/api/customers/${id}/export`, { token });

  test('when the owner asks › has all that is held about them, and nothing secret', async () => {
    const account = await registerCustomer(shop.url, { phone: '+4915112345678' });
    const order = await orderOf(account, 'cancelled');
    await ask('PATCH', `/api/orders/restore/${order}`, { token: account.token });
    await shop.db`
      insert into mails (kind, customer_id, state, created_at) values ('password_changed', ${account.id}, 'sent', now())`;
    const { status, headers, body } = await exported(account.id, account.token);
    expect(status).toBe(200);
    expect(headers.get('Content-Disposition')).toBe(`attachment; filename="customer-${account.id}.json"`);
    expect(headers.get('Cache-Control')).toBe('no-store');
    const { password: _password, token: _token, ...profile } = account;
    expect(body.customer).toEqual(profile);
    expect(body.sessions.map(({ current }) => current)).toEqual([true]);
    expect(body.orders.map(({ id, runs }) => [id, runs.map(({ run, status }) => `${run} ${status}`)])).toEqual([
      [order, ['1 pending', '1 cancelled', '2 pending']],
    ]);
    expect(body.orders[0]?.mails).toHaveLength(3);
    expect(body.mails).toHaveLength(1);
    expect(body.idempotencyKeys).toHaveLength(1);
    expect(body.auditEvents.map(({ action }) => action)).toEqual([
      'customer.created',
      'order.cancelled',
      'order.restored',
    ]);
    const [row] = await shop.db<
      { hash: string }[]
    >`select password_hash as hash from customers where id = ${account.id}`;
    expect(JSON.stringify(body)).not.toContain(String(row?.hash));
  });

  test('when there are more orders than a page › has each once, for a person and for an admin of a deleted one', async () => {
    const account = await registerCustomer(shop.url);
    await shop.db`
      insert into orders (id, customer_id, status, total_cents, currency, created_at, updated_at)
      select uuid_v7(now() - n * interval '1 second'), ${account.id}, 'delivered', n, 'USD', now(), now()
      from generate_series(1, 250) as n`;
    const own = (await exported(account.id, account.token)).body.orders;
    expect(new Set(own.map(({ id }) => id)).size).toBe(250);
    expect((await close(account)).status).toBe(204);
    const packed = await fetch(`${shop.url}/api/customers/${account.id}/export`, {
      headers: { Authorization: `Bearer ${adminToken}`, 'Accept-Encoding': 'gzip' },
    });
    expect(((await packed.json()) as CustomerExportBody).orders).toHaveLength(250);
  });

  test('when it is somebody else’s, or nobody’s › answers 403 or 404', async () => {
    const [account, stranger] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    expectProblem(await exported(account.id, stranger.token), 403, 'forbidden');
    expectProblem(await exported(randomUUID(), adminToken), 404, 'not_found');
  });

  test('when asked by HEAD › says what GET would, and reads nothing of it', async () => {
    const account = await registerCustomer(shop.url);
    const answer = await ask('HEAD', `/api/customers/${account.id}/export`, { token: account.token });
    expect([answer.status, answer.body]).toEqual([200, null as never]);
    expect(answer.headers.get('Content-Disposition')).toContain(account.id);
  });
});

describe('CUSTOMER_ERASE_AFTER', () => {
  test('when accounts have been deleted so long › the worker erases them, and nobody else', async () => {
    const [old, young, open] = await Promise.all(
      [1, 2, 3].map(() => registerCustomer(shop.url, { email: freshEmail() })),
    );
    if (!old || !young || !open) throw new Error('There are too few accounts.');
    await Promise.all([close(old), close(young)]);
    await shop.db`update customers set deleted_at = now() - interval '31 days' where id = ${old.id}`;
    const more = await shop.db<{ id: string }[]>`
      insert into customers (id, name, email, role, password_hash, created_at, updated_at, deleted_at)
      select uuid_v7(now()), 'Long gone', n || '@example.com', 'customer', 'x', now(), now(), now() - interval '40 days'
      from generate_series(1, 45) as n returning id`;
    // One that cannot be erased comes first.
    const [stuck] = more;
    await shop.db`update customers set deleted_at = now() - interval '50 days' where id = ${stuck?.id ?? ''}`;
    await shop.db.unsafe(
      `alter table customers add constraint stuck check (id <> '${stuck?.id}' or erased_at is null)`,
    );
    const worker = await shop.startWorker({ CUSTOMER_ERASE_AFTER: '30d' });
    const done = await eventually(() => worker.log().find(({ msg }) => msg === 'clean-up'));
    await shop.db`alter table customers drop constraint stuck`;
    expect(done).toMatchObject({ erased: more.length });
    expect(worker.log().filter(({ customerId }) => customerId === stuck?.id)).toMatchObject([{ level: 'error' }]);
    const rows =
      await shop.db`select id, erased_at from customers where id = any(${[old.id, young.id, open.id]}::uuid[])`;
    const erasedIds = rows.filter(({ erased_at }) => erased_at !== null).map(({ id }) => id);
    expect(erasedIds).toEqual([old.id]);
    expect((await eventsOf(old))[0]).toMatchObject({
      action: 'customer.erased',
      actor: { kind: 'system', id: null },
    });
    await worker.kill();
  });
});

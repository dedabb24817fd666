import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateDatabase } from '../src/db/migrate.ts';
import type { CustomerBody } from '../src/schema/customers.ts';
import { freePort } from '../standalone/ports.ts';
import { type AppProcess, startProcess } from './support/app-process.ts';
import { admin, registerCustomer, request, signIn, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests } from './support/document.ts';
import { newestToken } from './support/mail-tokens.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { openStatementTap } from './support/statement-tap.ts';
import { eventually, pause } from './support/wait.ts';

type Stranger = { email: string; password: string };

const strangersPassword = 'a stranger knows it';
const operatorsPassword = 'the operator alone';

let shop: Shop;
let ask: Ask;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
});

afterAll(() => shop.stop());

const admins = () => shop.db<{ email: string }[]>`
  select email from customers where role = 'admin' and deleted_at is null order by id`;
const register = (url: string, { email, password }: Stranger) =>
  request(url, 'POST', '/api/auth/register', { body: { name: 'Mallory', email, password } });
const roleOf = async (token: string, id: string) =>
  (await ask<CustomerBody>('GET', `/api/customers/${id}`, { token })).body.role;

/** Runs the operator's command, without a terminal. */
async function createAdmin(options: string[], env: Record<string, string> = {}) {
  const root = join(import.meta.dir, '..');
  const child = Bun.spawn([process.execPath, join(root, 'scripts/create-admin.ts'), '--name', 'Grace', ...options], {
    cwd: root,
    env: { PATH: process.env.PATH, DATABASE_URL: shop.databaseUrl, ADMIN_PASSWORD: operatorsPassword, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [code, out, complaint] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, out, complaint };
}

type Bare = {
  databaseUrl: string;
  start: (env?: Record<string, string>) => Promise<AppProcess & { url: string }>;
};

let bareDatabases = 0;

/** A database that nobody has prepared yet, and processes on it, which end with the test. */
async function onBareDatabase(work: (bare: Bare) => Promise<void>): Promise<void> {
  bareDatabases += 1;
  const database = new URL(shop.databaseUrl);
  database.pathname += `_bare_${bareDatabases}`;
  const name = database.pathname.slice(1);
  await shop.db.unsafe(`create database ${name}`);
  const started: AppProcess[] = [];
  async function start(env: Record<string, string> = {}) {
    const port = await freePort();
    const settings = {
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: database.href,
      JWT_SECRET: 'known to every suite and to nobody else',
      TOKEN_SECRET: 'known to every suite and to its worker',
      ADMIN_EMAIL: admin.email,
      ADMIN_PASSWORD: admin.password,
      ...env,
    };
    const log = join(process.env.TEST_LOGS ?? tmpdir(), `${name}-${started.length}.log`);
    const api = startProcess('index.ts', settings, log);
    started.push(api);
    return { ...api, url: `http://127.0.0.1:${port}` };
  }
  try {
    await work({ databaseUrl: database.href, start });
  } finally {
    await Promise.all(started.map((api) => api.kill()));
    await shop.db.unsafe(`drop database ${name} with (force)`);
  }
}

describe('The first start', () => {
  test('while the schema is missing › answers 503 on every route of the API, and 200 at /readyz only after it', async () => {
    await onBareDatabase(async ({ start, databaseUrl }) => {
      const { url } = await start();
      await eventually(() => request(url, 'GET', '/healthz'), { withinMs: 20_000 });
      const routes = [
        ['GET', '/api/products'],
        ['GET', `/api/products/${randomUUID()}`],
        ['POST', '/api/auth/login'],
        ['GET', '/api/orders'],
        ['GET', '/api/nowhere'],
      ] as const;
      for (const [method, path] of routes) {
        const answer = await request(url, method, path);
        expectProblem(answer, 503, 'unavailable');
        expect(answer.headers.has('Retry-After')).toBeTrue();
      }
      expect((await request(url, 'GET', '/readyz')).status).toBe(503);
      await migrateDatabase(databaseUrl);
      await eventually(async () => (await request(url, 'GET', '/readyz')).status === 200, { withinMs: 20_000 });
      expect((await request(url, 'GET', '/api/products')).status).toBe(200);
    });
  });

  test('while a stranger registers ADMIN_EMAIL again and again › never gives it away, and makes the admin', async () => {
    await onBareDatabase(async ({ start, databaseUrl }) => {
      const { url } = await start();
      const stranger = { email: admin.email.toUpperCase(), password: strangersPassword };
      const statuses: number[] = [];
      let ready = false;
      const strangers = Array.from({ length: 8 }, async () => {
        while (!ready) {
          const answer = await register(url, stranger).catch(() => null);
          if (answer) statuses.push(answer.status);
          await pause(5);
        }
      });
      await eventually(() => statuses.length > 0, { withinMs: 20_000 });
      await migrateDatabase(databaseUrl);
      await eventually(() => statuses.includes(409) || statuses.includes(201), { withinMs: 20_000 });
      ready = true;
      await Promise.all(strangers);
      expect([...new Set(statuses)].sort()).toEqual([409, 503]);
      expect(await signIn(url, admin)).toBeString();
      expect((await request(url, 'POST', '/api/auth/login', { body: stranger })).status).toBe(401);
    });
  });

  test('of two APIs at once, of two operators even › makes one admin', async () => {
    await onBareDatabase(async ({ start, databaseUrl }) => {
      await migrateDatabase(databaseUrl);
      const apis = await Promise.all(
        ['one', 'two', 'one'].map((name) => start({ ADMIN_EMAIL: `${name}@example.com` })),
      );
      for (const { url } of apis) {
        await eventually(async () => (await request(url, 'GET', '/readyz')).status === 200, { withinMs: 20_000 });
      }
      const url = apis[0]?.url ?? '';
      const signIns = await Promise.all(
        ['one', 'two'].map((name) =>
          request(url, 'POST', '/api/auth/login', {
            body: { email: `${name}@example.com`, password: admin.password },
          }),
        ),
      );
      expect(signIns.map(({ status }) => status).sort()).toEqual([200, 401]);
    });
  });
});

describe('A later start', () => {
  test('on a database that is prepared › asks one question', async () => {
    const tap = await openStatementTap(Number(new URL(shop.unpooledUrl).port));
    const databaseUrl = new URL(shop.unpooledUrl);
    databaseUrl.port = String(tap.port);
    const port = await freePort();
    const { kill } = startProcess(
      'index.ts',
      {
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: databaseUrl.href,
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
      },
      join(process.env.TEST_LOGS ?? tmpdir(), `tapped-${port}.log`),
    );
    try {
      // Of which no answer asks Postgres.
      const nowhere = () => request(`http://127.0.0.1:${port}`, 'GET', '/api/nowhere');
      await eventually(async () => (await nowhere()).status === 404, { withinMs: 20_000 });
      const ofTheShop = tap.statements().filter((text) => !/pg_catalog\.pg_type/.test(text));
      expect(ofTheShop).toEqual([expect.stringContaining('__drizzle_migrations')]);
    } finally {
      await kill();
      tap.close();
    }
  });

  test('when the account of ADMIN_EMAIL is a stranger’s › leaves it as it is, says so, and goes on', async () => {
    const stranger = await registerCustomer(shop.url, { password: strangersPassword });
    const before = await shop.db`select * from customers where id = ${stranger.id}`;
    const api = await shop.startApi({
      ADMIN_EMAIL: stranger.email.toUpperCase(),
      ADMIN_PASSWORD: operatorsPassword,
    });
    expect(await shop.db`select * from customers where id = ${stranger.id}`).toEqual(before);
    expect(await roleOf(stranger.token, stranger.id)).toBe('customer');
    const told = api.log().filter(({ level, customerId }) => level === 'error' && customerId === stranger.id);
    expect(told).toHaveLength(1);
    expect(api.output()).not.toContain(stranger.email);
    await api.kill();
  });

  test('when the shop has no admin and the address is a stranger’s › makes none of them one', async () => {
    await onBareDatabase(async ({ start, databaseUrl }) => {
      await migrateDatabase(databaseUrl);
      const open = await start({ ADMIN_EMAIL: '', ADMIN_PASSWORD: '' });
      await eventually(
        async () => (await register(open.url, { email: admin.email, password: strangersPassword })).status === 201,
        { withinMs: 20_000 },
      );
      const api = await start();
      await eventually(async () => (await request(api.url, 'GET', '/readyz')).status === 200, { withinMs: 20_000 });
      const body = { email: admin.email, password: strangersPassword };
      const session = await request<{ customer: CustomerBody }>(api.url, 'POST', '/api/auth/login', { body });
      expect(session.body.customer.role).toBe('customer');
      expect(api.log().filter(({ level }) => level === 'error')).toHaveLength(1);
    });
  });
});

describe('ADMIN_EMAIL', () => {
  test('when the admin has moved away from it › is nobody’s to take, the admin’s neither', async () => {
    const api = await shop.startApi({ ADMIN_EMAIL: 'first@example.com' });
    const asked = await checkedRequests(api.url);
    const stranger = await registerCustomer(api.url);
    const adminToken = await signInAdmin(api.url);
    const taken = 'FIRST@Example.com';
    const body = { name: 'Mallory', email: taken, password: strangersPassword };
    expectProblem(await asked('POST', '/api/auth/register', { body }), 409, 'email_taken');
    for (const token of [stranger.token, adminToken]) {
      const profile = { name: 'Mallory', email: taken, phone: null };
      const path = `/api/customers/${stranger.id}`;
      expectProblem(await asked('PUT', path, { token, body: profile }), 409, 'email_taken');
      const change = asked('PATCH', `/api/customers/email/${stranger.id}`, { token, body: { email: taken } });
      expectProblem(await change, 409, 'email_taken');
    }
    expect(await shop.db`select id from customers where lower(email) = lower(${taken})`).toBeEmpty();
    await api.kill();
  });

  test('when its own account is written › stays, in any case', async () => {
    const token = await signInAdmin(shop.url);
    const [row] = await shop.db<{ id: string }[]>`select id from customers where email = ${admin.email}`;
    const body = { name: 'Administrator', email: admin.email.toUpperCase(), phone: null };
    expect((await ask('PUT', `/api/customers/${row?.id}`, { token, body })).status).toBe(200);
    const back = { ...body, email: admin.email };
    expect((await ask('PUT', `/api/customers/${row?.id}`, { token, body: back })).status).toBe(200);
  });
});

describe('bun run admin:create', () => {
  test('for an address that a stranger has registered › refuses, and says how to go on', async () => {
    const stranger = await registerCustomer(shop.url, { password: strangersPassword });
    const { code, complaint } = await createAdmin(['--email', stranger.email.toUpperCase()]);
    expect(code).toBe(1);
    expect(complaint).toContain('--promote');
    expect(complaint).not.toMatch(/\n\s+at /);
    expect(await roleOf(stranger.token, stranger.id)).toBe('customer');
  });

  test('with --promote › gives the account to the operator: the new password signs in, nothing of before does', async () => {
    const stranger = await registerCustomer(shop.url, { password: strangersPassword });
    await ask('POST', '/api/auth/email/send-verification', { token: stranger.token });
    const verification = await newestToken(shop.db, 'email_verification', stranger.id);
    const { code, out } = await createAdmin(['--email', stranger.email, '--promote']);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('signed out') });
    expectProblem(await ask('GET', '/api/customers', { token: stranger.token }), 401, 'unauthenticated');
    const confirm = await ask('POST', '/api/auth/email/verify', { body: { token: verification } });
    expectProblem(confirm, 422, 'token_invalid');
    const old = { email: stranger.email, password: strangersPassword };
    expectProblem(await ask('POST', '/api/auth/login', { body: old }), 401, 'invalid_credentials');
    const token = await signIn(shop.url, { email: stranger.email, password: operatorsPassword });
    expect(await roleOf(token, stranger.id)).toBe('admin');
    expect((await ask('DELETE', `/api/customers/${stranger.id}`, { token })).status).toBe(204);
  });
});

describe('The last admin', () => {
  test('when they delete themselves › is refused, and stays an admin', async () => {
    const token = await signInAdmin(shop.url);
    const [row] = await shop.db<{ id: string }[]>`select id from customers where email = ${admin.email}`;
    expectProblem(await ask('DELETE', `/api/customers/${row?.id}`, { token }), 409, 'last_admin');
    expect((await admins()).map(({ email }) => email)).toEqual([admin.email]);
    expect((await ask('GET', '/api/customers', { token })).status).toBe(200);
  });

  test('when all admins delete themselves or each other at the same instant › stays', async () => {
    const [first] = await shop.db<{ id: string }[]>`select id from customers where email = ${admin.email}`;
    const firstId = first?.id ?? '';
    for (let round = 0; round < 4; round += 1) {
      const others = [await registerCustomer(shop.url), await registerCustomer(shop.url)];
      const ids = [firstId, ...others.map(({ id }) => id)];
      await shop.db`update customers set role = 'admin' where id in ${shop.db(ids)}`;
      const tokens = [await signInAdmin(shop.url), ...others.map(({ token }) => token)];
      const askers = round % 2 === 0 ? tokens : [...tokens.slice(1), ...tokens.slice(0, 1)];
      const answers = await Promise.all(
        ids.map((id, index) => ask('DELETE', `/api/customers/${id}`, { token: askers[index] ?? '' })),
      );
      const left = await admins();
      await shop.db`update customers set deleted_at = now() where id in ${shop.db(ids)}`;
      await shop.db`update customers set deleted_at = null where id = ${firstId}`;
      expect(left.length).toBeGreaterThan(0);
      // Who is deleted by another before their own request is heard is told 401.
      for (const { status } of answers) expect(status).toBeOneOf([204, 401, 409]);
    }
  });
});

describe('POST /api/customers/:id/sign-out', () => {
  const signOut = (id: string, token?: string) =>
    ask('POST', `/api/customers/${id}/sign-out`, token === undefined ? {} : { token });

  test('when a token was stolen › ends every token of the account at once, and the password goes on', async () => {
    const account = await registerCustomer(shop.url);
    const stolen = await signIn(shop.url, account);
    expect((await signOut(account.id, account.token)).status).toBe(204);
    for (const token of [account.token, stolen]) {
      expectProblem(await ask('GET', '/api/orders', { token }), 401, 'unauthenticated');
    }
    const token = await signIn(shop.url, account);
    expect((await ask('GET', '/api/orders', { token })).status).toBe(200);
  });

  test('when an admin asks › does so, and leaves the admin and others alone', async () => {
    const [account, other] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const adminToken = await signInAdmin(shop.url);
    expect((await signOut(account.id, adminToken)).status).toBe(204);
    expectProblem(await ask('GET', '/api/orders', { token: account.token }), 401, 'unauthenticated');
    expect((await ask('GET', '/api/orders', { token: other.token })).status).toBe(200);
    expectProblem(await signOut(account.id, other.token), 403, 'forbidden');
    expectProblem(await signOut(randomUUID(), adminToken), 404, 'not_found');
    await ask('DELETE', `/api/customers/${other.id}`, { token: adminToken });
    expectProblem(await signOut(other.id, adminToken), 404, 'not_found');
  });

  test('when it races with a sign-in › leaves no token of before', async () => {
    const account = await registerCustomer(shop.url);
    const adminToken = await signInAdmin(shop.url);
    const credentials = { email: account.email, password: account.password };
    const early = await signIn(shop.url, credentials);
    const [out, signedIn] = await Promise.all([
      signOut(account.id, adminToken),
      ask('POST', '/api/auth/login', { body: credentials }),
    ]);
    expect(out.status).toBe(204);
    // What was checked before the sign-out may be the password no longer.
    expect([200, 401]).toContain(signedIn.status);
    expectProblem(await ask('GET', '/api/orders', { token: early }), 401, 'unauthenticated');
  });
});

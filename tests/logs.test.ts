import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { freePort } from '../standalone/ports.ts';
import type { AppProcess } from './support/app-process.ts';
import {
  type Account,
  type Answer,
  admin,
  createProduct,
  placeOrder,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from './support/client.ts';
import { expectProblem } from './support/problem.ts';
import { redisArguments, redisPassword, startRedisNode } from './support/redis-node.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const jwtSecret = `secret-${randomUUID()}`;
const passwords = { first: `first-${randomUUID()}`, second: `second-${randomUUID()}`, wrong: `wrong-${randomUUID()}` };
const productName = `Mug ${randomUUID()}`;

let shop: Shop;
let customer: Account;
const tokens: string[] = [];

const call = (method: string, path: string, options: RequestOptions = {}): Promise<Answer<unknown>> =>
  request<unknown>(shop.url, method, path, { token: customer.token, ...options });
const logIn = (password: string) => call('POST', '/api/auth/login', { body: { email: customer.email, password } });
const register = (name: string, password: string) =>
  call('POST', '/api/auth/register', { body: { name, email: `${randomUUID()}@example.com`, password } });

/** Everything that goes wrong with a database: it is not what it should be, it is locked, it is away. */
async function breakDatabase(): Promise<void> {
  await shop.db`alter table customers add constraint no_mallory check (name <> 'Mallory')`;
  expectProblem(await register('Mallory', passwords.first), 500, 'internal_error');
  await shop.db`alter table customers rename column phone to telephone`;
  expect((await logIn(passwords.second)).status).toBeOneOf([500, 503]);
  expect((await register('Ada', passwords.first)).status).toBeOneOf([500, 503]);
  await shop.db`alter table customers rename column telephone to phone`;

  await shop.postgresLink.cut();
  expectProblem(await register('Ada', passwords.first), 503, 'unavailable');
  expectProblem(await logIn(passwords.second), 503, 'unavailable');
  await shop.postgresLink.restore();
  await eventually(async () => (await call('GET', '/api/orders')).status === 200);

  await shop.db.begin(async (sql) => {
    await sql`lock table customers in access exclusive mode`;
    expectProblem(await register('Ada', passwords.first), 503, 'unavailable');
  });
}

/** Everything that a Redis refuses: who has the wrong password, and what there is no room for. */
async function askRefusingRedis(adminToken: string): Promise<void> {
  const port = await freePort();
  const redis = await startRedisNode(port, redisArguments({ port, requirepass: redisPassword }), redisPassword);
  const refused = (child: AppProcess, reason: RegExp) =>
    child.log().some(({ err }) => reason.test(String((err as Error | undefined)?.message)));
  try {
    // Nothing is left to be closed in time.
    const env = { REDIS_URL: `redis://:${passwords.wrong}@127.0.0.1:${port}`, SHUTDOWN_TIMEOUT: '500ms' };
    const refusedApi = await shop.startApi(env);
    // It would say that it works once Redis lets it, which this one never does.
    const refusedWorker = shop.startWorker(env).catch(() => {});
    await Promise.all(
      [refusedApi, shop.worker(1)].map(async (child) => {
        await eventually(() => refused(child, /^WRONGPASS/));
        await child.stop();
      }),
    );
    await refusedWorker;
    const api = await shop.startApi({ REDIS_URL: redis.url });
    const list = (limit: number) => request(api.url, 'GET', `/api/customers?limit=${limit}`, { token: adminToken });
    await eventually(async () => (await list(1)).headers.get('X-Cache') === 'HIT');
    await redis.command('CONFIG', 'SET', 'maxmemory', 1);
    let limit = 1;
    await eventually(async () => {
      limit += 1;
      await list(limit);
      return refused(api, /^OOM/);
    });
    await api.kill();
  } finally {
    await redis.kill();
  }
}

beforeAll(async () => {
  shop = await startShop({ env: { JWT_SECRET: jwtSecret, LOG_LEVEL: 'trace' } });
  const adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url, { password: passwords.first });
  tokens.push(adminToken, customer.token);
  const { id } = await createProduct(shop.url, adminToken, { name: productName, stock: 100 });

  await logIn(passwords.wrong);
  await call('POST', '/api/auth/login', { body: `{"password": "${passwords.wrong}"` });
  await call('POST', '/api/auth/login', {
    body: { email: 'no address', password: passwords.wrong, more: passwords.wrong },
  });
  await call('GET', `/api/orders?token=${customer.token}`);
  const change = { currentPassword: passwords.first, newPassword: passwords.second };
  expect((await call('POST', '/api/auth/password', { body: change })).status).toBe(204);
  const { body } = await request<{ token: string }>(shop.url, 'POST', '/api/auth/login', {
    body: { email: customer.email, password: passwords.second },
  });
  customer = { ...customer, token: body.token };
  tokens.push(customer.token);

  for (const mode of [{ refuseWith: 451 }, { refuseWith: 550 }, 'accept'] as const) {
    shop.mail.become(mode);
    const before = shop.mail.attempts();
    await placeOrder(shop.url, customer.token, [{ productId: id, quantity: 1 }]);
    await eventually(() => shop.mail.attempts() > before);
  }
  await askRefusingRedis(adminToken);
  await breakDatabase();
  await shop.redisLink.cut();
  const place = () => placeOrder(shop.url, customer.token, [{ productId: id, quantity: 1 }]);
  await place();
  await logIn(passwords.wrong);
  await shop.redisLink.restore();
  const before = shop.mail.messages.length;
  await eventually(async () => (await place()) && shop.mail.messages.length > before, { everyMs: 200 });
});

afterAll(() => shop.stop());

describe('the logs', () => {
  describe('when much has gone well and much has not', () => {
    test('hold no password, token, hash or secret', async () => {
      const hashes = await shop.db<{ password_hash: string }[]>`select password_hash from customers`;
      const secrets = [
        ...Object.values(passwords),
        ...tokens,
        ...hashes.map((row) => row.password_hash),
        admin.password,
        jwtSecret,
        redisPassword,
        new URL(shop.databaseUrl).password,
        '$argon2',
      ];
      expect(secrets.filter((secret) => secret !== '' && shop.output().includes(secret))).toEqual([]);
    });

    test('hold nothing of a mail or a customer', () => {
      expect(shop.mail.messages.length).toBeGreaterThan(0);
      const personal = [productName, customer.email, customer.name, 'Thank you', '<!doctype'];
      expect(personal.filter((text) => shop.output().includes(text))).toEqual([]);
    });

    test('tell of each sign-in whose account it was, if anyone’s, and where from, and nothing that was typed', async () => {
      const unknown = `${randomUUID()}@example.com`;
      const shots = [
        {
          body: { email: customer.email.toUpperCase(), password: passwords.second },
          status: 200,
          customerId: customer.id,
        },
        { body: { email: customer.email, password: passwords.wrong }, status: 401, customerId: customer.id },
        { body: { email: unknown, password: passwords.wrong }, status: 401, customerId: undefined },
      ];
      for (const { body, status, customerId } of shots) {
        const answer = await request(shop.url, 'POST', '/api/auth/login', { body });
        expect(answer.status).toBe(status);
        const requestId = answer.headers.get('X-Request-Id');
        const line = await eventually(() => shop.log().find((each) => each.requestId === requestId));
        expect(line).toMatchObject({
          path: '/api/auth/login',
          status,
          address: expect.stringMatching(/127\.0\.0\.1$/),
        });
        expect(line.customerId).toBe(customerId);
        expect(JSON.stringify(line).toLowerCase()).not.toContain(body.email.toLowerCase());
        expect(JSON.stringify(line)).not.toContain(body.password);
      }
    });

    test('hold no SQL', () => {
      const sql = /\b(select\b.+\bfrom|insert\s+into|update\s+"?\w+"?\s+set|delete\s+from|returning)\b/i;
      const lines = shop.output().split('\n');
      expect(lines.filter((line) => sql.test(line))).toEqual([]);
    });

    test('still say what happened, to which request', () => {
      const lines = shop.log();
      const unexpected = lines.find(({ level }) => level === 'error');
      expect(unexpected).toMatchObject({ requestId: expect.any(String), err: { message: expect.any(String) } });
      expect(lines.some(({ msg }) => msg === 'mail refused')).toBeTrue();
      expect(lines.some(({ level, msg }) => level === 'warn' && String(msg).includes('database'))).toBeTrue();
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { root } from './support/app-process.ts';
import { type Account, createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { readSource } from './support/declared.ts';
import { createDocumentedRole, documentedGrants, urlOfRole } from './support/documented-role.ts';
import { scrape } from './support/metrics.ts';
import { bringTo, mailsOf } from './support/orders.ts';
import { startRedis } from './support/redis-server.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const setUpMsMax = 120_000;
const page = readSource('docs/operations.md');

/** What docs/operations.md gives to the user of a shop at Redis. */
const [, documentedRules = ''] = /^user shop on >\S+ (.*)$/m.exec(page) ?? [];

test('docs/operations.md › names the least that a shop needs', () => {
  expect(documentedRules).toContain('~{shop}');
  expect(documentedGrants.length).toBeGreaterThan(3);
});

/** A shop whose processes are nobody but a user at Redis with these rules, and a role at Postgres with the documented grants. */
async function startConfined(rules: string) {
  const redis = await startRedis({ databases: 1 });
  const master = new Redis(redis.url);
  const setUser = (...words: string[]) => master.call('ACL', 'SETUSER', 'shop', ...words);
  await setUser('on', '>sesame', ...rules.split(' '));
  let role = '';
  const shop = await startShop({
    apis: 1,
    workers: 1,
    env: { REDIS_URL: redis.url.replace('redis://', 'redis://shop:sesame@'), REGISTRATIONS_PER_HOUR: '1000' },
    through: async (databaseUrl) => {
      role = `app_of_${new URL(databaseUrl).pathname.slice(1)}`;
      return createDocumentedRole(databaseUrl, role);
    },
  });
  return {
    shop,
    role,
    setUser,
    keys: () => master.keys('*'),
    stop: async () => {
      const { number } = shop;
      await shop.db.unsafe(`drop owned by ${role}`);
      await shop.db.unsafe(`drop role ${role}`);
      await shop.stop();
      master.disconnect();
      await redis.stop();
      return number;
    },
  };
}

type Confined = Awaited<ReturnType<typeof startConfined>>;

/** Everything that a process asks of Redis and Postgres, but for clean-ups. */
async function useAll(shop: Shop): Promise<void> {
  const adminToken = await signInAdmin(shop.url);
  const customer: Account = await registerCustomer(shop.url);
  const mug = await createProduct(shop.url, adminToken, { name: 'Confined mug', stock: 10 });
  const wrong = { email: customer.email, password: 'not the password' };
  expect((await request(shop.url, 'POST', '/api/auth/login', { body: wrong })).status).toBe(401);
  const forgotten = { body: { email: customer.email } };
  expect((await request(shop.url, 'POST', '/api/auth/password/forgot', forgotten)).status).toBe(202);
  await eventually(() => shop.mail.messages.some(({ to }) => to === customer.email), { withinMs: 20_000 });
  const list = () => request(shop.url, 'GET', '/api/products?q=confined');
  await list();
  await eventually(async () => (await list()).headers.get('X-Cache') === 'HIT');
  const { id } = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 1 }], {
    'Idempotency-Key': 'confined',
  });
  await bringTo(shop.db, id, 'delivered');
  expect(await mailsOf(shop.db, id)).toHaveLength(4);
  await eventually(() => shop.mail.messages.filter(({ headers }) => headers['x-order-id'] === id).length === 4, {
    withinMs: 20_000,
  });
  const other = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 1 }]);
  expect((await request(shop.url, 'PATCH', `/api/orders/cancel/${other.id}`, { token: customer.token })).status).toBe(
    200,
  );
  for (const source of ['postgres', 'queue']) {
    await eventually(async () => (await scrape(shop.url)).value('shop_source_up', { source }) === 1);
  }
  // What was missing before counts for some seconds more.
  const ready = async () => (await request(shop.url, 'GET', '/readyz')).body.status === 'ok';
  await eventually(ready);
}

describe('a shop with the least that docs/operations.md names', () => {
  let confined: Confined;

  beforeAll(async () => {
    confined = await startConfined(documentedRules);
  }, setUpMsMax);

  afterAll(() => confined.stop(), setUpMsMax);

  const errors = () => confined.shop.log().filter(({ level }) => level === 'error');

  test('does everything', async () => {
    await useAll(confined.shop);
    expect(errors()).toEqual([]);
    // What may not be counted there is counted by each process for itself, and nobody hears of it.
    const kinds = new Set((await confined.keys()).map((key) => key.split(':')[0]));
    expect([...kinds]).toEqual(
      expect.arrayContaining(['cache', 'login-pair', 'mail-request', 'registration', '{shop}']),
    );
  });

  test('has no more than that', async () => {
    const { shop, role } = confined;
    const [row] = await shop.db`select
      has_database_privilege(${role}, current_database(), 'CREATE') or has_schema_privilege(${role}, 'public', 'CREATE')
        or has_schema_privilege(${role}, 'drizzle', 'CREATE') as creates`;
    expect(row?.creates).toBe(false);
  });

  test('that lacks a command of Redis › names it once, works no more, and works again by itself', async () => {
    const { shop, setUser } = confined;
    await setUser('-evalsha');
    const customer = await registerCustomer(shop.url);
    const mug = await createProduct(shop.url, await signInAdmin(shop.url), {});
    await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 1 }]);
    await eventually(async () => {
      const { status, body } = await request(shop.url, 'GET', '/readyz');
      expect({ status, body }).toMatchObject({ status: 200, body: { status: 'degraded', checks: { redis: 'down' } } });
      return true;
    });
    const starting = shop.startWorker();
    await eventually(() =>
      shop
        .worker(1)
        .log()
        .some(({ level }) => level === 'error'),
    );
    const lines = shop.worker(1).log();
    expect(lines.filter(({ msg }) => msg === 'working')).toEqual([]);
    expect(lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)).toEqual([
      expect.stringContaining("'evalsha'"),
    ]);
    await setUser('+evalsha');
    await starting;
    await useAll(shop);
  });

  test('that lacks a privilege on a table › names it once, and is ready once it has it', async () => {
    const { shop, role } = confined;
    await shop.db.unsafe(`revoke insert on mails from ${role}`);
    const before = errors().length;
    const starting = shop.startApi();
    await eventually(() => errors().length > before);
    expect((await request(shop.api(1).url, 'GET', '/readyz')).status).toBe(503);
    await shop.db.unsafe(`grant insert on mails to ${role}`);
    await starting;
    const told = shop
      .api(1)
      .log()
      .filter(({ level }) => level === 'error');
    expect(told.map(({ msg }) => msg)).toEqual([
      expect.stringContaining(`The role ${role} lacks INSERT on table public.mails.`),
    ]);
  });

  test.each<{ privilege: string; refused: string[] }>([
    { privilege: 'insert on orders', refused: ['POST /api/orders'] },
    { privilege: 'update on orders', refused: ['PATCH /api/orders/cancel'] },
    { privilege: 'update on mails', refused: [] },
    { privilege: 'select on products', refused: ['GET /api/products', 'POST /api/orders', 'PATCH /api/orders/cancel'] },
    { privilege: 'insert on order_history', refused: ['POST /api/orders', 'PATCH /api/orders/cancel'] },
  ])(
    'that loses $privilege while it runs › answers 503 where it needs it, and goes on once it has it',
    async (lost) => {
      const { shop, role } = confined;
      const token = await signInAdmin(shop.url);
      const { id: productId } = await createProduct(shop.url, token, { stock: 10 });
      const { token: buyer } = await registerCustomer(shop.url);
      const items = [{ productId, quantity: 1 }];
      const { id } = await placeOrder(shop.url, buyer, items);
      const calls = {
        'GET /api/products': () => request(shop.url, 'GET', `/api/products/${productId}`),
        'GET /api/orders': () => request(shop.url, 'GET', `/api/orders/${id}`, { token: buyer }),
        'POST /api/orders': () => request(shop.url, 'POST', '/api/orders', { token: buyer, body: { items } }),
        'PATCH /api/orders/cancel': () => request(shop.url, 'PATCH', `/api/orders/cancel/${id}`, { token: buyer }),
      };
      const before = errors().length;
      await shop.db.unsafe(`revoke ${lost.privilege} from ${role}`);
      try {
        for (const [call, send] of Object.entries(calls)) {
          const { status, body } = await send();
          const answer = { call, status: status < 300 ? 'fine' : status, code: body.code };
          const isRefused = lost.refused.includes(call);
          expect(answer).toEqual({
            call,
            status: isRefused ? 503 : 'fine',
            code: isRefused ? 'unavailable' : undefined,
          });
        }
      } finally {
        await shop.db.unsafe(`grant ${lost.privilege} to ${role}`);
      }
      await useAll(shop);
      expect(errors().length).toBe(before);
    },
    60_000,
  );

  describe('db:migrate', () => {
    async function migrate(url: string) {
      const child = Bun.spawn([process.execPath, join('scripts', 'migrate.ts')], {
        cwd: root,
        env: { PATH: process.env.PATH, DATABASE_URL: url },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [code, complaint] = await Promise.all([child.exited, child.stderr.text()]);
      return { code, complaint };
    }

    test('with nothing left to do › asks for no right to create anything', async () => {
      const { shop, role } = confined;
      expect(await migrate(urlOfRole(shop.databaseUrl, role))).toEqual({ code: 0, complaint: '' });
    });

    test('without the right to create › says which is missing', async () => {
      const { shop, role } = confined;
      const database = `${new URL(shop.databaseUrl).pathname.slice(1)}_bare`;
      await shop.db.unsafe(`create database ${database}`);
      const url = new URL(urlOfRole(shop.databaseUrl, role));
      url.pathname = `/${database}`;
      const { code, complaint } = await migrate(url.href);
      expect({ code, complaint }).toEqual({ code: 1, complaint: `permission denied for database ${database}\n` });
      await shop.db.unsafe(`drop database ${database} with (force)`);
    });
  });
});

describe('a shop whose Redis forbids what is dangerous', () => {
  test(
    'does everything, without asking for it',
    async () => {
      const confined = await startConfined('~* &* +@all -@dangerous');
      await useAll(confined.shop);
      await confined.stop();
    },
    setUpMsMax,
  );
});

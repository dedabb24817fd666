import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';
import { migrateDatabase } from '../src/db/migrate.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import { freePort } from '../standalone/ports.ts';
import { type AppProcess, startProcess } from './support/app-process.ts';
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
import { bringTo, unitsOf, untilOrderWaits } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type ApiProcess, type Shop, startShop } from './support/shop.ts';
import { busyness, eventually, givenLoad } from './support/wait.ts';

const withoutPostgresMsMax = 5_000;
const withoutRedisMsMax = 1_000;

let shop: Shop;
let adminToken: string;
let customer: Account;
let mugId: string;
const stock = 10_000;

beforeAll(async () => {
  shop = await startShop();
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
  mugId = (await createProduct(shop.url, adminToken, { stock })).id;
});

afterAll(() => shop.stop());

type Request = [method: string, path: string, options?: RequestOptions];

function call<Body = Record<string, unknown>>(...[method, path, options]: Request) {
  return request<Body>(shop.url, method, path, { token: customer.token, ...options });
}

const orderBody = (quantity = 1) => ({ items: [{ productId: mugId, quantity }] });
const place = () => placeOrder(shop.url, customer.token, orderBody().items);

/** Sends a request and expects its answer in time, which is more on a busy machine. */
async function timed(msMax: number, ...asked: Request): Promise<Answer<Record<string, unknown>>> {
  const startedAt = performance.now();
  const answer = await call(...asked);
  const tookMs = performance.now() - startedAt;
  expect({ asked: asked.slice(0, 2), inTime: tookMs < givenLoad(msMax), tookMs }).toMatchObject({ inTime: true });
  return answer;
}

const readiness = () => request(shop.url, 'GET', '/readyz');
const untilReady = () => eventually(async () => (await readiness()).status === 200, { withinMs: 10_000 });

async function ordersWritten(): Promise<number> {
  const [row] = await shop.db<{ count: number }[]>`select count(*)::int as count from orders`;
  return row?.count ?? Number.NaN;
}

const registration = () => ({ name: 'Ada', email: `${randomUUID()}@example.com`, password: 'open sesame' });

describe.each([
  ['gone', () => shop.postgresLink.cut()],
  ['frozen', async () => shop.postgresLink.hang()],
] as const)('requests that need Postgres › while it is %s', (_name, takeAway) => {
  afterEach(async () => {
    await shop.postgresLink.restore();
    await untilReady();
  });

  test('are answered 503 in time, and served by themselves when it is back', async () => {
    const order = await place();
    const before = await ordersWritten();
    await takeAway();
    const { email, password } = customer;
    const requests: Request[] = [
      ['GET', `/api/products/${mugId}`],
      ['GET', '/api/products?sort=name&q=nobody'],
      ['POST', '/api/orders', { body: orderBody() }],
      ['GET', '/api/orders'],
      ['PATCH', `/api/orders/cancel/${order.id}`],
      ['POST', '/api/auth/login', { body: { email, password } }],
      ['POST', '/api/auth/register', { body: registration() }],
      ['GET', '/api/customers', { token: adminToken }],
      ['POST', '/api/products', { token: adminToken, body: { name: 'Mug', priceCents: 1, stock: 1 } }],
    ];
    for (const answer of await Promise.all(requests.map((asked) => timed(withoutPostgresMsMax, ...asked)))) {
      expectProblem(answer, 503, 'unavailable');
      expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
      expect(JSON.stringify(answer.body)).not.toMatch(/select|insert|update|ECONN|postgres\.|\.ts/i);
    }
    const ready = await timed(withoutPostgresMsMax, 'GET', '/readyz');
    expect(ready).toMatchObject({
      status: 503,
      body: { status: 'unavailable', checks: { postgres: 'down', redis: 'up' } },
    });
    expect(await call('GET', '/healthz')).toMatchObject({ status: 200 });

    await shop.postgresLink.restore();
    await untilReady();
    expect(await ordersWritten()).toBe(before);
    expect((await call<OrderBody>('GET', `/api/orders/${order.id}`)).body).toEqual(order);
    expect((await place()).status).toBe('pending');
    await bringTo(shop.db, order.id, 'processing');
  });
});

describe('requests that need Postgres twice › when it keeps them waiting both times', () => {
  /** Nobody gets at a table until what comes back is called. */
  async function lock(table: 'customers' | 'orders' | 'products'): Promise<() => Promise<void>> {
    const release = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const held = shop.db.begin(async (sql) => {
      await sql`lock table ${sql(table)} in access exclusive mode`;
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    return async () => {
      release.resolve();
      await held;
    };
  }

  test('are told 503 once the time for both is over', async () => {
    const order = await place();
    const before = await ordersWritten();
    const [releaseCallers, releaseOrders, releaseProducts] = [
      await lock('customers'),
      await lock('orders'),
      await lock('products'),
    ];
    const product = { name: 'Mug', priceCents: 1, stock: 1 };
    const answers = [
      call('PATCH', `/api/orders/cancel/${order.id}`),
      call('POST', '/api/orders', { body: orderBody() }),
      call('GET', '/api/orders'),
      call('PUT', `/api/products/${mugId}`, { token: adminToken, body: product }),
    ];
    // Long enough that waiting for the second lock as long as Postgres lets one would be too long.
    await pause(2_000);
    await releaseCallers();
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ status: 503, body: { detail: 'The shop did not answer in time.' } });
    }
    await Promise.all([releaseOrders(), releaseProducts()]);
    expect((await call<OrderBody>('GET', `/api/orders/${order.id}`)).body).toEqual(order);
    expect(await ordersWritten()).toBe(before);
  });
});

describe.each([
  ['gone', () => shop.redisLink.cut()],
  ['frozen', async () => shop.redisLink.hang()],
] as const)('requests › while Redis is %s', (_name, takeAway) => {
  afterEach(() => shop.redisLink.restore());

  test('are answered in time, and progress and mail catch up when it is back, empty', async () => {
    await takeAway();
    const asAdmin = { token: adminToken };
    const { email, password } = customer;
    const placed = await timed(withoutRedisMsMax, 'POST', '/api/orders', { body: orderBody() });
    expect(placed.status).toBe(201);
    const toCancel = await timed(withoutRedisMsMax, 'POST', '/api/orders', { body: orderBody() });
    const requests: [number, ...Request][] = [
      [200, 'GET', '/api/products'],
      [200, 'GET', `/api/products/${mugId}`],
      [200, 'GET', '/api/orders'],
      [200, 'GET', '/api/customers', asAdmin],
      [200, 'PATCH', `/api/orders/cancel/${toCancel.body.id}`],
      [200, 'PATCH', `/api/orders/restore/${toCancel.body.id}`],
      [200, 'POST', '/api/auth/login', { body: { email, password } }],
      [401, 'POST', '/api/auth/login', { body: { email, password: 'wrong' } }],
      [201, 'POST', '/api/auth/register', { body: registration() }],
      [201, 'POST', '/api/products', { ...asAdmin, body: { name: 'Pot', priceCents: 1, stock: 1 } }],
      [200, 'PATCH', `/api/customers/phone/${customer.id}`, { body: { phone: null } }],
    ];
    for (const [status, ...asked] of requests) {
      const answer = await timed(withoutRedisMsMax, ...asked);
      expect({ asked: asked.slice(0, 2), status: answer.status }).toEqual({ asked: asked.slice(0, 2), status });
    }
    expect(await timed(withoutRedisMsMax, 'GET', '/readyz')).toMatchObject({
      status: 200,
      body: { status: 'degraded', checks: { postgres: 'up', redis: 'down' } },
    });

    await shop.redis.flushdb();
    await shop.redisLink.restore();
    await eventually(async () => (await readiness()).body.status === 'ok');
    await bringTo(shop.db, String(placed.body.id), 'delivered');
    const mailsOf = (id: unknown) =>
      shop.mail.messages
        .map(({ headers }) => headers)
        .filter((headers) => headers['x-order-id'] === id)
        .map((headers) => `${headers['x-order-run']} ${headers['x-order-status']}`)
        .sort();
    const untilMailed = (id: unknown, count: number) => eventually(() => mailsOf(id).length >= count && mailsOf(id));
    expect(await untilMailed(placed.body.id, 4)).toEqual(['1 delivered', '1 pending', '1 processing', '1 shipped']);
    expect(await untilMailed(toCancel.body.id, 3)).toEqual(['1 cancelled', '1 pending', '2 pending']);
  });
});

describe('a shop that has no Redis', () => {
  let lone: Shop;

  beforeAll(async () => {
    lone = await startShop({ queue: 'postgres' });
  });

  afterAll(() => lone.stop());

  test('is ready without it', async () => {
    expect(await request(lone.url, 'GET', '/readyz')).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'up', redis: 'none' } },
    });
  });

  test('goes on when the queue cannot be opened, and opens it for the next mail once it can', async () => {
    const young = await startShop({ queue: 'postgres', workers: 0 });
    try {
      const buyer = await registerCustomer(young.url);
      const { id } = await createProduct(young.url, await signInAdmin(young.url), { stock: 10 });
      const order = () => placeOrder(young.url, buyer.token, [{ productId: id, quantity: 1 }]);
      await young.db`create schema bullmq`;
      // Nothing that BullMQ could set its tables up beside.
      await young.db`create table bullmq.migration (nothing int)`;
      await order();
      await eventually(() => young.log().some(({ msg }) => msg === 'the mail queue is out of reach'));
      await young.db`drop schema bullmq cascade`;
      await order();
      const waiting = async () =>
        /shop_queue_jobs\{.*"waiting"\} 1$/m.test(await (await fetch(`${young.url}/metrics`)).text());
      await eventually(waiting, { withinMs: 30_000 });
    } finally {
      await young.stop();
    }
  });

  test('goes on with progress and mail when Postgres, and the queue in it, have been gone', async () => {
    const buyer = await registerCustomer(lone.url);
    const { id } = await createProduct(lone.url, await signInAdmin(lone.url), { stock: 10 });
    const order = () => placeOrder(lone.url, buyer.token, [{ productId: id, quantity: 1 }]);
    const before = await order();
    await eventually(() => lone.mail.messages.length === 1);
    await bringTo(lone.db, before.id, 'processing');
    await lone.postgresLink.cut();
    expect((await request(lone.url, 'GET', '/readyz')).status).toBe(503);
    await lone.postgresLink.restore();
    await eventually(async () => (await request(lone.url, 'GET', '/readyz')).status === 200, { withinMs: 10_000 });
    const after = await order();
    await Promise.all(
      [before, after].map(({ id }) => lone.db`update orders set next_status_at = now() where id = ${id}`),
    );
    const statuses = () => lone.db<{ status: string }[]>`select status from orders order by id`.values();
    await eventually(async () => String(await statuses()) === 'shipped,processing', { withinMs: 10_000 });
    await eventually(() => lone.mail.messages.length === 5);
  });
});

/** Holds the product's row, and with it every order of it, while `work` runs. */
async function whileOrdersWait<Done>(work: (release: () => void) => Promise<Done>): Promise<void> {
  await shop.db.begin(async (sql) => {
    await sql`select 1 from products where id = ${mugId} for update`;
    await new Promise<void>((resolve, reject) => void work(resolve).catch(reject));
  });
}

describe('POST /api/orders', () => {
  async function openConnection({ url }: ApiProcess): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  /** Orders on a connection of its own, which `fetch` has too few of, and answers what comes back as it stands. */
  async function placeAlone(socket: Socket, token: string, body: unknown): Promise<string> {
    const text = JSON.stringify(body);
    const head = `POST /api/orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n`;
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    let answer = '';
    for await (const part of socket) answer += part;
    return answer;
  }

  test('when more than a thousand wait › answers 503 to the rest at once, and places all others', async () => {
    const busy = await startShop({ workers: 0 });
    try {
      const { token } = await registerCustomer(busy.url);
      const { id } = await createProduct(busy.url, await signInAdmin(busy.url), { stock: 10_000 });
      const answers: string[] = [];
      const orders: Promise<unknown>[] = [];
      // Before the lock, because so many take a busy machine longer than an order may wait.
      const sockets = await Promise.all(Array.from({ length: 1_300 }, () => openConnection(busy.api(0))));
      await busy.db.begin(async (sql) => {
        await sql`select 1 from products where id = ${id} for update`;
        const body = { items: [{ productId: id, quantity: 1 }] };
        for (const socket of sockets) {
          orders.push(placeAlone(socket, token, body).then((answer) => answers.push(answer)));
        }
        // No longer, because those who wait are told 503 as well when their time is over.
        await eventually(() => answers.length > 0);
        expect(answers.filter((answer) => !answer.includes('Too many requests wait just now.'))).toEqual([]);
      });
      await Promise.all(orders);
      const statuses = answers.map((answer) => Number(answer.split(' ')[1]));
      const placed = statuses.filter((status) => status === 201).length;
      expect(new Set(statuses)).toEqual(new Set([503, 201]));
      const [row] = await busy.db<{ stock: number; orders: number }[]>`
        select stock, (select count(*)::int from orders) as orders from products where id = ${id}`;
      expect(row).toEqual({ stock: 10_000 - placed, orders: placed });
    } finally {
      await busy.stop();
    }
  });
});

const shutsDown = (child: AppProcess) => eventually(() => child.log().some(({ msg }) => msg === 'shutting down'));

describe('SIGTERM', () => {
  async function openKeptAlive({ url }: ApiProcess): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n');
    await once(socket, 'data');
    return socket;
  }

  test('to an API at work › lets it answer what runs, and ends it with 0, idle connections or not', async () => {
    const api = await shop.startApi();
    const idle = await openKeptAlive(api);
    const running: Promise<Answer<Partial<OrderBody>>>[] = [];
    let exit: Promise<number> | undefined;
    await whileOrdersWait(async (release) => {
      for (let count = 0; count < 5; count += 1) {
        const options = { token: customer.token, body: orderBody() };
        running.push(request<Partial<OrderBody>>(api.url, 'POST', '/api/orders', options));
      }
      await untilOrderWaits(shop.db);
      exit = api.stop();
      await shutsDown(api);
      release();
    });
    for (const { status, body } of await Promise.all(running)) {
      expect(status).toBe(201);
      expect(await call('GET', `/api/orders/${body.id}`)).toMatchObject({ status: 200 });
    }
    const answeredAt = performance.now();
    expect(await exit).toBe(0);
    // Had it waited for the idle one, it would have taken all of SHUTDOWN_TIMEOUT, 10 s.
    expect(performance.now() - answeredAt).toBeLessThan(givenLoad(2_000));
    expect(api.log().at(-1)).toMatchObject({ msg: 'stopped' });
    expect(idle.readyState).not.toBe('open');
    await expect(fetch(`${api.url}/healthz`)).rejects.toThrow();
  });

  test('to an API whose work does not end › ends it with 0 when SHUTDOWN_TIMEOUT is over', async () => {
    const api = await shop.startApi({ SHUTDOWN_TIMEOUT: '500ms' });
    await whileOrdersWait(async (release) => {
      const unanswered = request(api.url, 'POST', '/api/orders', { token: customer.token, body: orderBody() });
      unanswered.catch(() => {});
      await untilOrderWaits(shop.db);
      const startedAt = performance.now();
      expect(await api.stop()).toBe(0);
      // Not the 10 s of a setting that was overlooked.
      expect(performance.now() - startedAt).toBeWithin(500, 2_500 * busyness());
      expect(api.log().at(-1)).toMatchObject({
        level: 'warn',
        msg: 'stopped before everything was closed',
        closing: 'requests under way',
      });
      release();
    });
  });

  describe.each([
    ['Postgres', 'gone', () => shop.postgresLink.cut(), () => shop.postgresLink.restore()],
    ['Postgres', 'frozen', async () => shop.postgresLink.hang(), () => shop.postgresLink.restore()],
    ['Redis', 'gone', () => shop.redisLink.cut(), () => shop.redisLink.restore()],
    ['Redis', 'frozen', async () => shop.redisLink.hang(), () => shop.redisLink.restore()],
  ] as const)('while %s is %s', (_server, _how, takeAway, giveBack) => {
    const failures = (child: AppProcess) =>
      child.log().filter(({ level, msg }) => level === 'error' || msg === 'failed to close');

    let api: ApiProcess;
    let worker: AppProcess;
    let codes: number[];

    beforeAll(async () => {
      [api, worker] = await Promise.all([
        shop.startApi({ SHUTDOWN_TIMEOUT: '8s' }),
        shop.startWorker({ SHUTDOWN_TIMEOUT: '3s' }),
      ]);
      await request(api.url, 'POST', '/api/orders', { token: customer.token, body: orderBody() });
      await eventually(async () => (await (await fetch(`${api.url}/metrics`)).text()).includes('shop_queue_jobs{'));
      await takeAway();
      codes = await Promise.all([api.stop(), worker.stop()]);
    });

    afterAll(async () => {
      await giveBack();
      await untilReady();
    });

    test('ends an API with 0, in time', () => {
      expect(codes[0]).toBe(0);
      expect(failures(api)).toEqual([]);
      expect(api.log().at(-1)).toMatchObject({ msg: 'stopped' });
    });

    test('ends a worker with 0', () => {
      expect(codes[1]).toBe(0);
      expect(failures(worker)).toEqual([]);
      expect(worker.log().at(-1)?.msg).toMatch(/^stopped/);
    });
  });

  test('to a worker whose mail server is away › ends it with 0', async () => {
    const lone = await startShop({ workers: 0 });
    try {
      const worker = await lone.startWorker({ SMTP_URL: `smtp://127.0.0.1:${await freePort()}` });
      const buyer = await registerCustomer(lone.url);
      const { id } = await createProduct(lone.url, await signInAdmin(lone.url), { stock: 1 });
      await placeOrder(lone.url, buyer.token, [{ productId: id, quantity: 1 }]);
      await eventually(() => worker.log().some(({ msg }) => msg === 'mail refused'));
      expect(await worker.stop()).toBe(0);
      expect(worker.log().at(-1)).toMatchObject({ msg: 'stopped' });
    } finally {
      await lone.stop();
    }
  });

  test('to a worker that sends › lets it finish what it has begun, and ends it with 0', async () => {
    const busy = await startShop();
    try {
      const buyer = await registerCustomer(busy.url);
      const { id } = await createProduct(busy.url, await signInAdmin(busy.url), { stock: 100 });
      const items = [{ productId: id, quantity: 1 }];
      const orders = await Promise.all(Array.from({ length: 20 }, () => placeOrder(busy.url, buyer.token, items)));
      await eventually(() => busy.mail.messages.length > 0, { everyMs: 1 });
      expect(await busy.worker(0).stop()).toBe(0);
      const states = await busy.db<{ state: string; count: number }[]>`
        select state, count(*)::int as count from mails group by state`;
      expect(states.map(({ state }) => state)).not.toContain('sending');
      expect(states.find(({ state }) => state === 'sent')?.count).toBe(busy.mail.messages.length);
      await busy.startWorker();
      await eventually(() => busy.mail.messages.length >= orders.length);
      const ids = busy.mail.messages.map(({ headers }) => headers['x-order-id'] ?? '');
      expect(ids.sort()).toEqual(orders.map((order) => order.id).sort());
    } finally {
      await busy.stop();
    }
  });

  test.each(['redis', 'postgres'])(
    'to a worker that waits for Postgres, its queue in %s › ends it with 0',
    async (queue) => {
      const env = {
        DATABASE_URL: `postgres://shop:shop@127.0.0.1:${await freePort()}/shop`,
        SMTP_URL: shop.smtpUrl,
        ...(queue === 'redis' ? { REDIS_URL: shop.redisUrl } : {}),
      };
      const logFile = join(process.env.TEST_LOGS ?? tmpdir(), `waiting-worker-${queue}.log`);
      const worker = startProcess('worker.ts', env, logFile);
      await eventually(() => worker.log().some(({ msg }) => msg === 'waiting for postgres'));
      expect(await worker.stop()).toBe(0);
      for (const line of worker.output().split('\n').filter(Boolean)) expect(line).toStartWith('{');
    },
  );
});

describe('SIGKILL', () => {
  test('to an API under load › loses no order that was acknowledged', async () => {
    const api = await shop.startApi();
    const acknowledged: string[] = [];
    let alive = true;
    const buyers = Array.from({ length: 16 }, async () => {
      while (alive) {
        const options = { token: customer.token, body: orderBody() };
        const answer = await request<OrderBody>(api.url, 'POST', '/api/orders', options).catch(() => null);
        if (answer?.status === 201) acknowledged.push(answer.body.id);
      }
    });
    await eventually(() => acknowledged.length > 100, { withinMs: 20_000 });
    await api.kill();
    alive = false;
    await Promise.all(buyers);
    const kept = await shop.db<{ id: string; mails: number; units: number; steps: number }[]>`
      select id, (select count(*)::int from mails where order_id = orders.id) as mails,
        (select sum(quantity)::int from order_items where order_id = orders.id) as units,
        (select count(*)::int from order_history where order_id = orders.id) as steps
      from orders where id in ${shop.db(acknowledged)}`;
    expect(kept.map(({ id }) => id).sort()).toEqual(acknowledged.toSorted());
    for (const { mails, units, steps } of kept)
      expect({ mails, units, steps }).toEqual({ mails: 1, units: 1, steps: 1 });
    expect(await unitsOf(shop.db, mugId)).toBe(stock);
    const untold = () => shop.db`select 1 from mails where order_id in ${shop.db(acknowledged)} and state <> 'sent'`;
    await eventually(async () => (await untold()).length === 0, { withinMs: 20_000, everyMs: 100 });
    const told = shop.mail.messages.map(({ headers }) => headers['x-order-id'] ?? '');
    expect(told.filter((id) => acknowledged.includes(id)).sort()).toEqual(acknowledged.toSorted());
  });
});

describe('GET /readyz', () => {
  test('when all is well › answers 200', async () => {
    expect(await readiness()).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'up', redis: 'up' } },
    });
  });

  test('before schema and first admin are there › answers 503, then 200 by itself', async () => {
    const server = postgres(shop.databaseUrl, { max: 1 });
    const database = `${new URL(shop.databaseUrl).pathname.slice(1)}_empty`;
    await server.unsafe(`create database ${database}`);
    const databaseUrl = new URL(shop.databaseUrl);
    databaseUrl.pathname = `/${database}`;
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      PORT: String(port),
      HOST: '127.0.0.1',
      DATABASE_URL: databaseUrl.href,
      REDIS_URL: shop.redisUrl,
      SMTP_URL: shop.smtpUrl,
      JWT_SECRET: 'known to this suite and to nobody else',
      TOKEN_SECRET: 'known to this suite and to its worker only',
      ADMIN_EMAIL: admin.email,
      ADMIN_PASSWORD: admin.password,
    };
    const api = startProcess('index.ts', env, join(process.env.TEST_LOGS ?? '.', `${database}-api.log`));
    try {
      const ready = () => request(url, 'GET', '/readyz');
      const first = await eventually(ready, { withinMs: 20_000 });
      expect(first).toMatchObject({ status: 503, body: { status: 'unavailable', checks: { postgres: 'up' } } });
      await migrateDatabase(databaseUrl.href);
      await eventually(async () => (await ready()).status === 200, { withinMs: 20_000 });
      expect(await signInAdmin(url)).toBeString();
    } finally {
      await api.kill();
      await server.unsafe(`drop database ${database} with (force)`);
      await server.end();
    }
  });
});

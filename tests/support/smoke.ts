import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseWaitMsMax } from '../../src/lib/deadline.ts';
import type { OrderBody, OrderStatus } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import { freePort } from '../../standalone/ports.ts';
import { exchange } from '../hostile/sockets.ts';
import { type Account, admin, createProduct, placeOrder, registerCustomer, signInAdmin } from './client.ts';
import { type Collector, startCollector } from './collector.ts';
import { type Ask, checkedRequests } from './document.ts';
import { scrape } from './metrics.ts';
import { bringTo } from './orders.ts';
import { expectProblem } from './problem.ts';
import { startReceiver } from './receiver.ts';
import { openTestbed, type Testbed } from './testbed.ts';
import { eventually, pause } from './wait.ts';
import { createWebhookClient, verify } from './webhooks.ts';

/** The two processes of a shop, by the names of their entry points. */
export type Entry = 'index' | 'worker';

export type Started = {
  /** Asks it to end (SIGTERM). */
  stop: () => void;
  /** Ends whatever is left of it. */
  kill: () => unknown;
  /** Resolves with its exit code. */
  exited: Promise<number>;
};

const root = join(import.meta.dir, '../..');
/** Node's code is compiled first, which can take long beside the other suites. */
const readyWithinMs = 60_000;
const startMsMax = readyWithinMs + 20_000;

/**
 * Starts a command with these settings as its environment, and little else; what it writes goes to the suites' logs, or
 * to `stdout` if there is one.
 */
export function spawnLogged(
  command: string[],
  logName: string,
  settings: Record<string, string>,
  stdout?: number,
): Started {
  const log = Bun.file(join(process.env.TEST_LOGS ?? tmpdir(), `${logName}.log`));
  const child = Bun.spawn(command, {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...settings },
    stdio: ['ignore', stdout ?? log, log],
  });
  return { stop: () => child.kill('SIGTERM'), kill: () => child.kill('SIGKILL'), exited: child.exited };
}

/**
 * The suite that a shop has to pass wherever it runs: every group of routes, the cache, orders, the worker, the end.
 * @param runtime what the processes run on, as the metrics name it
 * @param start starts one of the processes with these settings, in the place that `name` says
 */
export function describeShop(
  name: string,
  runtime: string,
  start: (entry: Entry, settings: Record<string, string>) => Started,
): void {
  describe(name, () => {
    const processes: Started[] = [];
    let bed: Testbed;
    let collector: Collector;
    let workerUrl: string;
    let url: string;
    let ask: Ask;
    let adminToken: string;
    let customer: Account;

    beforeAll(async () => {
      bed = await openTestbed();
      collector = startCollector();
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      const settings = {
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: bed.databaseUrl,
        REDIS_URL: bed.redisUrl,
        SMTP_URL: bed.smtpUrl,
        JWT_SECRET: 'known to every suite and to nobody else',
        TOKEN_SECRET: 'known to every suite and to its worker',
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        WEBHOOK_TARGETS: 'any',
      };
      const metricsPort = await freePort();
      workerUrl = `http://127.0.0.1:${metricsPort}`;
      processes.push(start('index', settings));
      await eventually(async () => (await fetch(`${url}/readyz`)).ok, { withinMs: readyWithinMs });
      processes.push(start('worker', { ...settings, METRICS_PORT: String(metricsPort) }));
      ask = await checkedRequests(url);
      adminToken = await signInAdmin(url);
      customer = await registerCustomer(url);
    }, startMsMax);

    afterAll(async () => {
      await Promise.all(processes.map((running) => running.kill()));
      await bed.close();
      await collector.stop();
    });

    test('every group of routes › when asked › answers as documented', async () => {
      const { token, id } = customer;
      expect((await ask('GET', `/api/customers/${id}`, { token })).status).toBe(200);
      expect((await ask('GET', '/api/customers', { token: adminToken })).status).toBe(200);
      const product = await createProduct(url, adminToken);
      expect((await ask('GET', `/api/products/${product.id}`)).status).toBe(200);
      const order = await placeOrder(url, token, [{ productId: product.id, quantity: 1 }]);
      expect((await ask('GET', `/api/orders/${order.id}`, { token })).status).toBe(200);
      expect((await ask('PATCH', `/api/orders/cancel/${order.id}`, { token })).status).toBe(200);
      expect((await ask('GET', '/api/mails', { token: adminToken })).status).toBe(200);
      expect((await ask('GET', '/metrics')).status).toBe(200);
      expectProblem(await ask('DELETE', '/api/orders'), 405, 'method_not_allowed');
      expectProblem(await ask('GET', `/api/orders/${randomUUID()}`), 401, 'unauthenticated');
      const tooLarge = { name: 'Anvil', priceCents: 1, stock: 1, description: 'x'.repeat(2 ** 20) };
      expectProblem(await ask('POST', '/api/products', { token, body: tooLarge }), 413, 'payload_too_large');
      const script = await fetch(`${url}/docs/scalar.js`);
      expect((await script.text()).length).toBeGreaterThan(1_000_000);
      const page = await (await fetch(`${url}/console`)).text();
      const program = await fetch(url + /src="([^"]+)"/.exec(page)?.[1]);
      expect((await program.text()).length).toBeGreaterThan(100_000);
    });

    test('GET /api/products › when asked again › answers from the cache, and 304 if the caller has it', async () => {
      // On a busy machine Redis may be too slow for the cache; another list is asked for then.
      let limit = 20;
      const path = await eventually(async () => {
        limit += 1;
        const asked = `/api/products?sort=name&limit=${limit}`;
        return (await ask('GET', asked)).headers.get('X-Cache') === 'MISS' && asked;
      });
      // An order that another test has just placed may still move the list's version.
      const headers = await eventually(async () => {
        const answer = await ask('GET', path);
        return answer.headers.get('X-Cache') === 'HIT' && answer.headers;
      });
      const unchanged = await ask('GET', path, { headers: { 'If-None-Match': headers.get('ETag') ?? '' } });
      expect(unchanged).toMatchObject({ status: 304, body: null });
    });

    test('a request › when one before it on its connection was kept waiting › has all of its time', async () => {
      const { token, id } = customer;
      const read = () => ask('GET', `/api/customers/${id}`, { token });
      let late: ReturnType<typeof read> | undefined;
      await bed.db.begin(async (tx) => {
        await tx`lock table customers in access exclusive mode`;
        late = read();
        await pause(500);
      });
      expect((await late)?.status).toBe(200);
      await pause(databaseWaitMsMax);
      expect((await read()).status).toBe(200);
    });

    test('a request › when it is written in other ways › is understood, or refused', async () => {
      const { email, password } = customer;
      const headers = {
        'Content-Type': 'application/json; profile="a;b"; charset=utf8;',
        'Content-Encoding': 'identity',
      };
      expect((await ask('POST', '/api/auth/login', { body: { email, password }, headers })).status).toBe(200);
      for (const hosts of [['a.example', 'b.example'], ['a b'], ['a.example,b.example'], ['u@a.example'], []]) {
        const lines = ['GET /api/products HTTP/1.1', ...hosts.map((host) => `Host: ${host}`), 'Connection: close'];
        const { status } = await exchange(url, `${lines.join('\r\n')}\r\n\r\n`, { untilClosed: true });
        expect({ hosts, status }).toEqual({ hosts, status: 400 });
      }
    });

    test('POST /api/orders › when more are wanted than there are › sells each unit once', async () => {
      const { id: productId } = await createProduct(url, adminToken, { stock: 5 });
      const body = { items: [{ productId, quantity: 1 }] };
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => ask('POST', '/api/orders', { token: customer.token, body })),
      );
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([...Array(5).fill(201), ...Array(15).fill(409)]);
      expect((await ask<ProductBody>('GET', `/api/products/${productId}`)).body.stock).toBe(0);
    });

    test('POST /api/auth/login › when the password is wrong › counts that against the address', async () => {
      const body = { email: customer.email, password: 'not the password' };
      expectProblem(await ask('POST', '/api/auth/login', { body }), 401, 'invalid_credentials');
      expect(await bed.redis.exists(`login-pair:127.0.0.1|${customer.email}`)).toBe(1);
    });

    test('worker › when an order is due › brings it to its end with a mail for each status', async () => {
      const { id: productId } = await createProduct(url, adminToken);
      const order = await placeOrder(url, customer.token, [{ productId, quantity: 1 }]);
      await bringTo(bed.db, order.id, 'delivered');
      const { body } = await ask<OrderBody>('GET', `/api/orders/${order.id}`, { token: customer.token });
      const statuses: OrderStatus[] = ['pending', 'processing', 'shipped', 'delivered'];
      expect(body.history.map(({ status }) => status)).toEqual(statuses);
      const mailed = () => {
        const mails = bed.mail.messages.filter(({ headers }) => headers['x-order-id'] === order.id);
        return mails.map(({ headers }) => headers['x-order-status'] ?? '');
      };
      await eventually(() => mailed().length >= statuses.length);
      expect(mailed().sort()).toEqual(statuses.toSorted());
    });

    test('worker › when a webhook wants an event › posts it, signed, to where its name leads, and no further', async () => {
      const receiver = await startReceiver();
      receiver.become({ status: 302, headers: { Location: '/elsewhere' } });
      const webhooks = createWebhookClient(() => ({ url, adminToken }));
      const { id, secret } = await webhooks.add(receiver.url.replace('127.0.0.1', 'localhost'), ['product.created']);
      const product = await createProduct(url, adminToken);
      const [event] = await eventually(() => receiver.of('product.created'));
      expect(event && verify(event, secret).data).toEqual({ ...product });
      const [delivery] = await eventually(async () => {
        const all = await webhooks.deliveries(id);
        return all.filter(({ lastError }) => lastError !== null);
      });
      expect(delivery?.lastError).toBe('answered 302, and redirects are not followed');
      expect(receiver.events.map(({ path }) => path)).toEqual(['/']);
      await webhooks.remove(id);
      await receiver.stop();
    });

    test('both processes › when asked how they are › show metrics, and their traces meet', async () => {
      const traceId = randomUUID().replaceAll('-', '');
      const { id: productId } = await createProduct(url, adminToken);
      const traceparent = `00-${traceId}-c0ffee0000000001-01`;
      await placeOrder(url, customer.token, [{ productId, quantity: 1 }], { traceparent });
      await eventually(
        async () => ((await scrape(workerUrl)).value('shop_mail_attempts_total', { outcome: 'sent' }) ?? 0) > 0,
      );
      expect((await scrape(url)).labels('shop_build_info')[0]?.runtime).toStartWith(runtime.toLowerCase());
      const traced = () => new Set(collector.spans.filter((span) => span.traceId === traceId).map(({ name }) => name));
      const wanted = ['POST /api/orders', 'place orders', 'transaction', 'send mail'];
      await eventually(() => wanted.every((name) => traced().has(name)));
    });

    test('both processes › when told to stop › finish what runs and end with 0', async () => {
      const product = await createProduct(url, adminToken);
      const { name, priceCents } = product;
      let answer: ReturnType<Ask> | undefined;
      await bed.db.begin(async (tx) => {
        await tx`select 1 from products where id = ${product.id} for update`;
        answer = ask('PUT', `/api/products/${product.id}`, { token: adminToken, body: { name, priceCents, stock: 1 } });
        await eventually(async () => {
          const [waiting] = await bed.db`select 1 from pg_stat_activity where wait_event_type = 'Lock'`;
          return waiting;
        });
        for (const running of processes) running.stop();
        await eventually(() =>
          fetch(`${url}/healthz`).then(
            () => false,
            () => true,
          ),
        );
      });
      expect((await answer)?.status).toBe(200);
      expect(await Promise.all(processes.map((running) => running.exited))).toEqual([0, 0]);
    });
  });
}

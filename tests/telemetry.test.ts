import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import type { OrderBody } from '../src/schema/orders.ts';
import { freePort } from '../standalone/ports.ts';
import { type Account, createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { type CollectedSpan, type Collector, startCollector } from './support/collector.ts';
import { completeScrape, scrape } from './support/metrics.ts';
import { bringTo } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

/** What a scrape asks for is given up after 0.3 s; a scrape that waited would wait for 4 s. */
const scrapeMsMax = 3_000;

let collector: Collector;
let shop: Shop;
let workerUrl: string;
let adminToken: string;
let customer: Account;
let mugId: string;

beforeAll(async () => {
  collector = startCollector();
  shop = await startShop({
    workers: 0,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
  const port = await freePort();
  workerUrl = `http://127.0.0.1:${port}`;
  await shop.startWorker({ METRICS_PORT: String(port) });
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
  mugId = (await createProduct(shop.url, adminToken, { stock: 10_000 })).id;
});

afterAll(async () => {
  await shop.stop();
  await collector.stop();
});

// Every process counts for itself.
const apiUrl = () => shop.api(0).url;
const place = (headers: Record<string, string> = {}) =>
  placeOrder(apiUrl(), customer.token, [{ productId: mugId, quantity: 1 }], headers);
const call = (method: string, path: string, headers: Record<string, string> = {}) =>
  request<OrderBody>(apiUrl(), method, path, { token: customer.token, headers });

/** How much a sample grows while something happens, once it has. */
async function grown(url: string, name: string, labels: Record<string, string>, during: () => Promise<unknown>) {
  const before = (await scrape(url)).value(name, labels) ?? 0;
  await during();
  return async () => ((await scrape(url)).value(name, labels) ?? 0) - before;
}

/** Sends a request line as it stands, and waits until the answer has come. */
function send(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(apiUrl());
    const socket = connect(Number(port), hostname, () =>
      socket.write(`${line} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n`),
    );
    socket
      .on('error', reject)
      .on('close', () => resolve())
      .resume();
  });
}

describe('GET /metrics', () => {
  test('when callers make up paths and methods › has no label of theirs', async () => {
    const word = `x${randomUUID().replaceAll('-', '')}`;
    await call('GET', '/healthz');
    for (const path of [
      `/${word}`,
      `/api/${word}`,
      `/api/products/${word}/more`,
      `/docs/${word}`,
      `/api/orders/${word}`,
    ]) {
      await call('GET', path);
      await call('DELETE', path);
    }
    for (const method of [word.toUpperCase(), 'PROPFIND', 'TRACE']) {
      await send(`${method} /healthz`);
      await send(`${method} /api/orders`);
    }
    const samples = await scrape(apiUrl());
    const labels = samples.labels('http_requests_total');
    expect(labels.filter((each) => JSON.stringify(each).toLowerCase().includes(word))).toEqual([]);
    const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'OTHER'];
    expect(labels.map(({ method }) => method).filter((method) => !known.includes(method ?? ''))).toEqual([]);
  });

  test.each([
    ['the API', apiUrl, 'api'],
    ['the worker', () => workerUrl, 'worker'],
  ] as const)('of %s › says what runs and how it fares', async (_name, url, name) => {
    const samples = await completeScrape(url());
    expect(samples.labels('shop_build_info')).toEqual([
      { version: expect.stringMatching(/^\d+\.\d+\.\d+$/), process: name, runtime: expect.stringMatching(/^bun /) },
    ]);
    expect(samples.value('shop_database_pool_size')).toBe(8);
    expect(samples.value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
    expect(samples.value('shop_queue_jobs', { queue: 'mails', state: 'waiting' })).toBe(0);
  });

  test('of the worker › answers beside it only whether it is alive', async () => {
    expect(await (await fetch(`${workerUrl}/healthz`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`${workerUrl}/api/orders`)).status).toBe(404);
    expect((await fetch(`${workerUrl}/metrics`, { method: 'POST' })).status).toBe(404);
    const samples = await completeScrape(workerUrl);
    expect(samples.value('shop_queue_jobs', { queue: 'orders' })).toBeNumber();
  });

  test('when orders enter statuses › each process counts those that it made', async () => {
    const entered = (status: string) => ['shop_orders_entered_total', { status }] as const;
    let id = '';
    const pending = await grown(apiUrl(), ...entered('pending'), async () => {
      ({ id } = await place({ 'Idempotency-Key': 'counted' }));
      await place({ 'Idempotency-Key': 'counted' });
    });
    expect(await pending()).toBe(1);
    const cancelled = await grown(apiUrl(), ...entered('cancelled'), async () => {
      await call('PATCH', `/api/orders/cancel/${id}`);
      await call('PATCH', `/api/orders/cancel/${id}`);
    });
    expect(await cancelled()).toBe(1);
    const shipped = await grown(workerUrl, ...entered('shipped'), async () =>
      bringTo(shop.db, (await place()).id, 'shipped'),
    );
    await eventually(async () => (await shipped()) === 1);
  });

  test('when orders come at once › shows their batches', async () => {
    const orders = await grown(apiUrl(), 'shop_order_batch_size_sum', {}, () =>
      Promise.all(Array.from({ length: 12 }, () => place())),
    );
    expect(await orders()).toBe(12);
    expect((await scrape(apiUrl())).value('shop_order_batch_size_count')).toBeLessThanOrEqual(
      (await scrape(apiUrl())).value('shop_order_batch_size_sum') ?? 0,
    );
  });

  test('when the mail server refuses › counts what waits, and for how long', async () => {
    shop.mail.become({ refuseWith: 451 });
    const refused = await grown(workerUrl, 'shop_mail_attempts_total', { outcome: 'refused' }, () => place());
    try {
      await eventually(async () => (await refused()) > 0);
      const samples = await eventually(async () => {
        const found = await scrape(apiUrl());
        return (found.value('shop_oldest_unsent_mail_age_seconds') ?? 0) > 0 && found;
      });
      expect(
        (samples.value('shop_mails', { state: 'queued' }) ?? 0) +
          (samples.value('shop_mails', { state: 'sending' }) ?? 0),
      ).toBeGreaterThan(0);
    } finally {
      shop.mail.become('accept');
    }
    await eventually(async () => (await scrape(apiUrl())).value('shop_oldest_unsent_mail_age_seconds') === 0, {
      withinMs: 20_000,
    });
    expect((await scrape(workerUrl)).value('shop_mail_attempts_total', { outcome: 'sent' })).toBeGreaterThan(0);
  });
});

describe('GET /metrics › with the queue in Postgres', () => {
  test('shows it all the same', async () => {
    const small = await startShop({ queue: 'postgres', workers: 0 });
    try {
      await completeScrape(small.url);
      const customer = await registerCustomer(small.url);
      const { id: productId } = await createProduct(small.url, await signInAdmin(small.url));
      await placeOrder(small.url, customer.token, [{ productId, quantity: 1 }]);
      await eventually(
        async () => (await scrape(small.url)).value('shop_queue_jobs', { queue: 'mails', state: 'waiting' }) === 1,
      );
    } finally {
      await small.stop();
    }
  });
});

describe('GET /metrics › while a dependency is away', () => {
  const urls = [
    ['the API', apiUrl],
    ['the worker', () => workerUrl],
  ] as const;
  const ofPostgres = [
    'shop_orders_due',
    'shop_oldest_due_order_age_seconds',
    'shop_mails',
    'shop_oldest_unsent_mail_age_seconds',
    'shop_webhook_deliveries',
    'shop_oldest_due_webhook_delivery_age_seconds',
  ];

  afterEach(async () => {
    await Promise.all([shop.postgresLink.restore(), shop.redisLink.restore()]);
    for (const [, url] of urls) await completeScrape(url());
  });

  async function scrapedInTime(url: string) {
    const startedAt = performance.now();
    const samples = await scrape(url);
    expect(performance.now() - startedAt).toBeLessThan(givenLoad(scrapeMsMax));
    return samples;
  }

  test.each([
    ['gone', () => shop.postgresLink.cut()],
    ['frozen', async () => shop.postgresLink.hang()],
  ] as const)('Postgres, %s › goes on without what it is asked for', async (_name, takeAway) => {
    await takeAway();
    for (const [, url] of urls) {
      for (const _time of [1, 2, 3]) {
        const samples = await scrapedInTime(url());
        expect(samples.value('shop_source_up', { source: 'postgres' })).toBe(0);
        expect(ofPostgres.filter((name) => samples.names.has(name))).toEqual([]);
        expect(samples.value('shop_orders_entered_total')).toBeNumber();
      }
    }
  });

  test.each([
    ['gone', () => shop.redisLink.cut()],
    ['frozen', async () => shop.redisLink.hang()],
  ] as const)(
    'Redis, %s › goes on without the queues, and tells for how long an order has been due',
    async (_name, takeAway) => {
      await takeAway();
      const { id } = await place();
      await shop.db`update orders set next_status_at = now() - interval '90 seconds' where id = ${id}`;
      for (const [, url] of urls) {
        const withoutQueue = await scrapedInTime(url());
        expect(withoutQueue.value('shop_source_up', { source: 'queue' })).toBe(0);
        expect(withoutQueue.names.has('shop_queue_jobs')).toBeFalse();
        const samples = await completeScrape(url(), ['postgres']);
        expect(samples.value('shop_orders_due')).toBe(1);
        expect(samples.value('shop_oldest_due_order_age_seconds')).toBeWithin(90, 180);
      }
      await shop.redisLink.restore();
      await eventually(async () => (await scrape(apiUrl())).value('shop_oldest_due_order_age_seconds') === 0);
    },
  );
});

describe('the request id', () => {
  const linesOf = (requestId: string) => shop.log().filter((line) => line.requestId === requestId);
  const mailLine = (requestId: string, status: string) =>
    eventually(() =>
      shop
        .worker(0)
        .log()
        .find((line) => line.requestId === requestId && line.status === status),
    );

  test('of a request that places, cancels, restores or deletes an order › is in the line of its mail', async () => {
    const placing = `placing-${randomUUID()}`;
    const { id } = await place({ 'X-Request-Id': placing });
    expect(await mailLine(placing, 'pending')).toMatchObject({
      msg: 'mail sent',
      orderId: id,
      run: 1,
      attempt: 1,
      durationMs: expect.any(Number),
    });
    for (const [method, path, status, run] of [
      ['PATCH', `/api/orders/cancel/${id}`, 'cancelled', 1],
      ['PATCH', `/api/orders/restore/${id}`, 'pending', 2],
    ] as const) {
      const requestId = `${status}-${randomUUID()}`;
      await call(method, path, { 'X-Request-Id': requestId });
      expect(await mailLine(requestId, status)).toMatchObject({ msg: 'mail sent', orderId: id, run });
      expect(
        linesOf(requestId)
          .map(({ msg }) => msg)
          .toSorted(),
      ).toEqual(['mail sent', 'request']);
    }
    await shop.db`update orders set created_at = created_at - interval '25 hours' where id = ${id}`;
    const deleting = `deleting-${randomUUID()}`;
    expect((await call('DELETE', `/api/orders/${id}`, { 'X-Request-Id': deleting })).status).toBe(204);
    expect(await mailLine(deleting, 'cancelled')).toMatchObject({ msg: 'mail sent', orderId: id, run: 2 });
  });

  test('of a sweep that moved an order on › is in the line of its mail', async () => {
    const { id } = await place();
    await bringTo(shop.db, id, 'processing');
    const mail = await eventually(() =>
      shop
        .worker(0)
        .log()
        .find((line) => line.orderId === id && line.status === 'processing'),
    );
    expect(mail.requestId).toBeString();
    const sweep = await eventually(() =>
      shop
        .worker(0)
        .log()
        .find((line) => line.msg === 'sweep' && line.requestId === mail.requestId),
    );
    expect(sweep).toMatchObject({
      moved: expect.any(Number),
      mails: expect.any(Number),
      durationMs: expect.any(Number),
    });
  });

  test('is missing from a job of the release before › and the mail is sent all the same', async () => {
    const { id: orderId } = await place();
    const [row] = await shop.db<{ id: string }[]>`select id from mails where order_id = ${orderId}`;
    const mailId = row?.id ?? '';
    await eventually(() =>
      shop
        .worker(0)
        .log()
        .find((line) => line.mailId === mailId),
    );
    await shop.db`update mails set state = 'queued', due_at = now() + interval '1 hour' where id = ${mailId}`;
    const queue = new Queue('mails', { connection: { url: shop.redisUrl }, prefix: '{shop}' });
    await queue.add('send', { mailId }, { jobId: `${mailId}-before`, removeOnComplete: true });
    const sent = () =>
      shop
        .worker(0)
        .log()
        .filter((line) => line.mailId === mailId && line.msg === 'mail sent');
    await eventually(() => sent().length === 2);
    expect(sent()[1]).not.toHaveProperty('requestId');
    await queue.close();
  });
});

describe('traces', () => {
  const named = (traceId: string, name: string) =>
    collector.spans.filter((span) => span.traceId === traceId && span.name === name);
  const whole = (traceId: string) =>
    eventually(() => {
      const [mail] = named(traceId, 'send mail');
      const spans = collector.spans.filter((span) => span.traceId === traceId);
      return mail && spans.some(({ name }) => name === 'POST /api/orders') && spans;
    });
  const childrenOf = (spans: CollectedSpan[], { spanId }: CollectedSpan) =>
    spans.filter(({ parentSpanId }) => parentSpanId === spanId);
  const only = (spans: CollectedSpan[], name: string): CollectedSpan => {
    const [span, ...more] = spans.filter((each) => each.name === name);
    if (!span || more.length > 0) throw new Error(`Expected one span ${name} among ${spans.map((each) => each.name)}.`);
    return span;
  };

  test('of an order › go from the caller through request and transaction to its mail', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const callerSpanId = 'c0ffee0000000001';
    const requestId = randomUUID();
    const { id } = await place({ traceparent: `00-${traceId}-${callerSpanId}-01`, 'X-Request-Id': requestId });
    const spans = await whole(traceId);

    const entry = only(spans, 'POST /api/orders');
    expect(entry).toMatchObject({ service: 'shop-api', parentSpanId: callerSpanId, failed: false });
    expect(entry.attributes).toMatchObject({ 'http.route': '/api/orders', 'shop.request_id': requestId });
    const batch = only(childrenOf(spans, entry), 'place orders');
    expect(only(childrenOf(spans, batch), 'transaction').service).toBe('shop-api');

    const mail = only(childrenOf(spans, entry), 'send mail');
    expect(mail.service).toBe('shop-worker');
    const steps = childrenOf(spans, mail).map((step) => [
      step.name,
      ...childrenOf(spans, step).map(({ name }) => name),
    ]);
    expect(steps).toEqual([
      ['claim mails', 'transaction'],
      ['record mails', 'transaction'],
    ]);
    const lines = shop.log().filter((line) => line.traceId === traceId);
    expect(lines.map(({ name, msg }) => `${name}: ${msg}`).toSorted()).toEqual(['api: request', 'worker: mail sent']);
    expect(lines.find(({ msg }) => msg === 'mail sent')?.orderId).toBe(id);
  });

  test('of orders that shared a transaction › lead to it', async () => {
    const traceIds = Array.from({ length: 24 }, () => randomUUID().replaceAll('-', ''));
    await Promise.all(traceIds.map((traceId) => place({ traceparent: `00-${traceId}-c0ffee0000000002-01` })));
    let guests = 0;
    for (const traceId of traceIds) {
      const spans = await whole(traceId);
      const placed = only(spans, 'POST /api/orders');
      const own = childrenOf(spans, placed).find(({ name }) => name === 'place orders');
      const shared = collector.spans.find(
        ({ name, spanId }) => name === 'place orders' && placed.links.some((link) => link.spanId === spanId),
      );
      const batch = own ?? shared;
      expect(batch).toBeDefined();
      if (own) continue;
      guests += 1;
      expect(batch?.links).toContainEqual({ traceId, spanId: placed.spanId });
    }
    expect(guests).toBeGreaterThan(0);
  });

  test('of a request that is refused or fails › hold nothing of it but its code', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const secret = `secret-${randomUUID()}`;
    await shop.db`alter table customers add constraint no_mallory check (name <> 'Mallory')`;
    const { status } = await request(apiUrl(), 'POST', `/api/auth/register?q=${secret}`, {
      body: { name: secret },
      headers: { traceparent: `00-${traceId}-c0ffee0000000003-01` },
    });
    expect(status).toBe(422);
    const failing = randomUUID().replaceAll('-', '');
    const body = { name: 'Mallory', email: `${secret}@example.com`, password: secret };
    const answer = await request(apiUrl(), 'POST', '/api/auth/register', {
      body,
      headers: { traceparent: `00-${failing}-c0ffee0000000004-01` },
    });
    await shop.db`alter table customers drop constraint no_mallory`;
    expect(answer.status).toBe(500);
    const refused = await eventually(() => named(traceId, 'POST /api/auth/register')[0]);
    expect(refused).toMatchObject({ failed: false, attributes: { 'http.response.status_code': 422 } });
    const failed = await eventually(() => named(failing, 'POST /api/auth/register')[0]);
    expect(failed).toMatchObject({ failed: true, attributes: { 'http.response.status_code': 500 } });
    expect(JSON.stringify(collector.spans)).not.toContain(secret);
  });

  test('when the collector is away › hold up nothing', async () => {
    const port = await freePort();
    const api = await shop.startApi({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    expect((await request(api.url, 'GET', '/api/products')).status).toBe(200);
    await eventually(() => api.log().find(({ msg }) => msg === 'traces could not be delivered'));
    expect(await api.stop()).toBe(0);
  });

  test('of what an operator asks › are not made', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const traceparent = `00-${traceId}-c0ffee0000000005-01`;
    for (const path of ['/metrics', '/healthz', '/readyz', '/api/products']) await call('GET', path, { traceparent });
    await eventually(() => named(traceId, 'GET /api/products')[0]);
    const spans = collector.spans.filter((span) => span.traceId === traceId);
    expect(spans.filter(({ name }) => name.startsWith('GET')).map(({ name }) => name)).toEqual(['GET /api/products']);
  });

  test('without an endpoint › load nothing and name no trace', async () => {
    const api = await shop.startApi({ OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    const requestId = randomUUID();
    await request(api.url, 'GET', '/api/products', { headers: { 'X-Request-Id': requestId } });
    const line = await eventually(() => api.log().find((each) => each.requestId === requestId));
    expect(line).not.toHaveProperty('traceId');
  });
});

describe('deploy/observability', () => {
  const read = (file: string) => Bun.file(join(import.meta.dir, '../deploy/observability', file)).text();
  type Rule = {
    alert: string;
    expr: string;
    for: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  const readRules = async () =>
    (Bun.YAML.parse(await read('alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);

  async function missing(expressions: string[]): Promise<string[]> {
    await call('GET', '/api/products');
    const [api, worker] = await Promise.all([completeScrape(apiUrl()), completeScrape(workerUrl)]);
    // What Prometheus itself says of a scrape.
    const known = new Set(['up', ...api.names, ...worker.names]);
    expect(expressions).not.toBeEmpty();
    return expressions.flatMap(metricsIn).filter((name) => !known.has(name));
  }

  test('the alerts › ask for metrics that are there', async () => {
    expect(await missing((await readRules()).map(({ expr }) => expr))).toEqual([]);
  });

  test('the alerts › each say how grave they are, what is the matter, why it matters and what to do', async () => {
    for (const { alert, labels, annotations } of await readRules()) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning)$/)]);
      expect([alert, Object.keys(annotations).toSorted()]).toEqual([alert, ['action', 'reason', 'summary']]);
    }
  });

  test('the dashboard › asks for metrics that are there', async () => {
    const { panels } = JSON.parse(await read('dashboard.json')) as { panels: { targets?: { expr: string }[] }[] };
    expect(await missing(panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)))).toEqual([]);
  });
});

/** The metrics that an expression of PromQL names: what is neither a function, a keyword, a label nor a text. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '');
  const words = [...bare.matchAll(/[a-z_:][\w:]*(?!\w*\s*\()/gi)].map(([word]) => word);
  return words.filter((word) => !['and', 'or', 'unless', 'bool', 'offset', 'sum', 'max', 'min'].includes(word));
}

describe('GET /metrics › of a shop whose worker has died', () => {
  test('when a mail is in its hands still › shows for how long', async () => {
    const lone = await startShop({ workers: 0 });
    try {
      const { token } = await registerCustomer(lone.url);
      const { id } = await createProduct(lone.url, await signInAdmin(lone.url));
      const order = await placeOrder(lone.url, token, [{ productId: id, quantity: 1 }]);
      await lone.db`
        update mails set state = 'sending', created_at = now() - interval '1 hour' where order_id = ${order.id}`;
      const age = async () => (await completeScrape(lone.api(0).url)).value('shop_oldest_unsent_mail_age_seconds');
      expect(await age()).toBeWithin(3_600, 3_700);
      expect((await completeScrape(lone.api(0).url)).value('shop_mails', { state: 'sending' })).toBe(1);
      // Of several, the oldest, whichever state it is in.
      await placeOrder(lone.url, token, [{ productId: id, quantity: 1 }]);
      expect(await age()).toBeWithin(3_600, 3_700);
      await lone.db`update mails set state = case state when 'queued' then 'sending' else 'queued' end`;
      expect(await age()).toBeWithin(3_600, 3_700);
      await lone.db`update mails set state = 'failed'`;
      expect(await age()).toBe(0);
    } finally {
      await lone.stop();
    }
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readiness } from '../src/schema/health.ts';
import { freePort } from '../standalone/ports.ts';
import { exchange } from './hostile/sockets.ts';
import { root } from './support/app-process.ts';
import { admin, request } from './support/client.ts';
import { expectProblem } from './support/problem.ts';
import { type ApiProcess, type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

let shop: Shop;
let apart: ApiProcess;
let apartUrl: string;
let workerUrl: string;

beforeAll(async () => {
  shop = await startShop({ apis: 1, workers: 0 });
  const [apiPort, workerPort] = [await freePort(), await freePort()];
  apart = await shop.startApi({ METRICS_PORT: String(apiPort) });
  apartUrl = `http://127.0.0.1:${apiPort}`;
  await shop.startWorker({ METRICS_PORT: String(workerPort) });
  workerUrl = `http://127.0.0.1:${workerPort}`;
});

afterAll(() => shop.stop());

const ask = <Body = unknown>(url: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
  request<Body>(url, method, path, { headers });
const apiUrl = () => shop.api(0).url;
const operatorPorts = [
  ['the API', () => apartUrl],
  ['the worker', () => workerUrl],
] as const;
const allUp: Readiness = { status: 'ok', checks: { postgres: 'up', redis: 'up' } };

/** Waits until `/readyz` gives this answer. */
const untilReadyz = (url: string, answer: object) =>
  eventually(async () => {
    expect(await ask(url, '/readyz')).toMatchObject(answer);
    return true;
  });

describe('the port of the API', () => {
  test('without METRICS_PORT › tells everything to all who reach it', async () => {
    expect((await ask(apiUrl(), '/readyz')).body).toEqual(allUp);
    expect((await ask(apiUrl(), '/metrics')).status).toBe(200);
  });

  test.each([
    ['Forwarded', 'for=192.0.2.1'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Forwarded-For', ''],
    ['Via', '1.1 proxy'],
  ])('through a proxy that sends %s: %s › tells no more than a status', async (name, value) => {
    for (const path of ['/metrics', '/%6detrics', '/./metrics', '/x/../metrics']) {
      const line = `GET ${path} HTTP/1.1\r\nHost: shop\r\n${name}: ${value}\r\n\r\n`;
      expect([path, (await exchange(apiUrl(), line)).status]).toEqual([path, 404]);
    }
    const line = `GET /x/../readyz HTTP/1.1\r\nHost: shop\r\n${name}: ${value}\r\n\r\n`;
    const { status, answer } = await exchange(apiUrl(), line);
    expect({ status, body: answer.split('\r\n\r\n')[1] }).toEqual({ status: 200, body: '{"status":"ok"}' });
  });

  test('with METRICS_PORT › tells nobody more than a status', async () => {
    expectProblem(await ask(apart.url, '/metrics'), 404, 'not_found');
    expect((await ask(apart.url, '/readyz')).body).toEqual({ status: 'ok' });
    expect((await ask(apart.url, '/healthz')).status).toBe(200);
    expect((await ask(apart.url, '/metrics', {}, 'HEAD')).status).toBe(404);
  });
});

describe.each(operatorPorts)('METRICS_PORT of %s', (_name, url) => {
  test('answers GET and HEAD of the three routes, and nothing else', async () => {
    expect((await ask(url(), '/healthz')).body).toEqual({ status: 'ok' });
    expect((await ask(url(), '/readyz')).body).toEqual(allUp);
    expect((await ask<string>(url(), '/metrics')).body).toContain('process_cpu_seconds_total');
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const { status, headers, body } = await ask(url(), path, {}, 'HEAD');
      expect({ path, status, body }).toEqual({ path, status: 200, body: null });
      expect(Number(headers.get('Content-Length'))).toBeGreaterThan(10);
    }
    for (const path of ['/', '/api/products', '/docs']) expect((await ask(url(), path)).status).toBe(404);
    expect((await ask(url(), '/readyz', {}, 'POST')).status).toBe(404);
  });

  test('answers a proxy of its own, too', async () => {
    expect((await ask(url(), '/readyz', { 'X-Forwarded-For': '192.0.2.1' })).body).toEqual(allUp);
  });

  describe('while something is away', () => {
    afterEach(async () => {
      await Promise.all([shop.postgresLink.restore(), shop.redisLink.restore()]);
      // Of both, because both are asked next.
      await Promise.all(operatorPorts.map(([, each]) => untilReadyz(each(), { status: 200, body: allUp })));
    });

    test('says so: without Redis it is degraded, without Postgres unavailable', async () => {
      await shop.redisLink.cut();
      const degraded = { status: 'degraded', checks: { postgres: 'up', redis: 'down' } } as const;
      await untilReadyz(url(), { status: 200, body: degraded });
      await shop.postgresLink.cut();
      const unavailable = { status: 'unavailable', checks: { postgres: 'down', redis: 'down' } } as const;
      await untilReadyz(url(), { status: 503, body: unavailable });
      expect((await ask(url(), '/readyz')).headers.get('Retry-After')).toBe('1');
      expect((await ask(url(), '/healthz')).status).toBe(200);
      const outside = await ask(apart.url, '/readyz');
      expect(outside).toMatchObject({ status: 503, body: { status: 'unavailable' } });
      expect(outside.body).not.toHaveProperty('checks');
    });
  });
});

test('METRICS_PORT of the worker › before Postgres is there › is unavailable', async () => {
  await shop.postgresLink.cut();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const started = shop.startWorker({ METRICS_PORT: String(port) });
  try {
    await untilReadyz(url, { status: 503 });
  } finally {
    await shop.postgresLink.restore();
  }
  const worker = await started;
  await untilReadyz(url, { status: 200, body: allUp });
  expect(await worker.stop()).toBe(0);
});

describe('start', () => {
  /** Runs `start` from a place of its own, because it keeps what it has beside itself. */
  async function startElsewhere(metricsPort: number, work: (urls: string[]) => Promise<void>): Promise<void> {
    const place = mkdtempSync(join(tmpdir(), 'shop-start-'));
    cpSync(join(root, 'standalone'), join(place, 'standalone'), { recursive: true });
    for (const name of ['src', 'index.ts', 'worker.ts', 'drizzle', 'node_modules', 'package.json', 'tsconfig.json']) {
      symlinkSync(join(root, name), join(place, name));
    }
    const child = Bun.spawn([process.execPath, join(place, 'standalone/start.ts')], {
      cwd: place,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        METRICS_PORT: String(metricsPort),
        DATABASE_URL: shop.databaseUrl,
        REDIS_URL: shop.redisUrl,
        SMTP_URL: shop.smtpUrl,
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (output.includes('Ctrl-C')) break;
    }
    try {
      await work(output.match(/http:\S+(?=\/metrics)/g) ?? []);
    } finally {
      child.kill('SIGTERM');
      await child.exited;
      rmSync(place, { recursive: true });
    }
  }

  test.each([
    ['a METRICS_PORT', freePort],
    ['METRICS_PORT=0', async () => 0],
  ])('with %s › gives API and worker one each', async (_name, choose) => {
    const port = await choose();
    await startElsewhere(port, async (urls) => {
      const ports = urls.map((url) => Number(new URL(url).port));
      if (port > 0) expect(ports).toEqual([port, port + 1]);
      else expect(new Set(ports).size).toBe(2);
      const kinds = urls.map(async (url) => {
        await untilReadyz(url, { status: 200, body: allUp });
        return /shop_build_info\{.*process="(\w+)"/.exec((await ask<string>(url, '/metrics')).body)?.[1] ?? '';
      });
      expect(await Promise.all(kinds)).toEqual(['api', 'worker']);
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../standalone/ports.ts';
import { openRaw } from '../hostile/sockets.ts';
import { admin, createProduct, signInAdmin } from './client.ts';
import { scrape } from './metrics.ts';
import { openPausedPipe, type PausedPipe } from './paused-pipe.ts';
import type { Started } from './smoke.ts';
import { openTestbed, type Testbed } from './testbed.ts';
import { eventually, pause } from './wait.ts';

const keepAliveMs = 3_000;
/** What differs between two answers to the same question, and what says how a body is cut. */
const ofOneAnswer = ['date', 'x-request-id', 'transfer-encoding', 'connection', 'keep-alive'];

type Raw = ReturnType<typeof openRaw>;

/** Sends a request as it stands on a connection that stays open, and answers what comes back. */
async function ask(connection: Raw, method: string, path: string, headers: Record<string, string> = {}) {
  const before = connection.received().length;
  const lines = Object.entries({ Host: 'shop', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.send(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  const text = await eventually(() => {
    const answer = connection.received().slice(before);
    return answer.includes('\r\n\r\n') && answer;
  });
  const [head = ''] = text.split('\r\n\r\n');
  const [first = '', ...rest] = head.split('\r\n');
  const fields = rest.map((line): [string, string] => {
    const [name = ''] = line.split(':', 1);
    return [name.toLowerCase(), line.slice(name.length + 1).trim()];
  });
  return { status: Number(first.split(' ')[1]), headers: new Map(fields), text };
}

/** Asks on a connection of its own. */
async function askOnce(url: string, method: string, path: string, headers: Record<string, string> = {}) {
  const connection = openRaw(url);
  const answer = await ask(connection, method, path, headers);
  connection.end();
  return answer;
}

/**
 * The suite about connections that a shop's API has to pass on every runtime: HEAD, connections that are kept alive, the
 * end, and a log that nobody reads.
 * @param start starts the API with these settings and this standard output
 */
export function describeConnections(
  runtime: string,
  start: (settings: Record<string, string>, stdout: number) => Started,
): void {
  describe('connections', () => {
    let bed: Testbed;
    let pipe: PausedPipe;
    let api: Started;
    let url: string;
    let productPath: string;
    /** Of a connection whose body has stopped coming, how long it lasted; it goes on beside the tests. */
    let unfinishedMs: Promise<number>;

    beforeAll(async () => {
      bed = await openTestbed();
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      pipe = openPausedPipe(join(process.env.TEST_LOGS ?? tmpdir(), `connections-${runtime}.log`));
      const settings = {
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: bed.databaseUrl,
        REDIS_URL: bed.redisUrl,
        JWT_SECRET: 'known to every suite and to nobody else',
        TOKEN_SECRET: 'known to every suite and to its worker',
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
        KEEP_ALIVE_TIMEOUT: `${keepAliveMs}ms`,
      };
      api = start(settings, pipe.writeEnd);
      closeSync(pipe.writeEnd);
      await eventually(async () => (await fetch(`${url}/readyz`, { keepalive: false })).ok, { withinMs: 60_000 });
      const unfinished = openRaw(url);
      const head = 'POST /api/auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n';
      unfinished.send(`${head}Content-Length: 100\r\n\r\n{"email":`);
      unfinishedMs = unfinished.closed;
      productPath = `/api/products/${(await createProduct(url, await signInAdmin(url))).id}`;
    });

    afterAll(async () => {
      api?.kill();
      pipe?.close();
      await bed?.close();
    });

    describe('HEAD', () => {
      const gzip = { 'Accept-Encoding': 'gzip' };
      const cases: [path: () => string, headers: Record<string, string>][] = [
        [() => '/api/products', {}],
        [() => '/api/products', gzip],
        [() => '/api/products', { 'If-None-Match': '*' }],
        [() => productPath, {}],
        [() => '/api/orders', {}],
        [() => '/api/auth/login', {}],
        [() => '/healthz', {}],
        [() => '/openapi.json', {}],
        [() => '/openapi.json', gzip],
        [() => '/docs/scalar.js', gzip],
        [() => '/', {}],
        [() => '/nowhere', {}],
      ];

      test.each(cases)(
        'of what GET answers › when asked for (%#) › has its status and headers',
        async (path, headers) => {
          // Once before, because the second answer may come from the cache, and say so.
          await askOnce(url, 'GET', path(), headers);
          const get = await askOnce(url, 'GET', path(), headers);
          const connection = openRaw(url);
          const head = await ask(connection, 'HEAD', path(), headers);
          expect(head.status).toBe(get.status);
          const length = get.headers.get('content-length');
          if (length !== undefined) expect(head.headers.get('content-length')).toBe(length);
          // Where nothing is there to be counted, or is not at once: no body at all, or one that comes in pieces.
          else expect(get.headers.get('transfer-encoding') ?? get.status).toBeOneOf(['chunked', 302, 304]);
          for (const name of [...ofOneAnswer, 'content-length'])
            for (const each of [head, get]) each.headers.delete(name);
          expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(get.headers));
          // A body would be taken for the beginning of the next answer.
          await pause(50);
          expect(connection.received()).toEndWith('\r\n\r\n');
          expect((await ask(connection, 'GET', '/healthz')).status).toBe(200);
          connection.end();
        },
      );

      test('of a list › when it is first asked for › reads it, and says so in log and metrics', async () => {
        const { status, headers } = await askOnce(url, 'HEAD', '/api/products?limit=7', { 'X-Request-Id': 'my-head' });
        expect({ status, cache: headers.get('x-cache') }).toEqual({ status: 200, cache: 'MISS' });
        expect(Number(headers.get('content-length'))).toBeGreaterThan(100);
        const again = await askOnce(url, 'HEAD', '/api/products?limit=7');
        expect(again.headers.get('x-cache')).toBe('HIT');
        expect(again.headers.get('content-length')).toBe(headers.get('content-length'));
        await eventually(() => /"requestId":"my-head","method":"HEAD"/.test(pipe.text()));
        const labels = { method: 'HEAD', route: '/api/products', status: '200' };
        expect((await scrape(url)).value('http_requests_total', labels)).toBeGreaterThanOrEqual(2);
      });
    });

    describe('a connection', () => {
      test('that is idle › when KEEP_ALIVE_TIMEOUT is over › is closed, and not before', async () => {
        const connection = openRaw(url);
        await ask(connection, 'GET', '/healthz');
        await pause(keepAliveMs - 1_000);
        expect((await ask(connection, 'GET', '/healthz')).status).toBe(200);
        const answeredAt = performance.now();
        await connection.closed;
        // Bun looks every 4 s.
        expect(performance.now() - answeredAt).toBeWithin(keepAliveMs - 500, keepAliveMs + 9_000);
      });

      test('whose request waits for longer than KEEP_ALIVE_TIMEOUT › is answered', async () => {
        const token = await signInAdmin(url);
        await bed.db.begin(async (tx) => {
          await tx`lock table products in access exclusive mode`;
          const answer = await eventually(
            async () => {
              const connection = openRaw(url);
              connection.send(`GET ${productPath} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer ${token}\r\n\r\n`);
              await eventually(() => connection.received().includes('\r\n\r\n'), { withinMs: 9_000 });
              return connection.received();
            },
            { withinMs: 0 },
          );
          expect(answer).toStartWith('HTTP/1.1 503');
        });
      });
    });

    describe('the log', () => {
      test('that nobody reads › when much is to be written › is waited for by nobody, and tells what it lacks', async () => {
        pipe.pause();
        const connections = Array.from({ length: 20 }, () => openRaw(url));
        const dropped = async () => (await scrape(url)).value('shop_log_lines_dropped_total') ?? 0;
        for (let round = 0; round < 100 && (round % 10 > 0 || (await dropped()) === 0); round += 1) {
          const answers = await Promise.all(connections.map((connection) => ask(connection, 'GET', productPath)));
          expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
        }
        for (const connection of connections) connection.end();
        const durations: number[] = [];
        for (let count = 0; count < 5; count += 1) {
          const startedAt = performance.now();
          expect((await askOnce(url, 'GET', '/healthz')).status).toBe(200);
          durations.push(performance.now() - startedAt);
        }
        expect(Math.min(...durations)).toBeLessThan(100);
        expect(await dropped()).toBeGreaterThan(0);
        pipe.resume();
        await eventually(() => pipe.text().includes('log lines were dropped'));
        const requestId = randomUUID();
        await askOnce(url, 'GET', '/healthz', { 'X-Request-Id': requestId });
        await eventually(() => pipe.text().includes(requestId));
        const lines = pipe.text().split('\n').filter(Boolean);
        const told = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.endsWith('log lines were dropped'));
        for (const { level, lines, msg } of told)
          expect({ level, msg: msg.split(' ')[0] }).toEqual({ level: 'warn', msg: String(lines) });
        const sum = told.reduce((total, { lines }) => total + lines, 0);
        expect(sum).toBe(await dropped());
      });
    });

    describe('a body', () => {
      test('that stops coming › has 30 s, whatever KEEP_ALIVE_TIMEOUT says, and its connection is closed then', async () => {
        expect(await unfinishedMs).toBeWithin(25_000, 40_000);
      });
    });

    describe('SIGTERM', () => {
      test('when connections are kept alive › answers once more on each with `close`, and closes the idle ones', async () => {
        const paths = ['/healthz', '/readyz', productPath, '/api/products', '/api/orders'];
        await askOnce(url, 'GET', '/api/products');
        const connections = paths.map(() => openRaw(url));
        const idle = openRaw(url);
        for (const connection of [...connections, idle]) await ask(connection, 'GET', '/api/products');
        const startedAt = performance.now();
        api.stop();
        await pause(300);
        const answers = await Promise.all(
          connections.map((connection, index) => ask(connection, 'GET', paths[index] ?? '')),
        );
        expect(answers.map(({ status }) => status)).toEqual([200, 503, 503, 503, 503]);
        for (const { status, headers } of answers) {
          expect(headers.get('connection')).toBe('close');
          if (status === 503 && headers.get('content-type') === 'application/problem+json') {
            expect(headers.get('retry-after')).toMatch(/^\d+$/);
          }
        }
        await Promise.all(connections.map(({ closed }) => closed));
        await idle.closed;
        expect(performance.now() - startedAt).toBeWithin(800, 3_000);
        expect(await api.exited).toBe(0);
      });
    });
  });
}

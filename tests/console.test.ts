import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainAmount, readAmount } from '../console/format.ts';
import { root } from './support/app-process.ts';
import { request } from './support/client.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
});

afterAll(() => shop.stop());

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  request<string | null>(shop.url, method, path, { headers });

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What the page loads, as it names it. */
async function assets(): Promise<string[]> {
  const { body } = await ask('/console');
  return [...(body ?? '').matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path = '']) => path);
}

describe('GET /console', () => {
  test('whatever it answers › has a policy of its own, and sets no cookie', async () => {
    for (const path of ['/console', '/console/orders', '/console/assets/nothing.js']) {
      const { headers } = await ask(path);
      expect(headers.get('Content-Security-Policy')).toBe(policy);
      expect(headers.get('Set-Cookie')).toBeNull();
    }
  });

  test('at every address below it › answers the same page', async () => {
    const { body, headers } = await ask('/console');
    expect(headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    expect(body).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=/);
    for (const path of ['/console/', '/console/orders', '/console/orders/x', '/console/a/b/c?d=e']) {
      const answer = await ask(path);
      expect([path, answer.status, answer.body]).toEqual([path, 200, body]);
    }
  });

  test('when the browser has it already › answers 304, until it is built again', async () => {
    const { headers } = await ask('/console');
    expect(headers.get('Cache-Control')).toBe('public, no-cache');
    const etag = headers.get('ETag') ?? '';
    expect((await ask('/console/orders', { 'If-None-Match': etag })).status).toBe(304);
    expect((await ask('/console', { 'If-None-Match': '"another"' })).status).toBe(200);
  });

  test('with HEAD › answers its headers, and nothing else', async () => {
    for (const path of ['/console', ...(await assets())]) {
      const { status, headers, body } = await ask(path, {}, 'HEAD');
      expect([path, status, body]).toEqual([path, 200, null]);
      expect(Number(headers.get('Content-Length'))).toBeGreaterThan(0);
    }
  });

  test('with another method › answers 405', async () => {
    expectProblem(await request(shop.url, 'POST', '/console'), 405, 'method_not_allowed');
  });
});

describe('What the console loads', () => {
  test('by a name with a hash in it › may be kept for ever, and comes compressed', async () => {
    const paths = await assets();
    expect(paths.length).toBe(3);
    for (const path of paths) {
      expect(path).toMatch(/^\/console\/assets\/\w+-\w{8}\.(css|js|svg)$/);
      const packed = await ask(path, { 'Accept-Encoding': 'gzip' });
      expect(packed.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
      expect(packed.headers.get('Content-Encoding')).toBe('gzip');
      const plain = await ask(path, { 'Accept-Encoding': 'identity' });
      expect(plain.headers.get('Content-Encoding')).toBeNull();
      expect(plain.body).toBe(packed.body);
    }
  });

  test.each(['nothing.js', 'index.html', '', '..%2f..%2fpackage.json', '.made'])(
    'when it is not there: %s › answers 404',
    async (name) => {
      expectProblem(await request(shop.url, 'GET', `/console/assets/${name}`), 404, 'not_found');
    },
  );
});

describe('A shop whose console has not been built', () => {
  test('when somebody asks for it › says how to build it', async () => {
    const place = mkdtempSync(join(tmpdir(), 'shop-console-'));
    const code = join(place, 'app.ts');
    try {
      for (const name of ['src', 'package.json', 'tsconfig.json'])
        cpSync(join(root, name), join(place, name), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
      await Bun.write(
        code,
        "import { Hono } from 'hono';\nimport { handleError } from './src/middleware/problem.ts';\nimport { consoleRoutes } from './src/routes/console.ts';\nconst app = new Hono().onError(handleError as never).route('/', consoleRoutes());\nconst answer = await app.request('/console');\nconsole.log(answer.status, await answer.text());\n",
      );
      const child = Bun.spawn([process.execPath, code], { cwd: place, stdout: 'pipe', stderr: 'inherit' });
      expect(await child.stdout.text()).toMatch(/^404 .*sh scripts\/build-console\.sh/);
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});

describe('An amount in a form of the console', () => {
  test.each([
    ['USD', 1_299, '12.99'],
    ['USD', 5, '0.05'],
    ['USD', 1_000_000_000, '10000000.00'],
    ['JPY', 1_299, '1299'],
    ['KWD', 1_299, '1.299'],
    // Browsers show these with no digits at all.
    ['RSD', 1_299, '12.99'],
    ['IQD', 1_299, '1.299'],
  ])('of %s: %i › is shown as %s, and read back as it was', (currency, minorUnits, shown) => {
    expect(plainAmount(minorUnits, currency)).toBe(shown);
    expect(readAmount(shown, currency)).toBe(minorUnits);
  });

  test.each([
    ['12,9', 1_290],
    [' 12 ', 1_200],
    ['0.07', 7],
    ['1.005', null],
    ['1,000.00', null],
    ['-1', null],
    ['', null],
    ['twelve', null],
  ])('typed as “%s” › is %p', (typed, minorUnits) => {
    expect(readAmount(typed, 'USD')).toBe(minorUnits);
  });
});

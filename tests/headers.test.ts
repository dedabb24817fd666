import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Account, createProduct, registerCustomer, signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';

let shop: Shop;
let customer: Account;
let adminToken: string;
let product: string;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
  product = (await createProduct(shop.url, adminToken)).id;
});

afterAll(() => shop.stop());

const expected = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-XSS-Protection': '0',
  'Access-Control-Allow-Origin': null,
  'X-Powered-By': null,
  Server: null,
};

async function headersOf(path: string, init: RequestInit = {}): Promise<Headers> {
  const response = await fetch(shop.url + path, { redirect: 'manual', ...init });
  await response.arrayBuffer();
  return response.headers;
}

const asCaller = (token: string): RequestInit => ({ headers: { Authorization: `Bearer ${token}` } });

describe('The headers of every answer', () => {
  describe('when it is data, a page, a redirect or a refusal', () => {
    test.each<[string, RequestInit]>([
      ['/api/products', {}],
      ['/api/orders', {}],
      ['/api/products', { method: 'PATCH' }],
      ['/api/auth/login', { method: 'POST', body: '{' }],
      ['/nowhere', {}],
      ['/healthz', {}],
      ['/metrics', {}],
      ['/openapi.json', {}],
      ['/docs/scalar.js', {}],
      ['/docs', {}],
      ['/console', {}],
      ['/console/assets/nothing.js', {}],
      ['/', {}],
    ])('are those of the checklist in SECURITY.md: %s %o', async (path, init) => {
      const headers = await headersOf(path, init);
      const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, headers.get(name)]));
      expect(actual).toEqual(expected);
      expect(headers.get('Content-Security-Policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'");
      expect(headers.get('Strict-Transport-Security')).toMatch(/^max-age=\d{8,}; includeSubDomains$/);
    });
  });
});

describe('The headers of every answer, whatever the method', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
  const paths = [
    '/',
    '/docs',
    '/docs/',
    '/docs/scalar.js',
    '/console',
    '/console/orders',
    '/console/assets/nothing.js',
    '/openapi.json',
    '/healthz',
    '/readyz',
    '/metrics',
    '/nowhere',
    '/api/nowhere',
    '/api/products',
    '/api/auth/login',
    '/api/customers/x',
  ];

  /** What lacks one of the headers, or the id; `init` goes with every request. */
  async function lacking(url: string, init: RequestInit): Promise<string[]> {
    const found: string[] = [];
    for (const path of paths) {
      for (const method of methods) {
        const response = await fetch(url + path, { method, redirect: 'manual', ...init });
        await response.arrayBuffer();
        const { headers } = response;
        const { 'Access-Control-Allow-Origin': _cors, ...always } = expected;
        const wrong = Object.entries(always).filter(([name, value]) => headers.get(name) !== value);
        const names = ['Content-Security-Policy', 'Strict-Transport-Security', 'X-Request-Id', 'Cache-Control'];
        const missing = names.filter((name) => !headers.get(name));
        if (wrong.length + missing.length > 0) found.push(`${method} ${path}: ${[...wrong.flat(), ...missing]}`);
      }
    }
    return found;
  }

  describe('when no other origin may call', () => {
    test('are there', async () => {
      expect(await lacking(shop.url, {})).toEqual([]);
    });
  });

  describe('when other origins may, preflights included', () => {
    test('are there', async () => {
      const api = await shop.startApi({ CORS_ORIGINS: 'https://shop.example' });
      const headers = { Origin: 'https://shop.example', 'Access-Control-Request-Method': 'POST' };
      expect(await lacking(api.url, { headers })).toEqual([]);
      await api.kill();
    });
  });

  describe('when a body is too large', () => {
    test('are there', async () => {
      const body = 'x'.repeat(1024 * 1024 + 1);
      const response = await fetch(`${shop.url}/api/auth/login`, { method: 'POST', body });
      expect(response.status).toBe(413);
      for (const [name, value] of Object.entries(expected)) expect(response.headers.get(name)).toBe(value);
    });
  });
});

describe('Cache-Control', () => {
  describe('when nobody is signed in', () => {
    test('lets others keep the catalogue if they ask each time, and nothing else of the shop', async () => {
      for (const path of ['/api/products', `/api/products/${product}`, '/openapi.json', '/console']) {
        const headers = await headersOf(path);
        expect(headers.get('Cache-Control')).toBe('public, no-cache');
        expect(headers.get('Vary')).toContain('Authorization');
      }
      for (const path of ['/api/orders', '/api/customers', '/nowhere', '/healthz', '/readyz', '/metrics', '/docs']) {
        expect((await headersOf(path)).get('Cache-Control')).toBe('no-store');
      }
    });
  });

  describe('when the caller is signed in', () => {
    test('keeps what is theirs from everybody else', async () => {
      for (const path of ['/api/products', `/api/products/${product}`, '/api/customers', '/openapi.json']) {
        expect((await headersOf(path, asCaller(adminToken))).get('Cache-Control')).toBe('private, no-cache');
      }
      for (const path of ['/api/orders', `/api/customers/${customer.id}`, '/api/customers', '/api/mails']) {
        expect((await headersOf(path, asCaller(customer.token))).get('Cache-Control')).toBe('no-store');
      }
    });
  });

  describe('when somebody signs in', () => {
    test('keeps the token from every cache', async () => {
      const { email, password } = customer;
      const headers = await headersOf('/api/auth/login', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ email, password }),
      });
      expect(headers.get('Cache-Control')).toBe('no-store');
    });
  });
});

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

describe('Cache-Control', () => {
  describe('when nobody is signed in', () => {
    test('lets others keep the catalogue if they ask each time, and nothing else of the shop', async () => {
      for (const path of ['/api/products', `/api/products/${product}`]) {
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
      for (const path of ['/api/products', `/api/products/${product}`, '/api/customers']) {
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

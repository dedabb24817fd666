import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { migrateDatabase } from '../src/db/migrate.ts';
import { freePort } from '../standalone/ports.ts';
import { exchange } from './hostile/sockets.ts';
import { startProcess } from './support/app-process.ts';
import {
  type Account,
  admin,
  createProduct,
  registerCustomer,
  request,
  signIn,
  signInAdmin,
} from './support/client.ts';
import {
  type ApiDocument,
  type Ask,
  checkedRequests,
  documentValidator,
  expectInvalid,
  readDocument,
  statusOfCode,
} from './support/document.ts';
import { scrape } from './support/metrics.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const bodyBytesMax = 1024 * 1024;

let shop: Shop;
let ask: Ask;
let adminToken: string;
let customer: Account;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url);
});

afterAll(() => shop.stop());

const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';
const loginBody = () => JSON.stringify({ email: customer.email, password: customer.password });

/** Sends a body as it stands to a route that takes one without a token. */
function post(body: RequestInit['body'], headers: Record<string, string> = { 'Content-Type': 'application/json' }) {
  return fetch(`${shop.url}/api/auth/login`, { method: 'POST', body, headers });
}

async function answerOf(response: Response) {
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('A problem document', () => {
  describe('when a request is refused', () => {
    test('has the members of RFC 9457, the code and the request id', async () => {
      const { status, headers, body } = await ask('GET', `/api/products/${nowhere}`);
      expect(status).toBe(404);
      expect(headers.get('Content-Type')).toBe('application/problem+json');
      expect(body).toEqual({
        type: expect.any(String),
        title: expect.any(String),
        status: 404,
        detail: expect.any(String),
        code: 'not_found',
        requestId: headers.get('X-Request-Id') ?? 'none',
      });
    });

    test('has a type that is documented', async () => {
      const { body } = await ask('GET', '/nowhere');
      const type = new URL(String(body.type), shop.url);
      expect((await fetch(type)).status).toBe(200);
    });
  });

  describe('when there is no such route', () => {
    test.each([
      '/nowhere',
      '/api',
      '/api/',
      '/api/nothing',
      '/api/products/',
      '/API/products',
      '/api/products/1/2',
      '/docs/nothing',
      '/.env',
    ])('answers 404: %s', async (path) => {
      expectProblem(await ask('GET', path), 404, 'not_found');
      expectProblem(await ask('GET', path, { token: customer.token }), 404, 'not_found');
    });

    test('answers 404 to other methods too', async () => {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        expectProblem(await ask(method, '/nowhere'), 404, 'not_found');
      }
    });
  });

  describe('when the route does not have the method', () => {
    test.each([
      ['PUT', '/api/products', 'GET, HEAD, POST'],
      ['DELETE', '/api/orders', 'GET, HEAD, POST'],
      ['POST', `/api/products/${nowhere}`, 'DELETE, GET, HEAD, PUT'],
      ['PATCH', `/api/customers/${nowhere}`, 'DELETE, GET, HEAD, PUT'],
      ['GET', '/api/auth/login', 'POST'],
      ['GET', `/api/orders/cancel/${nowhere}`, 'PATCH'],
      ['POST', '/api/customers', 'GET, HEAD'],
      ['OPTIONS', '/api/products', 'GET, HEAD, POST'],
      ['POST', '/healthz', 'GET, HEAD'],
      ['DELETE', '/openapi.json', 'GET, HEAD'],
      ['POST', '/docs', 'GET, HEAD'],
      ['PUT', '/', 'GET, HEAD'],
    ])('answers 405 with Allow: %s %s', async (method, path, allow) => {
      for (const encoding of ['gzip', 'identity']) {
        const answer = await ask(method, path, { headers: { 'Accept-Encoding': encoding } });
        expectProblem(answer, 405, 'method_not_allowed');
        expect(answer.headers.get('Allow')?.split(', ').sort().join(', ')).toBe(allow);
      }
    });
  });

  describe('when something breaks that nobody expected', () => {
    test('answers 500 or 503 with neither SQL nor a stack', async () => {
      await shop.db`alter table products rename to hidden_products`;
      const answer = await fetch(`${shop.url}/api/products/${nowhere}`).then(answerOf);
      await shop.db`alter table hidden_products rename to products`;
      expect([500, 503]).toContain(answer.status);
      expect(answer.headers.get('Content-Type')).toBe('application/problem+json');
      expect(JSON.stringify(answer.body)).not.toMatch(/products|select|relation|\bat /i);
    });
  });
});

describe('The Host of a request', () => {
  const ask11 = (path: string, hosts: string[]) => {
    const lines = [`GET ${path} HTTP/1.1`, ...hosts.map((host) => `Host:${host}`), 'Connection: close', '', ''];
    return exchange(shop.api(0).url, lines.join('\r\n'), { untilClosed: true });
  };

  describe('when there are two, or one that is none', () => {
    test.each([
      [[' a.example', ' b.example']],
      [[' a.example', ' a.example']],
      [[' a.example,b.example']],
      [[' a b']],
      [[' user@a.example']],
      [[' a.example/api']],
      [[' <script>']],
    ])('answers 400, wherever it leads: %j', async (hosts) => {
      const { id } = await createProduct(shop.url, adminToken);
      // The second of two equal reads is answered from what was kept of the first.
      for (const path of ['/api/products', '/api/products', `/api/products/${id}`, '/healthz', '/nowhere']) {
        expect((await ask11(path, [' shop.example'])).status).not.toBe(400);
        const { status, answer } = await ask11(path, hosts);
        expect(status).toBe(400);
        expect(answer).not.toContain('"data"');
      }
    });

    test('says so in a problem document, with the usual headers', async () => {
      const { answer } = await ask11('/api/products', [' a.example', ' b.example']);
      expect(answer).toMatch(/^content-type: application\/problem\+json\r$/im);
      expect(answer).toMatch(/^x-content-type-options: nosniff\r$/im);
      expect(answer).toMatch(/^x-request-id: \S+\r$/im);
    });
  });

  describe('when there is one', () => {
    test.each([' shop.example', ' SHOP.example:3000', ' [::1]:3000', ' api_1'])('answers: %s', async (host) => {
      expect((await ask11('/healthz', [host])).status).toBe(200);
    });
  });
});

describe('A request body', () => {
  describe('when it is not JSON', () => {
    test.each([
      ['nothing', ''],
      ['blanks', '  '],
      ['an open brace', '{'],
      ['a trailing comma', '{"email":"a@b.example",}'],
      ['two values', '{}{}'],
      ['single quotes', "{'email':'a'}"],
      ['NaN', '{"email":NaN}'],
      ['a bare word', 'hello'],
      ['a bottomless array', '['.repeat(50_000)],
    ])('answers 400: %s', async (_what, text) => {
      expectProblem(await post(text).then(answerOf), 400, 'malformed_json');
    });

    test('answers 400 before the query or a header is judged', async () => {
      const options = (headers = {}) => ({
        method: 'POST',
        body: '{',
        headers: { 'Content-Type': 'application/json', ...headers },
      });
      const withQuery = await fetch(`${shop.url}/api/auth/login?x=1`, options()).then(answerOf);
      expectProblem(withQuery, 400, 'malformed_json');
      const authorization = { Authorization: `Bearer ${adminToken}`, 'Idempotency-Key': 'a'.repeat(256) };
      for (const path of ['/api/orders', '/api/stock-changes', '/api/products/batch?x=1']) {
        expectProblem(await fetch(shop.url + path, options(authorization)).then(answerOf), 400, 'malformed_json');
      }
    });

    test('answers 400 when it is not UTF-8', async () => {
      const body = Buffer.from(loginBody().replace('open', '\u00e9pen'), 'latin1');
      expectProblem(await post(body).then(answerOf), 400, 'malformed_json');
    });
  });

  describe('when it is JSON but no object', () => {
    test.each(['null', 'true', '1', '"text"', '[]', '[{}]'])('answers 422: %s', async (text) => {
      expectProblem(await post(text).then(answerOf), 422, 'validation_failed');
    });
  });

  describe('when it has fields that nobody knows', () => {
    test('answers 422 and names each by its path', async () => {
      const { id: productId } = await createProduct(shop.url, adminToken);
      const body = { items: [{ productId, quantity: 1, priceCents: 0 }], memo: 'quick', customerId: customer.id };
      const answer = await ask('POST', '/api/orders', { token: customer.token, body });
      expectInvalid(answer, 'items.0.priceCents', 'memo', 'customerId');
    });

    test('answers 422 to names that JavaScript has a use for', async () => {
      for (const name of ['__proto__', 'constructor', 'toString']) {
        const text = `{"email":"a@b.example","password":"open sesame","${name}":{"role":"admin"}}`;
        const answer = await post(text).then(answerOf);
        expectInvalid(answer, name);
      }
    });
  });

  describe('when it is said to be something else', () => {
    test.each([
      ['text/plain'],
      ['application/x-www-form-urlencoded'],
      ['multipart/form-data; boundary=x'],
      ['application/xml'],
      ['text/json'],
      ['application/json; charset=iso-8859-1'],
      ['application/json; charset=utf-8; charset=iso-8859-1'],
      ['application/json; charset'],
      ['application/json, application/json'],
      ['application/jsonx'],
      [''],
    ])('answers 415: %p', async (type) => {
      expectProblem(await post(loginBody(), { 'Content-Type': type }).then(answerOf), 415, 'unsupported_media_type');
    });

    test('answers 415 when nothing is said', async () => {
      const answer = await post(Buffer.from(loginBody()), {}).then(answerOf);
      expectProblem(answer, 415, 'unsupported_media_type');
    });

    test('answers 415 when it is compressed', async () => {
      const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
      const answer = await post(Bun.gzipSync(loginBody()), headers).then(answerOf);
      expectProblem(answer, 415, 'unsupported_media_type');
    });
  });

  describe('when it is said to be JSON in other words', () => {
    test.each([
      'application/json; charset=utf-8',
      'application/json;charset=UTF-8',
      'Application/JSON',
      'application/json;',
      'application/json; charset=utf8',
      'application/json; charset="UTF-8"',
      'application/json; profile=x; charset=utf-8',
      'application/json; profile="a;b"',
    ])('is taken: %s', async (type) => {
      expect((await post(loginBody(), { 'Content-Type': type })).status).toBe(200);
      const streamed = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(loginBody()));
          controller.close();
        },
      });
      expect((await post(streamed, { 'Content-Type': type })).status).toBe(200);
      expectProblem(await post('{', { 'Content-Type': type }).then(answerOf), 400, 'malformed_json');
    });

    test.each(['identity', 'Identity', '', 'identity, identity'])(
      'is taken as not compressed: %p',
      async (encoding) => {
        const headers = { 'Content-Type': 'application/json', 'Content-Encoding': encoding };
        expect((await post(loginBody(), headers)).status).toBe(200);
      },
    );
  });

  describe('when it is large', () => {
    const padded = (bytes: number) => loginBody().padStart(bytes);
    const streamed = (text: string) =>
      new ReadableStream({
        start(controller) {
          for (let at = 0; at < text.length; at += 100_000) {
            controller.enqueue(new TextEncoder().encode(text.slice(at, at + 100_000)));
          }
          controller.close();
        },
      });

    test('is taken up to 1 MiB, whether its length is told or not', async () => {
      expect((await post(padded(bodyBytesMax))).status).toBe(200);
      expect((await post(streamed(padded(bodyBytesMax)))).status).toBe(200);
    });

    test('answers 413 beyond, whether its length is told or not', async () => {
      const text = padded(bodyBytesMax + 1);
      expectProblem(await post(text).then(answerOf), 413, 'payload_too_large');
      expectProblem(await post(streamed(text)).then(answerOf), 413, 'payload_too_large');
      expectProblem(await post(streamed(text.repeat(3))).then(answerOf), 413, 'payload_too_large');
    });
  });
});

describe('Query parameters', () => {
  describe('when nobody knows them', () => {
    test.each([
      ['GET', '/api/products'],
      ['GET', `/api/products/${nowhere}`],
      ['POST', '/api/auth/login'],
      ['POST', '/api/auth/register'],
    ])('answers 422 and names each: %s %s', async (method, path) => {
      const body = method === 'POST' ? { body: JSON.parse(loginBody()) } : {};
      const answer = await ask(method, `${path}?colour=blue&token=x`, body);
      expectProblem(answer, 422, 'validation_failed');
      expect(JSON.stringify(answer.body.errors)).toMatch(/"colour".*"token"/);
    });
  });
});

describe('X-Request-Id', () => {
  describe('when the caller sends a sane one', () => {
    test('comes back, stands in the problem and in the log', async () => {
      const id = `test-${crypto.randomUUID()}`;
      const answer = await ask('GET', '/nowhere', { headers: { 'X-Request-Id': id } });
      expect(answer.headers.get('X-Request-Id')).toBe(id);
      expect(answer.body.requestId).toBe(id);
      const line = await eventually(() => shop.log().find(({ requestId }) => requestId === id));
      expect(line).toMatchObject({ level: 'info', method: 'GET', path: '/nowhere', status: 404 });
    });
  });

  describe('when the caller sends none, or one that is not', () => {
    test('is made again', async () => {
      const sent = ['x'.repeat(256), 'two words', '<script>', '{"a":1}', 'ä'];
      const answers = await Promise.all([
        ask('GET', '/healthz'),
        ...sent.map((id) => ask('GET', '/healthz', { headers: { 'X-Request-Id': id } })),
      ]);
      const ids = answers.map(({ headers }) => headers.get('X-Request-Id') ?? '');
      for (const id of ids) expect(id).toMatch(/^[\w-]{16,64}$/);
      expect(new Set(ids).size).toBe(ids.length);
    });
  });
});

describe('The headers of an answer', () => {
  describe('when anything is asked', () => {
    test('are the usual ones for security, on errors too', async () => {
      const answers = await Promise.all([
        fetch(`${shop.url}/api/products`),
        fetch(`${shop.url}/nowhere`),
        fetch(`${shop.url}/api/products`, { method: 'PUT' }),
        fetch(`${shop.url}/api/orders`),
        fetch(`${shop.url}/docs`),
        fetch(`${shop.url}/healthz`),
      ]);
      for (const { headers } of answers) {
        expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
        expect(headers.get('X-Frame-Options')).toMatch(/^(DENY|SAMEORIGIN)$/);
        expect(headers.get('Referrer-Policy')).toBe('no-referrer');
        expect(headers.get('Strict-Transport-Security')).toMatch(/max-age=\d+/);
        expect(headers.get('X-Request-Id')).not.toBeEmpty();
        expect(headers.has('X-Powered-By')).toBe(false);
        expect(headers.has('Server')).toBe(false);
      }
    });
  });

  describe('when the caller is signed in', () => {
    test('keep the answer from being shared', async () => {
      const { token, id } = customer;
      const answers = await Promise.all([
        ask('GET', `/api/customers/${id}`, { token }),
        ask('GET', '/api/orders', { token }),
        ask('GET', '/api/products', { token }),
        ask('GET', '/api/customers', { token: adminToken }),
        ask('GET', '/api/customers', { token }),
        ask('GET', `/api/orders/${nowhere}`, { token }),
      ]);
      for (const { headers } of answers) expect(headers.get('Cache-Control')).toMatch(/\b(private|no-store)\b/);
    });
  });

  describe('when a list is asked for by HEAD', () => {
    test('are those of GET, without a body', async () => {
      const [head, get] = [await ask('HEAD', '/api/products'), await ask('GET', '/api/products')];
      expect(head.status).toBe(200);
      expect(head.body).toBeNull();
      expect(head.headers.get('ETag')?.replace('W/', '')).toBe(get.headers.get('ETag')?.replace('W/', ''));
    });
  });
});

describe('CORS', () => {
  const preflight = (url: string, origin: string) =>
    fetch(`${url}/api/orders`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
      },
    });

  describe('when no origins are set', () => {
    test('allows none', async () => {
      const { headers } = await fetch(`${shop.url}/api/products`, { headers: { Origin: 'https://shop.example' } });
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false);
      expect((await preflight(shop.url, 'https://shop.example')).status).toBe(405);
    });
  });

  describe('when origins are set', () => {
    test('allows those, on refusals too, and no others', async () => {
      const { url, stop } = await shop.startApi({ CORS_ORIGINS: 'https://shop.example, https://admin.example' });
      for (const origin of ['https://shop.example', 'https://admin.example']) {
        const flight = await preflight(url, origin);
        expect(flight.status).toBe(204);
        expect(flight.headers.get('Access-Control-Allow-Origin')).toBe(origin);
        expect(flight.headers.get('Access-Control-Allow-Methods')).toContain('POST');
        expect(flight.headers.get('Access-Control-Allow-Headers')).toContain('idempotency-key');
        expect(Number(flight.headers.get('Access-Control-Max-Age'))).toBeWithin(600, 86_401);
        for (const path of ['/api/products', '/api/orders', '/nowhere']) {
          const { headers } = await fetch(url + path, { headers: { Origin: origin } });
          expect(headers.get('Access-Control-Allow-Origin')).toBe(origin);
          expect(headers.get('Access-Control-Expose-Headers')).toContain('X-Request-Id');
          expect(headers.get('Vary')).toContain('Origin');
        }
      }
      for (const origin of ['https://evil.example', 'https://shop.example.evil.example', 'null']) {
        const { headers } = await fetch(`${url}/api/products`, { headers: { Origin: origin } });
        expect(headers.has('Access-Control-Allow-Origin')).toBe(false);
        expect((await preflight(url, origin)).headers.has('Access-Control-Allow-Origin')).toBe(false);
      }
      await stop();
    });
  });

  describe('when a page asks for what it may send and read', () => {
    const sent = ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match', 'traceparent'];

    test.each(['*', 'https://shop.example'])('allows every method and header of the API: %s', async (origins) => {
      const { url, stop } = await shop.startApi({ CORS_ORIGINS: origins });
      try {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
          const { headers } = await fetch(`${url}/api/products/${nowhere}`, {
            method: 'OPTIONS',
            headers: {
              Origin: 'https://shop.example',
              'Access-Control-Request-Method': method,
              'Access-Control-Request-Headers': sent.join(','),
            },
          });
          expect(headers.get('Access-Control-Allow-Methods')?.split(',')).toContain(method);
          expect(headers.get('Access-Control-Allow-Headers')?.split(',')).toEqual(sent);
        }
        const answers = [
          await fetch(`${url}/api/orders`, { headers: { Origin: 'https://shop.example' } }),
          await fetch(`${url}/api/orders`, { method: 'DELETE', headers: { Origin: 'https://shop.example' } }),
          await fetch(`${url}/api/products`, { headers: { Origin: 'https://shop.example' } }),
        ];
        const usual = /^(content-|cache-control|vary|date|access-control-|connection|transfer-|keep-alive)/;
        const security =
          /^(x-(content-type|dns|download|frame|permitted|xss)|cross-origin|origin-agent|referrer|strict-)/;
        for (const { headers } of answers) {
          const exposed = headers.get('Access-Control-Expose-Headers')?.toLowerCase().split(',') ?? [];
          for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after', 'location']) {
            expect(exposed).toContain(name);
          }
          for (const name of headers.keys()) {
            if (!usual.test(name) && !security.test(name)) expect(exposed).toContain(name);
          }
        }
      } finally {
        await stop();
      }
    });
  });

  describe('when every origin is', () => {
    test('allows all, without credentials', async () => {
      const { url, stop } = await shop.startApi({ CORS_ORIGINS: '*' });
      const { headers } = await fetch(`${url}/api/products`, { headers: { Origin: 'https://any.example' } });
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*');
      expect(headers.has('Access-Control-Allow-Credentials')).toBe(false);
      await stop();
    });
  });
});

describe('GET /openapi.json', () => {
  let document: ApiDocument;

  beforeAll(async () => {
    document = await readDocument(shop.url);
  });

  /** Everything in the document that is an object and passes a test. */
  function find(matches: (node: Record<string, unknown>) => boolean): Record<string, unknown>[] {
    const found: Record<string, unknown>[] = [];
    JSON.stringify(document, (_key, value) => {
      if (value && typeof value === 'object' && matches(value)) found.push(value);
      return value;
    });
    return found;
  }

  describe('when it is read', () => {
    test('is OpenAPI 3.1 with a title and every code', async () => {
      expect(document.openapi).toStartWith('3.1.');
      expect(document.info.title).not.toBeEmpty();
      for (const [code, status] of Object.entries(statusOfCode)) {
        expect(document.info.description).toContain(`\`${code}\` | ${status} |`);
      }
    });

    test('holds references that lead somewhere', () => {
      for (const { $ref } of find((node) => typeof node.$ref === 'string')) {
        const [, , section = '', name = ''] = String($ref).split('/');
        expect(section).toBeOneOf(['schemas', 'responses']);
        expect(Object.keys(document.components[section as 'schemas' | 'responses'])).toContain(name);
      }
    });

    test('holds schemas that compile, with no keyword or format unknown', () => {
      const validator = documentValidator(document);
      const places = [
        ...Object.keys(document.components.schemas).map((name) => `components/schemas/${name}`),
        ...Object.entries(document.paths).flatMap(([path, operations]) =>
          Object.entries(operations).flatMap(([method, { responses }]) =>
            Object.entries(responses).flatMap(([status, response]) =>
              Object.keys(('content' in response && response.content) || {}).map((type) =>
                ['paths', path, method, 'responses', status, 'content', type, 'schema']
                  .map((part) => encodeURIComponent(part.replaceAll('/', '~1')))
                  .join('/'),
              ),
            ),
          ),
        ),
      ];
      expect(places.length).toBeGreaterThan(100);
      for (const place of places) expect(validator.getSchema(`api#/${place}`)).toBeFunction();
    });

    test('declares every parameter of a path, and says of each operation what it is for', () => {
      for (const [path, operations] of Object.entries(document.paths)) {
        const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
        for (const operation of Object.values(operations)) {
          const {
            parameters = [],
            summary,
            tags,
          } = operation as unknown as {
            parameters?: { name: string; in: string; required?: boolean }[];
            summary?: string;
            tags?: string[];
          };
          const declared = parameters.filter((parameter) => parameter.in === 'path' && parameter.required);
          expect(declared.map(({ name }) => name)).toEqual(wanted);
          expect(summary).toBeString();
          expect(tags).toHaveLength(1);
        }
      }
    });
  });
});

describe('GET /docs', () => {
  describe('when it is opened', () => {
    test('is led to from the root', async () => {
      const { status, headers } = await fetch(shop.url, { redirect: 'manual' });
      expect(status).toBe(302);
      expect(headers.get('Location')).toBe('/docs');
    });

    test('loads nothing from anywhere else, and its policy forbids it', async () => {
      const response = await fetch(`${shop.url}/docs`);
      const page = await response.text();
      expect(response.headers.get('Content-Type')).toStartWith('text/html');
      const loaded = [...page.matchAll(/\s(?:src|href)\s*=\s*"([^"]*)"/g)].map(([, target]) => target ?? '');
      expect(loaded).not.toBeEmpty();
      for (const target of loaded) {
        expect(target).toMatch(/^\/(?!\/)/);
        expect((await fetch(shop.url + target)).status).toBe(200);
      }
      expect(page).not.toMatch(/@import|url\(\s*['"]?https?:/);
      const policy = response.headers.get('Content-Security-Policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/https?:|\*/);
    });

    test('lets its own scripts run, by a nonce that is new each time', async () => {
      const pages = await Promise.all([1, 2].map(() => fetch(`${shop.url}/docs`)));
      const nonces = await Promise.all(
        pages.map(async (response) => {
          const [, nonce = ''] = /'nonce-([^']+)'/.exec(response.headers.get('Content-Security-Policy') ?? '') ?? [];
          const scripts = [...(await response.text()).matchAll(/<script\b([^>]*)>/g)];
          expect(scripts).not.toBeEmpty();
          for (const [, attributes] of scripts) expect(attributes).toContain(`nonce="${nonce}"`);
          return nonce;
        }),
      );
      expect(nonces[0]).not.toBe(nonces[1] ?? '');
    });

    test('has a script that is the same, compressed or not', async () => {
      const path = `${shop.url}/docs/scalar.js`;
      const plain = await fetch(path, { headers: { 'Accept-Encoding': 'identity' } });
      const packed = await fetch(path, { headers: { 'Accept-Encoding': 'gzip' }, decompress: false });
      expect(packed.headers.get('Content-Encoding')).toBe('gzip');
      expect(plain.headers.has('Content-Encoding')).toBe(false);
      const script = await plain.text();
      expect(gunzipSync(await packed.arrayBuffer()).toString() === script).toBe(true);
      expect(plain.headers.get('Content-Type')).toStartWith('text/javascript');
    });
  });
});

describe('Content-Encoding', () => {
  describe('when the caller takes gzip', () => {
    test('is gzip for what is worth it, and left out for small answers, which say their length', async () => {
      const read = (path: string) =>
        fetch(shop.url + path, { headers: { 'Accept-Encoding': 'gzip' }, decompress: false });
      await createProduct(shop.url, adminToken, { description: 'worth compressing '.repeat(100) });
      const large = await read('/api/products?limit=100&sort=name');
      expect(large.headers.get('Content-Encoding')).toBe('gzip');
      const plain = await fetch(`${shop.url}/api/products?limit=100&sort=name`, {
        headers: { 'Accept-Encoding': 'identity' },
      });
      expect(gunzipSync(await large.arrayBuffer()).toString()).toBe(await plain.text());
      for (const path of ['/api/products?q=nothingofthisname', `/api/products/${nowhere}`, '/api/orders']) {
        const small = await read(path);
        expect(small.headers.has('Content-Encoding')).toBe(false);
        expect(small.headers.get('Content-Length')).toBe(String((await small.arrayBuffer()).byteLength));
      }
    });
  });
});

describe('GET /metrics', () => {
  // Every process counts for itself.
  const askOne = <Body>(path: string) => request<Body>(shop.api(0).url, 'GET', path);
  const metric = async (line: RegExp) => Number(line.exec((await askOne<string>('/metrics')).body)?.[1] ?? 0);

  describe('when it is scraped', () => {
    test('is in the text format of Prometheus', async () => {
      const { headers, body } = await ask<string>('GET', '/metrics');
      expect(headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
      for (const line of body.split('\n').filter(Boolean)) {
        expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [-+.\w]+)$/);
      }
    });

    test('counts requests by route, not by address', async () => {
      const route = '/api/products/:id';
      const { url } = shop.api(0);
      const count = async () => (await scrape(url)).value('http_request_duration_seconds_count', { route }) ?? 0;
      const before = await count();
      await askOne(`/api/products/${nowhere}`);
      expect(await count()).toBe(before + 1);
      expect((await askOne<string>('/metrics')).body).not.toContain(nowhere);
    });

    test('counts hits and misses of the cache', async () => {
      const outcomes = ['HIT', 'MISS'].map(
        (outcome) => new RegExp(`^cache_reads_total\\{(?=.*group="products").*outcome="${outcome}".*\\} (\\d+)$`, 'm'),
      );
      const count = () => Promise.all(outcomes.map(metric));
      await createProduct(shop.url, adminToken);
      const [hits = 0, misses = 0] = await count();
      for (const _time of [1, 2, 3]) await askOne('/api/products?limit=7');
      expect(await count()).toEqual([hits + 2, misses + 1]);
    });
  });
});

describe('GET /healthz and GET /readyz', () => {
  afterEach(async () => {
    await Promise.all([shop.postgresLink.restore(), shop.redisLink.restore()]);
    await eventually(async () => (await ask('GET', '/readyz')).body.status === 'ok');
  });

  describe('when all is well', () => {
    test('answer 200', async () => {
      expect((await ask('GET', '/healthz')).body).toEqual({ status: 'ok' });
      const { status, body } = await ask('GET', '/readyz');
      expect(status).toBe(200);
      expect(body).toEqual({ status: 'ok', checks: { postgres: 'up', redis: 'up' } });
    });
  });

  describe('when Redis is down', () => {
    test('say that the shop is degraded, but ready', async () => {
      await shop.redisLink.cut();
      const { status, body } = await ask('GET', '/readyz');
      expect(status).toBe(200);
      expect(body).toEqual({ status: 'degraded', checks: { postgres: 'up', redis: 'down' } });
    });
  });

  describe('when Postgres is down', () => {
    test('say that the process lives and is not ready', async () => {
      await shop.postgresLink.cut();
      const { status, body } = await ask('GET', '/readyz');
      expect(status).toBe(503);
      expect(body).toEqual({ status: 'unavailable', checks: { postgres: 'down', redis: 'up' } });
      expect((await ask('GET', '/healthz')).status).toBe(200);
    });
  });

  describe('when the schema is not there yet', () => {
    test('are ready only with the schema and the first admin', async () => {
      const database = new URL(shop.databaseUrl);
      database.pathname += '_bare';
      await shop.db.unsafe(`create database ${database.pathname.slice(1)}`);
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const settings = {
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: database.href,
        ADMIN_EMAIL: admin.email,
        ADMIN_PASSWORD: admin.password,
      };
      const api = startProcess('index.ts', settings, join(process.env.TEST_LOGS ?? tmpdir(), 'bare-api.log'));
      const early = await eventually(() => request(url, 'GET', '/readyz'));
      expect(early.status).toBe(503);
      expect(early.body).toEqual({ status: 'unavailable', checks: { postgres: 'up', redis: 'none' } });
      await migrateDatabase(database.href);
      await eventually(async () => (await request(url, 'GET', '/readyz')).status === 200);
      expect(await signIn(url, admin)).toBeString();
      await api.kill();
      await shop.db.unsafe(`drop database ${database.pathname.slice(1)} with (force)`);
    });
  });
});

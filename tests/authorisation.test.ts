import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { type Scope, scopes } from '../src/schema/keys.ts';
import { openAccount } from './support/accounts.ts';
import {
  type Account,
  claimsOf,
  createProduct,
  freshEmail,
  placeOrder,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { type Ask, checkedRequests, operationsOf, readDocument } from './support/document.ts';
import { makeOld } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const people = ['nobody', 'garbage', 'expired', 'revoked', 'deleted', 'owner', 'other', 'admin'] as const;
const programs = ['a key with the scope', 'a key with every other scope'] as const;
const callers = [...people, ...programs];
type Person = (typeof people)[number];
type Caller = (typeof callers)[number];

/** What stands ready for a request: an account, and things that belong to it. */
type Scene = {
  owner: Account;
  product: string;
  order: string;
  mail: string;
  key: string;
  webhook: string;
  delivery: string;
};

type Row = {
  /** The status that each person is answered with. */
  statuses: Record<Person, number>;
  /** What lets a key do what an admin may; without it, keys are refused what is not open to everyone. */
  scope?: Scope;
  /** What lets a key see more than anyone may, where nobody has to sign in. */
  seesMore?: Scope;
  /** What the body of the row takes besides. */
  alsoNeeds?: Scope[];
  path: (scene: Scene) => string;
  body?: (scene: Scene) => unknown;
  /** What has to happen to the scene before the request makes sense. */
  prepare?: (scene: Scene) => Promise<unknown>;
};

const withoutToken = (status: number) => ({
  nobody: status,
  garbage: status,
  expired: status,
  revoked: status,
  deleted: status,
});
const anyone = (status: number) => ({ ...withoutToken(status), owner: status, other: status, admin: status });
const signedIn = (status: number) => ({ ...withoutToken(401), owner: status, other: status, admin: status });
const ownerOrAdmin = (status: number) => ({ ...withoutToken(401), owner: status, other: 403, admin: status });
const adminOnly = (status: number) => ({ ...withoutToken(401), owner: 403, other: 403, admin: status });

let shop: Shop;
let ask: Ask;
let adminToken: string;
let tokens: Partial<Record<Person, string>>;

const product = () => ({ name: 'Enamel mug', priceCents: 1_299, stock: 10 });
const webhookInput = () => ({ url: 'https://example.com/', events: ['webhook.test'] });
const asAdmin = (method: string, path: string) => ask(method, path, { token: adminToken });
const cancelOrder = ({ order }: Scene) => asAdmin('PATCH', `/api/orders/cancel/${order}`);

/** Who may do what: one row for each operation that `/openapi.json` names. */
const rows: Record<string, Row> = {
  'POST /api/auth/register': {
    statuses: anyone(201),
    path: () => '/api/auth/register',
    body: () => ({ name: 'Ada Lovelace', email: freshEmail(), password: 'open sesame' }),
  },
  'POST /api/auth/login': {
    statuses: anyone(200),
    path: () => '/api/auth/login',
    body: ({ owner }) => ({ email: owner.email, password: owner.password }),
  },
  'POST /api/auth/password': {
    // With a body that is refused, because a change would end tokens that other rows need.
    statuses: signedIn(422),
    path: () => '/api/auth/password',
    body: () => ({}),
  },
  'POST /api/auth/password/forgot': {
    statuses: anyone(202),
    path: () => '/api/auth/password/forgot',
    body: () => ({ email: freshEmail() }),
  },
  'POST /api/auth/password/reset': {
    statuses: anyone(422),
    path: () => '/api/auth/password/reset',
    body: () => ({ token: 'none', newPassword: 'open sesame' }),
  },
  'POST /api/auth/email/send-verification': {
    statuses: signedIn(202),
    path: () => '/api/auth/email/send-verification',
  },
  'POST /api/auth/email/verify': {
    statuses: anyone(422),
    path: () => '/api/auth/email/verify',
    body: () => ({ token: 'none' }),
  },
  'POST /api/auth/totp': { statuses: signedIn(422), path: () => '/api/auth/totp', body: () => ({}) },
  'POST /api/auth/totp/confirm': { statuses: signedIn(422), path: () => '/api/auth/totp/confirm', body: () => ({}) },
  'POST /api/auth/totp/remove': { statuses: signedIn(422), path: () => '/api/auth/totp/remove', body: () => ({}) },
  'POST /api/auth/logout': { statuses: signedIn(204), path: () => '/api/auth/logout' },
  'GET /api/sessions': { statuses: signedIn(200), path: () => '/api/sessions' },
  'DELETE /api/sessions/{id}': {
    statuses: { ...withoutToken(401), owner: 204, other: 404, admin: 404 },
    path: ({ owner }) => `/api/sessions/${claimsOf(owner.token).sid}`,
  },
  'POST /api/keys': {
    statuses: adminOnly(201),
    path: () => '/api/keys',
    body: () => ({ name: 'Warehouse', scopes: ['orders:read'] }),
  },
  'GET /api/keys': { statuses: adminOnly(200), path: () => '/api/keys' },
  'DELETE /api/keys/{id}': { statuses: adminOnly(204), path: ({ key }) => `/api/keys/${key}` },
  'GET /api/audit-events': { scope: 'audit:read', statuses: adminOnly(200), path: () => '/api/audit-events' },
  'GET /api/webhooks': { scope: 'webhooks:read', statuses: adminOnly(200), path: () => '/api/webhooks' },
  'POST /api/webhooks': {
    scope: 'webhooks:write',
    statuses: adminOnly(201),
    path: () => '/api/webhooks',
    body: webhookInput,
  },
  'GET /api/webhooks/{id}': {
    scope: 'webhooks:read',
    statuses: adminOnly(200),
    path: ({ webhook }) => `/api/webhooks/${webhook}`,
  },
  'PUT /api/webhooks/{id}': {
    scope: 'webhooks:write',
    statuses: adminOnly(200),
    path: ({ webhook }) => `/api/webhooks/${webhook}`,
    body: webhookInput,
  },
  'DELETE /api/webhooks/{id}': {
    scope: 'webhooks:write',
    statuses: adminOnly(204),
    path: ({ webhook }) => `/api/webhooks/${webhook}`,
  },
  'POST /api/webhooks/{id}/secret': {
    scope: 'webhooks:write',
    statuses: adminOnly(200),
    path: ({ webhook }) => `/api/webhooks/${webhook}/secret`,
  },
  'POST /api/webhooks/{id}/test': {
    scope: 'webhooks:write',
    statuses: adminOnly(202),
    path: ({ webhook }) => `/api/webhooks/${webhook}/test`,
  },
  'GET /api/webhook-deliveries': {
    scope: 'webhooks:read',
    statuses: adminOnly(200),
    path: () => '/api/webhook-deliveries',
  },
  'POST /api/webhook-deliveries/{id}/send': {
    scope: 'webhooks:write',
    statuses: adminOnly(200),
    path: ({ delivery }) => `/api/webhook-deliveries/${delivery}/send`,
  },
  'POST /api/failed-webhook-deliveries/send': {
    scope: 'webhooks:write',
    statuses: adminOnly(200),
    path: () => '/api/failed-webhook-deliveries/send',
  },
  'GET /api/products': { statuses: anyone(200), path: () => '/api/products' },
  'GET /api/products/{id}': {
    seesMore: 'products:read',
    statuses: anyone(200),
    path: ({ product }) => `/api/products/${product}`,
  },
  'POST /api/products': {
    scope: 'products:write',
    statuses: adminOnly(201),
    path: () => '/api/products',
    body: product,
  },
  'POST /api/products/batch': {
    scope: 'products:write',
    alsoNeeds: ['stock:write'],
    statuses: adminOnly(200),
    path: () => '/api/products/batch',
    body: () => ({ items: [{ ...product(), sku: randomUUID() }] }),
  },
  'PUT /api/products/{id}': {
    scope: 'products:write',
    alsoNeeds: ['stock:write'],
    statuses: adminOnly(200),
    path: ({ product }) => `/api/products/${product}`,
    body: product,
  },
  'DELETE /api/products/{id}': {
    scope: 'products:write',
    statuses: adminOnly(204),
    path: ({ product }) => `/api/products/${product}`,
  },
  'PATCH /api/products/restore/{id}': {
    scope: 'products:write',
    statuses: adminOnly(200),
    path: ({ product }) => `/api/products/restore/${product}`,
    prepare: ({ product }) => asAdmin('DELETE', `/api/products/${product}`),
  },
  'GET /media/{file}': { statuses: anyone(200), path: () => '/media/kitchen-210.svg' },
  'GET /api/stock-changes': { scope: 'stock:read', statuses: adminOnly(200), path: () => '/api/stock-changes' },
  'POST /api/stock-changes': {
    scope: 'stock:write',
    statuses: adminOnly(201),
    path: () => '/api/stock-changes',
    body: ({ product }) => ({ productId: product, change: 1, reason: 'count' }),
  },
  'GET /api/exports/products': {
    scope: 'products:read',
    statuses: adminOnly(200),
    path: () => '/api/exports/products?format=csv',
  },
  'GET /api/exports/orders': {
    scope: 'orders:read',
    statuses: adminOnly(200),
    path: () => '/api/exports/orders?format=ndjson',
  },
  'GET /api/reports/sales': {
    scope: 'reports:read',
    statuses: adminOnly(200),
    path: () => '/api/reports/sales?from=2026-01-01&to=2026-01-31',
  },
  'GET /api/customers': { scope: 'customers:read', statuses: adminOnly(200), path: () => '/api/customers' },
  'GET /api/customers/{id}': {
    scope: 'customers:read',
    statuses: ownerOrAdmin(200),
    path: ({ owner }) => `/api/customers/${owner.id}`,
  },
  'PUT /api/customers/{id}': {
    scope: 'customers:write',
    statuses: ownerOrAdmin(200),
    path: ({ owner }) => `/api/customers/${owner.id}`,
    body: () => ({ name: 'Grace Hopper', email: freshEmail(), phone: null }),
  },
  'PATCH /api/customers/email/{id}': {
    scope: 'customers:write',
    statuses: ownerOrAdmin(200),
    path: ({ owner }) => `/api/customers/email/${owner.id}`,
    body: () => ({ email: freshEmail() }),
  },
  'PATCH /api/customers/phone/{id}': {
    scope: 'customers:write',
    statuses: ownerOrAdmin(200),
    path: ({ owner }) => `/api/customers/phone/${owner.id}`,
    body: () => ({ phone: '+12025550123' }),
  },
  'DELETE /api/customers/{id}': {
    scope: 'customers:write',
    statuses: ownerOrAdmin(204),
    path: ({ owner }) => `/api/customers/${owner.id}`,
    prepare: cancelOrder,
  },
  'POST /api/customers/{id}/sign-out': {
    statuses: ownerOrAdmin(204),
    path: ({ owner }) => `/api/customers/${owner.id}/sign-out`,
  },
  'PATCH /api/customers/restore/{id}': {
    scope: 'customers:write',
    statuses: adminOnly(200),
    path: ({ owner }) => `/api/customers/restore/${owner.id}`,
    prepare: async (scene) => {
      await cancelOrder(scene);
      await asAdmin('DELETE', `/api/customers/${scene.owner.id}`);
      // The owner’s own wish comes with a token that works.
      scene.owner.token = (await openAccount(shop)).token;
    },
  },
  'GET /api/customers/{id}/export': {
    statuses: ownerOrAdmin(200),
    path: ({ owner }) => `/api/customers/${owner.id}/export`,
  },
  'POST /api/customers/{id}/erase': {
    statuses: ownerOrAdmin(204),
    path: ({ owner }) => `/api/customers/${owner.id}/erase`,
    body: ({ owner }) => ({ currentPassword: owner.password }),
    prepare: cancelOrder,
  },
  'GET /api/orders': { scope: 'orders:read', statuses: signedIn(200), path: () => '/api/orders' },
  'GET /api/orders/{id}': {
    scope: 'orders:read',
    statuses: ownerOrAdmin(200),
    path: ({ order }) => `/api/orders/${order}`,
  },
  'POST /api/orders': {
    statuses: signedIn(201),
    path: () => '/api/orders',
    body: ({ product }) => ({ items: [{ productId: product, quantity: 1 }] }),
  },
  'PATCH /api/orders/address/{id}': {
    scope: 'orders:write',
    statuses: ownerOrAdmin(200),
    path: ({ order }) => `/api/orders/address/${order}`,
    body: () => ({ shippingAddress: { name: 'Ada', line1: '12 St James’s Square', city: 'London', country: 'GB' } }),
  },
  'PATCH /api/orders/status/{id}': {
    scope: 'orders:write',
    statuses: adminOnly(200),
    path: ({ order }) => `/api/orders/status/${order}`,
    body: () => ({ status: 'processing' }),
  },
  'PATCH /api/orders/hold/{id}': {
    scope: 'orders:write',
    statuses: adminOnly(200),
    path: ({ order }) => `/api/orders/hold/${order}`,
    body: () => ({ reason: 'The address does not exist.' }),
  },
  'PATCH /api/orders/release/{id}': {
    scope: 'orders:write',
    statuses: adminOnly(200),
    path: ({ order }) => `/api/orders/release/${order}`,
    prepare: ({ order }) =>
      ask('PATCH', `/api/orders/hold/${order}`, { token: adminToken, body: { reason: 'The address does not exist.' } }),
  },
  'PATCH /api/orders/cancel/{id}': {
    scope: 'orders:write',
    statuses: ownerOrAdmin(200),
    path: ({ order }) => `/api/orders/cancel/${order}`,
  },
  'PATCH /api/orders/restore/{id}': {
    scope: 'orders:write',
    statuses: ownerOrAdmin(200),
    path: ({ order }) => `/api/orders/restore/${order}`,
    prepare: cancelOrder,
  },
  'DELETE /api/orders/{id}': {
    scope: 'orders:write',
    statuses: ownerOrAdmin(204),
    path: ({ order }) => `/api/orders/${order}`,
    prepare: ({ order }) => makeOld(shop.db, order),
  },
  'GET /api/mails': { scope: 'mails:read', statuses: adminOnly(200), path: () => '/api/mails' },
  'POST /api/failed-mails/send': {
    scope: 'mails:write',
    statuses: adminOnly(200),
    path: () => '/api/failed-mails/send',
  },
  'POST /api/mails/{id}/send': {
    scope: 'mails:write',
    statuses: adminOnly(200),
    path: ({ mail }) => `/api/mails/${mail}/send`,
    prepare: async ({ mail }) => {
      await shop.db`update mails set state = 'failed', due_at = null where id = ${mail}`;
    },
  },
  'GET /healthz': { statuses: anyone(200), path: () => '/healthz' },
  'GET /readyz': { statuses: anyone(200), path: () => '/readyz' },
  'GET /metrics': { statuses: anyone(200), path: () => '/metrics' },
};

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  const [revoked, deleted, other, expired] = await Promise.all([
    revokedToken(),
    tokenOfDeleted(),
    openAccount(shop),
    expiredToken(),
  ]);
  tokens = { garbage: 'garbage', expired, revoked, deleted, other: other.token, admin: adminToken };
});

afterAll(() => shop.stop());

async function revokedToken(): Promise<string> {
  const { token, password } = await openAccount(shop);
  const body = { currentPassword: password, newPassword: 'new password' };
  await ask('POST', '/api/auth/password', { token, body });
  return token;
}

async function tokenOfDeleted(): Promise<string> {
  const { id, token } = await openAccount(shop);
  await ask('DELETE', `/api/customers/${id}`, { token });
  return token;
}

/** A token that worked, from a process that gives them for a second only. */
async function expiredToken(): Promise<string> {
  const [account, hasty] = await Promise.all([openAccount(shop), shop.startApi({ JWT_TTL: '1s' })]);
  const token = await signIn(hasty.url, account);
  expect((await ask('GET', '/api/orders', { token })).status).toBe(200);
  await eventually(async () => (await ask('GET', '/api/orders', { token })).status === 401);
  await hasty.kill();
  return token;
}

const keys = new Map<string, Promise<string>>();

/** A key with these scopes. */
function keyWith(given: Scope[]): Promise<string> {
  const known = keys.get(given.join());
  if (known) return known;
  const body = { name: 'Warehouse', scopes: given };
  const made = ask<{ key: string }>('POST', '/api/keys', { token: adminToken, body }).then(({ body }) => body.key);
  keys.set(given.join(), made);
  return made;
}

/** Where no scope will do, the one key has all of them. */
function keyOf(caller: (typeof programs)[number], { scope, alsoNeeds = [] }: Row): Promise<string> {
  if (!scope) return keyWith(scopes);
  if (caller === 'a key with the scope') return keyWith([scope, ...alsoNeeds]);
  return keyWith(scopes.filter((each) => each !== scope && each !== scope.replace(/:read$/, ':write')));
}

/** What a row says of a caller. */
function expected(caller: Caller, { statuses, scope }: Row): { status: number; code?: string } {
  if (caller === 'a key with the scope' || caller === 'a key with every other scope') {
    if (statuses.nobody !== 401) return { status: statuses.nobody };
    if (!scope) return { status: 403, code: 'forbidden' };
    return caller === 'a key with the scope' ? { status: statuses.admin } : { status: 403, code: 'missing_scope' };
  }
  const status = statuses[caller];
  return { status, code: { 401: 'unauthenticated', 403: 'forbidden' }[status] };
}

/** A token that may be ended, where the caller has one that works. */
async function freshToken(caller: Person): Promise<string | undefined> {
  if (caller === 'admin') return signInAdmin(shop.url);
  return caller === 'other' ? (await openAccount(shop)).token : tokens[caller];
}

async function setTheScene(prepare?: Row['prepare']): Promise<Scene> {
  const [owner, { id: product }] = await Promise.all([openAccount(shop), createProduct(shop.url, adminToken)]);
  const { id: order } = await placeOrder(shop.url, owner.token, [{ productId: product, quantity: 1 }]);
  const [mail] = await shop.db<{ id: string }[]>`select id from mails where order_id = ${order}`;
  const body = { name: 'Till', scopes: ['audit:read'] };
  const { id: key } = (await ask<{ id: string }>('POST', '/api/keys', { token: adminToken, body })).body;
  const [webhook] = await shop.db<{ id: string }[]>`
    insert into webhooks (id, url, events, secret, created_at, updated_at)
    values (uuid_v7(), 'https://example.com/', '{webhook.test}', 'whsec_x', now(), now()) returning id`;
  const [delivery] = await shop.db<{ id: string }[]>`
    insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, state, created_at)
    values (${webhook?.id ?? ''}, 'webhook.test', uuid_v7(), 1, '{}', 'failed', now()) returning id`;
  const scene = {
    owner,
    product,
    order,
    mail: mail?.id ?? '',
    key,
    webhook: webhook?.id ?? '',
    delivery: delivery?.id ?? '',
  };
  await prepare?.(scene);
  return scene;
}

/** A fingerprint of all that the shop holds. */
async function everything(): Promise<unknown> {
  const tables = [
    'customers',
    'products',
    'orders',
    'order_items',
    'order_history',
    'mails',
    'idempotency_records',
    'sessions',
    'audit_events',
    'stock_changes',
    'api_keys',
    'second_factors',
    'recovery_codes',
    'webhooks',
    'webhook_deliveries',
  ];
  return Promise.all(
    tables.map((table) => shop.db`select md5(string_agg(t::text, ' ' order by t::text)) from ${shop.db(table)} t`),
  );
}

describe('GET /openapi.json', () => {
  describe('when a route is added or removed', () => {
    test('names the operations of the table above, and no others', async () => {
      const operations = operationsOf(await readDocument(shop.url));
      expect(operations.sort()).toEqual(Object.keys(rows).sort());
    });
  });

  describe('when it says what lets a caller in', () => {
    test('names tokens and scopes as the table does', async () => {
      const { paths } = await readDocument(shop.url);
      const declared = Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, { security = [] }]) => [`${method.toUpperCase()} ${path}`, security]),
      );
      const wanted = Object.entries(rows).map(([operation, { statuses, scope, seesMore }]) => {
        if (seesMore) return [operation, [{}, { bearer: [] }, { key: [seesMore] }]];
        if (statuses.nobody !== 401) return [operation, []];
        return [operation, [{ bearer: [] }, ...(scope ? [{ key: [scope] }] : [])]];
      });
      expect(Object.fromEntries(declared)).toEqual(Object.fromEntries(wanted));
    });

    test('has under the tags for customers what they may do, and under those for admins what they may not', async () => {
      const { paths, 'x-tagGroups': groups } = await readDocument(shop.url);
      const groupOf = new Map(groups.flatMap(({ name, tags }) => tags.map((tag) => [tag, name])));
      for (const [operation, { statuses }] of Object.entries(rows)) {
        const [method = '', path = ''] = operation.split(' ');
        const [tag = ''] = paths[path]?.[method.toLowerCase()]?.tags ?? [];
        const group = groupOf.get(tag);
        if (statuses.owner === 403) expect([operation, group]).toEqual([operation, 'For admins']);
        else expect([operation, group]).not.toEqual([operation, 'For admins']);
        expect([operation, group]).not.toEqual([operation, undefined]);
      }
    });
  });
});

for (const [operation, row] of Object.entries(rows)) {
  const [method = ''] = operation.split(' ');
  const { path, body, prepare, scope } = row;

  describe(operation, () => {
    let shared: Scene;
    beforeAll(async () => {
      shared = await setTheScene(prepare);
    });

    async function tokenOf(caller: Caller, scene: Scene): Promise<string | undefined> {
      if (caller === 'a key with the scope' || caller === 'a key with every other scope') return keyOf(caller, row);
      if (caller === 'owner') return scene.owner.token;
      return operation.endsWith('/logout') ? freshToken(caller) : tokens[caller];
    }

    async function send(caller: Caller, scene: Scene) {
      const token = await tokenOf(caller, scene);
      return ask(method, path(scene), { ...(token && { token }), ...(body && { body: body(scene) }) });
    }

    for (const caller of callers) {
      const { status, code } = expected(caller, row);

      describe(`when asked by ${caller}`, () => {
        if (code) {
          test(`answers ${status} and changes nothing`, async () => {
            if (caller === 'a key with every other scope') await keyOf(caller, row);
            const before = await everything();
            const answer = await send(caller, shared);
            expectProblem(answer, status, code, code === 'missing_scope' ? { scope } : {});
            expect(await everything()).toEqual(before);
          });
        } else {
          test(`answers ${status}`, async () => {
            const scene = method === 'GET' ? shared : await setTheScene(prepare);
            expect((await send(caller, scene)).status).toBe(status);
          });
        }
      });
    }
  });
}

describe('The bearer token', () => {
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const decode = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString());

  /** A genuine token, and the three parts it is made of. */
  async function genuine() {
    const account = await openAccount(shop);
    const [header = '', payload = '', signature = ''] = account.token.split('.');
    return { ...account, header, payload, signature };
  }

  const callWith = (authorization: string) => ask('GET', '/api/orders', { headers: { Authorization: authorization } });

  describe('when it has been tampered with', () => {
    test('is refused, whatever part was changed', async () => {
      const { token, header, payload, signature } = await genuine();
      const { id } = await openAccount(shop);
      const unsigned = encode({ alg: 'none', typ: 'JWT' });
      const forged = [
        `${header}.${encode({ ...decode(payload), sub: id })}.${signature}`,
        `${header}.${encode({ ...decode(payload), exp: 9_999_999_999 })}.${signature}`,
        `${encode({ alg: 'HS512', typ: 'JWT' })}.${payload}.${signature}`,
        `${unsigned}.${payload}.`,
        `${unsigned}.${payload}.${signature}`,
        `${header}.${payload}.`,
        `${header}.${payload}`,
        token.slice(0, -2),
        `${token}.${signature}`,
        '..',
      ];
      for (const each of forged) expectProblem(await callWith(`Bearer ${each}`), 401, 'unauthenticated');
    });

    test('is refused when another shop signed it', async () => {
      const { email, password } = await genuine();
      const stranger = await shop.startApi({ JWT_SECRET: 'what some other shop signs its tokens with' });
      const token = await signIn(stranger.url, { email, password });
      await stranger.kill();
      expectProblem(await callWith(`Bearer ${token}`), 401, 'unauthenticated');
    });
  });

  describe('when it is written in other ways', () => {
    test('is taken whatever the case of the scheme', async () => {
      const { token } = await genuine();
      for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
        expect((await callWith(`${scheme} ${token}`)).status).toBe(200);
      }
    });

    test('is refused under another scheme, twice, or bare', async () => {
      const { token, email, password } = await genuine();
      const basic = Buffer.from(`${email}:${password}`).toString('base64');
      for (const authorization of [
        token,
        `Token ${token}`,
        `Basic ${basic}`,
        'Bearer',
        `Bearer ${token} ${token}`,
        `Bearer ${token}, Bearer ${token}`,
      ]) {
        expectProblem(await callWith(authorization), 401, 'unauthenticated');
      }
    });

    test('is not looked for in the query', async () => {
      const { token } = await genuine();
      expectProblem(await ask('GET', `/api/orders?access_token=${token}`), 401, 'unauthenticated');
    });
  });

  describe('when it is bad but not needed', () => {
    test('does not keep anyone from the catalogue', async () => {
      const { product } = await setTheScene();
      for (const token of [tokens.garbage, tokens.expired, tokens.revoked, tokens.deleted]) {
        expect((await ask('GET', `/api/products/${product}`, { token: token ?? '' })).status).toBe(200);
      }
    });
  });
});

describe('The order of checks', () => {
  let owner: Account;
  let stranger: Account;
  let unknownProduct: string;
  let scarceProduct: string;

  beforeAll(async () => {
    [owner, stranger] = await Promise.all([openAccount(shop), openAccount(shop)]);
    unknownProduct = randomUUID();
    ({ id: scarceProduct } = await createProduct(shop.url, adminToken, { stock: 1 }));
  });

  const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';

  async function orderIn(status: 'pending' | 'delivered' | 'deleted'): Promise<string> {
    const { id: productId } = await createProduct(shop.url, adminToken);
    const { id } = await placeOrder(shop.url, owner.token, [{ productId, quantity: 1 }]);
    if (status === 'delivered') {
      await shop.db`update orders set status = 'delivered', next_status_at = null where id = ${id}`;
    }
    if (status === 'deleted') {
      await makeOld(shop.db, id);
      await ask('DELETE', `/api/orders/${id}`, { token: owner.token });
    }
    return id;
  }

  describe('when nobody is signed in', () => {
    test('401 comes before role, values, existence and state', async () => {
      const body = { nonsense: true };
      const answers = await Promise.all([
        ask('GET', '/api/customers?limit=0'),
        ask('GET', '/api/orders?customerId=nonsense'),
        ask('GET', '/api/mails?state=nonsense'),
        ask('POST', '/api/products', { body }),
        ask('POST', '/api/stock-changes', { body }),
        ask('POST', '/api/orders', { body }),
        ask('POST', '/api/orders', { body: '{' }),
        ask('POST', '/api/orders', { body, headers: { 'Content-Type': 'text/plain' } }),
        ask('PUT', `/api/products/${nowhere}`, { body }),
        ask('PUT', `/api/customers/${nowhere}`, { body }),
        ask('POST', '/api/auth/password', { body }),
        ask('GET', `/api/orders/${nowhere}`),
        ask('DELETE', `/api/customers/${nowhere}?nonsense=1`),
        ask('PATCH', `/api/orders/cancel/${await orderIn('delivered')}`),
      ]);
      for (const answer of answers) expectProblem(answer, 401, 'unauthenticated');
    });
  });

  describe('when the role does not suffice', () => {
    test('403 comes before values and existence', async () => {
      const { token } = stranger;
      const body = { nonsense: true };
      const answers = await Promise.all([
        ask('GET', '/api/customers?limit=0', { token }),
        ask('GET', '/api/mails?state=nonsense', { token }),
        ask('POST', '/api/products', { token, body }),
        ask('POST', '/api/products', { token, body: '{' }),
        ask('POST', '/api/stock-changes', { token, body }),
        ask('GET', '/api/stock-changes?productId=nonsense', { token }),
        ask('PUT', `/api/products/${nowhere}`, { token, body }),
        ask('DELETE', `/api/products/${nowhere}?nonsense=1`, { token }),
        ask('PATCH', `/api/products/restore/${nowhere}`, { token }),
        ask('POST', `/api/mails/${nowhere}/send`, { token }),
      ]);
      for (const answer of answers) expectProblem(answer, 403, 'forbidden');
    });

    test('403 meets an admin’s parameter from a customer, whatever else is wrong', async () => {
      const queries = [
        'customerId=nonsense',
        `customerId=${stranger.id}`,
        'customerId=&customerId=nonsense',
        'customerId=false',
        'includeDeleted=true',
        'includeDeleted=nonsense',
        'includeDeleted=false&includeDeleted=true',
        'includeDeleted=true&limit=0&nonsense=1',
      ];
      for (const query of queries) {
        expectProblem(await ask('GET', `/api/orders?${query}`, { token: stranger.token }), 403, 'forbidden');
      }
    });

    test('200 to what is as if it were not sent', async () => {
      for (const query of ['customerId=', 'includeDeleted=', 'includeDeleted', 'customerId=&includeDeleted=false']) {
        expect((await ask('GET', `/api/orders?${query}`, { token: stranger.token })).status).toBe(200);
      }
    });
  });

  describe('when values are bad', () => {
    test('422 comes before existence, ownership, precondition and state', async () => {
      const delivered = await orderIn('delivered');
      const body = { nonsense: true };
      const answers = await Promise.all([
        ask('PUT', `/api/products/${nowhere}`, { token: adminToken, body }),
        ask('PUT', `/api/products/${scarceProduct}`, { token: adminToken, body, headers: { 'If-Match': '"0"' } }),
        ask('PUT', `/api/customers/${nowhere}`, { token: stranger.token, body }),
        ask('PUT', `/api/customers/${owner.id}`, { token: stranger.token, body }),
        ask('PATCH', `/api/customers/phone/${owner.id}`, { token: stranger.token, body }),
        ask('GET', `/api/customers/${owner.id}?nonsense=1`, { token: stranger.token }),
        ask('DELETE', `/api/customers/${nowhere}?nonsense=1`, { token: stranger.token }),
        ask('GET', `/api/products/${nowhere}?nonsense=1`),
        ask('GET', `/api/orders/${delivered}?nonsense=1`, { token: stranger.token }),
        ask('PATCH', `/api/orders/cancel/${delivered}?nonsense=1`, { token: stranger.token }),
        ask('PATCH', `/api/products/restore/${scarceProduct}?nonsense=1`, { token: adminToken }),
      ]);
      for (const answer of answers) expectProblem(answer, 422, 'validation_failed');
    });

    test('unknown_product comes before insufficient_stock', async () => {
      const items = [
        { productId: scarceProduct, quantity: 1_000 },
        { productId: unknownProduct, quantity: 1 },
      ];
      const answer = await ask('POST', '/api/orders', { token: stranger.token, body: { items } });
      expectProblem(answer, 422, 'unknown_product');
    });
  });

  describe('when the thing is not there', () => {
    test('404 comes before ownership and precondition', async () => {
      const { id: product } = await createProduct(shop.url, adminToken);
      await asAdmin('DELETE', `/api/products/${product}`);
      const deleted = await orderIn('deleted');
      const { token } = stranger;
      const answers = await Promise.all([
        ask('PUT', `/api/products/${product}`, {
          token: adminToken,
          body: { name: 'Mug', priceCents: 1, stock: 1 },
          headers: { 'If-Match': '"0"' },
        }),
        ask('DELETE', `/api/products/${product}`, { token: adminToken, headers: { 'If-Match': '"0"' } }),
        ask('PATCH', `/api/products/restore/${nowhere}`, { token: adminToken, headers: { 'If-Match': '"0"' } }),
        ask('GET', `/api/orders/${deleted}`, { token }),
        ask('PATCH', `/api/orders/cancel/${deleted}`, { token }),
        ask('DELETE', `/api/orders/${deleted}`, { token }),
        ask('GET', `/api/customers/${nowhere}`, { token }),
      ]);
      for (const answer of answers) expectProblem(answer, 404, 'not_found');
    });
  });

  describe('when it is somebody else’s', () => {
    test('403 comes before state', async () => {
      const [pending, delivered] = await Promise.all([orderIn('pending'), orderIn('delivered')]);
      const { token, email } = stranger;
      const answers = await Promise.all([
        ask('PATCH', `/api/orders/cancel/${delivered}`, { token }),
        ask('PATCH', `/api/orders/restore/${pending}`, { token }),
        ask('DELETE', `/api/orders/${pending}`, { token }),
        ask('DELETE', `/api/orders/${delivered}`, { token }),
        ask('DELETE', `/api/customers/${owner.id}`, { token }),
        ask('PATCH', `/api/customers/email/${owner.id}`, { token, body: { email } }),
      ]);
      for (const answer of answers) expectProblem(answer, 403, 'forbidden');
    });
  });

  describe('when a delivered order is also too recent to be deleted', () => {
    test('order_delivered comes first', async () => {
      const id = await orderIn('delivered');
      expectProblem(await ask('DELETE', `/api/orders/${id}`, { token: owner.token }), 409, 'order_delivered');
    });
  });
});

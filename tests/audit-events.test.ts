import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { AuditEventBody } from '../src/schema/audit-events.ts';
import { openAccount } from './support/accounts.ts';
import {
  type Account,
  type Answer,
  admin,
  claimsOf,
  createProduct,
  freshEmail,
  placeOrder,
  type RequestOptions,
  request,
  signInAdmin,
} from './support/client.ts';
import { totpCode } from './support/codes.ts';
import { type Ask, checkedRequests, expectInvalid, operationsOf, readDocument } from './support/document.ts';
import { newestToken } from './support/mail-tokens.ts';
import { makeOld } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

type Sent = {
  path: string;
  as?: 'owner' | 'admin' | 'stranger';
  /** What is only known after `before` is asked for then. */
  options?: RequestOptions | (() => Promise<RequestOptions>);
  before?: () => unknown;
};
type Scene = {
  owner: Account;
  stranger: Account;
  product: string;
  order: string;
  mail: string;
  key: string;
  webhook: string;
  delivery: string;
  begun: string;
};
type Send = (scene: Scene) => Sent;

/** What a route leaves behind: an event after a change, none after a refusal or a change of nothing. */
type Row = {
  changes?: Send;
  event?: { action: AuditEventBody['action']; fields: string[]; kind?: 'owner' | 'stranger' | 'admin' };
  refused: Send;
  nothing?: Send;
};

let shop: Shop;
let ask: Ask;
let adminToken: string;
let adminId: string;

const profile = ({ name, email, phone }: Account) => ({ name, email, phone });
const shippingAddress = { name: 'Ada', line1: '12 St James’s Square', city: 'London', country: 'GB' };
const mug = { name: 'Enamel mug', priceCents: 1_299, stock: 10 };
const hook = { url: 'https://example.com/', events: ['order.shipped'] };
const asAdmin = (method: string, path: string) => ask(method, path, { token: adminToken });

const rows: Record<string, Row> = {
  'POST /api/auth/register': {
    changes: () => ({
      path: '/api/auth/register',
      options: { body: { name: 'Ada', email: freshEmail(), password: 'open sesame' } },
    }),
    event: { action: 'customer.created', fields: ['email', 'name', 'role'] },
    refused: ({ owner }) => ({
      path: '/api/auth/register',
      options: { body: { name: 'Ada', email: owner.email, password: 'open sesame' } },
    }),
  },
  'POST /api/auth/login': {
    refused: ({ owner }) => ({
      path: '/api/auth/login',
      options: { body: { email: owner.email, password: 'not this one' } },
    }),
    nothing: ({ owner }) => ({
      path: '/api/auth/login',
      options: { body: { email: owner.email, password: owner.password } },
    }),
  },
  'POST /api/auth/password/forgot': {
    refused: () => ({ path: '/api/auth/password/forgot', options: { body: { email: 'ada' } } }),
    nothing: ({ owner }) => ({ path: '/api/auth/password/forgot', options: { body: { email: owner.email } } }),
  },
  'POST /api/auth/password/reset': {
    changes: ({ owner }) => ({
      path: '/api/auth/password/reset',
      before: () => ask('POST', '/api/auth/password/forgot', { body: { email: owner.email } }),
      options: async () => ({
        body: { token: await newestToken(shop.db, 'password_reset', owner.id), newPassword: 'another secret' },
      }),
    }),
    event: { action: 'customer.password_changed', fields: ['emailVerifiedAt', 'password'], kind: 'owner' },
    refused: () => ({
      path: '/api/auth/password/reset',
      options: { body: { token: 'none', newPassword: 'another secret' } },
    }),
  },
  'POST /api/auth/email/send-verification': {
    refused: () => ({ path: '/api/auth/email/send-verification' }),
    nothing: () => ({ path: '/api/auth/email/send-verification', as: 'owner' }),
  },
  'POST /api/auth/email/verify': {
    changes: ({ owner }) => ({
      path: '/api/auth/email/verify',
      before: () => ask('POST', '/api/auth/email/send-verification', { token: owner.token }),
      options: async () => ({ body: { token: await newestToken(shop.db, 'email_verification', owner.id) } }),
    }),
    event: { action: 'customer.verified', fields: ['emailVerifiedAt'], kind: 'owner' },
    refused: () => ({ path: '/api/auth/email/verify', options: { body: { token: 'none' } } }),
    nothing: ({ owner }) => ({
      path: '/api/auth/email/verify',
      before: async () => {
        await ask('POST', '/api/auth/email/send-verification', { token: owner.token });
        await shop.db`update customers set email_verified_at = now() where id = ${owner.id}`;
      },
      options: async () => ({ body: { token: await newestToken(shop.db, 'email_verification', owner.id) } }),
    }),
  },
  'POST /api/auth/logout': {
    refused: () => ({ path: '/api/auth/logout' }),
    nothing: () => ({ path: '/api/auth/logout', as: 'owner' }),
  },
  'DELETE /api/sessions/{id}': {
    refused: ({ owner }) => ({ path: `/api/sessions/${claimsOf(owner.token).sid}`, as: 'stranger' }),
    nothing: ({ owner }) => ({ path: `/api/sessions/${claimsOf(owner.token).sid}`, as: 'owner' }),
  },
  'POST /api/auth/password': {
    changes: ({ owner }) => ({
      path: '/api/auth/password',
      as: 'owner',
      options: { body: { currentPassword: owner.password, newPassword: 'another secret' } },
    }),
    event: { action: 'customer.password_changed', fields: ['password'], kind: 'owner' },
    refused: () => ({
      path: '/api/auth/password',
      as: 'owner',
      options: { body: { currentPassword: 'not this one', newPassword: 'another secret' } },
    }),
  },
  'PATCH /api/customers/restore/{id}': {
    changes: ({ owner, order }) => ({
      path: `/api/customers/restore/${owner.id}`,
      as: 'admin',
      before: async () => {
        await asAdmin('PATCH', `/api/orders/cancel/${order}`);
        await asAdmin('DELETE', `/api/customers/${owner.id}`);
      },
    }),
    event: { action: 'customer.restored', fields: ['deletedAt'], kind: 'admin' },
    refused: ({ owner }) => ({ path: `/api/customers/restore/${owner.id}`, as: 'admin' }),
  },
  'POST /api/customers/{id}/erase': {
    changes: ({ owner, order }) => ({
      path: `/api/customers/${owner.id}/erase`,
      as: 'owner',
      options: { body: { currentPassword: owner.password } },
      before: () => asAdmin('PATCH', `/api/orders/cancel/${order}`),
    }),
    event: { action: 'customer.erased', fields: ['email', 'name', 'password', 'phone'], kind: 'owner' },
    refused: ({ owner }) => ({ path: `/api/customers/${owner.id}/erase`, as: 'admin' }),
  },
  'POST /api/auth/totp': {
    refused: () => ({ path: '/api/auth/totp', as: 'owner', options: { body: { currentPassword: 'not this one' } } }),
    nothing: ({ owner }) => ({
      path: '/api/auth/totp',
      as: 'owner',
      options: { body: { currentPassword: owner.password } },
    }),
  },
  'POST /api/auth/totp/confirm': {
    changes: ({ begun }) => ({
      path: '/api/auth/totp/confirm',
      as: 'stranger',
      options: { body: { code: totpCode(begun) } },
    }),
    event: { action: 'customer.totp_enabled', fields: ['totp'], kind: 'stranger' },
    refused: () => ({ path: '/api/auth/totp/confirm', as: 'owner', options: { body: { code: '000000' } } }),
  },
  'POST /api/auth/totp/remove': {
    changes: ({ stranger, begun }) => ({
      path: '/api/auth/totp/remove',
      as: 'stranger',
      options: { body: { currentPassword: stranger.password, code: totpCode(begun, 1) } },
      before: async () => {
        await ask('POST', '/api/auth/totp/confirm', { token: stranger.token, body: { code: totpCode(begun) } });
      },
    }),
    event: { action: 'customer.totp_disabled', fields: ['totp'], kind: 'stranger' },
    refused: ({ owner }) => ({
      path: '/api/auth/totp/remove',
      as: 'owner',
      options: { body: { currentPassword: owner.password, code: '000000' } },
    }),
  },
  'POST /api/keys': {
    changes: () => ({
      path: '/api/keys',
      as: 'admin',
      options: { body: { name: 'Warehouse', scopes: ['stock:write'], expiresAt: '2099-01-01T00:00:00Z' } },
    }),
    event: { action: 'key.created', fields: ['expiresAt', 'name', 'scopes'], kind: 'admin' },
    refused: () => ({ path: '/api/keys', as: 'admin', options: { body: { name: 'Warehouse', scopes: [] } } }),
  },
  'DELETE /api/keys/{id}': {
    changes: ({ key }) => ({ path: `/api/keys/${key}`, as: 'admin' }),
    event: { action: 'key.revoked', fields: ['name', 'scopes'], kind: 'admin' },
    refused: ({ key }) => ({ path: `/api/keys/${key}`, as: 'owner' }),
  },
  'POST /api/products': {
    changes: () => ({ path: '/api/products', as: 'admin', options: { body: mug } }),
    event: { action: 'product.created', fields: ['name', 'priceCents', 'stock'], kind: 'admin' },
    refused: () => ({ path: '/api/products', as: 'admin', options: { body: { ...mug, stock: -1 } } }),
  },
  'POST /api/products/batch': {
    changes: () => ({
      path: '/api/products/batch',
      as: 'admin',
      options: { body: { items: [{ ...mug, sku: randomUUID() }] } },
    }),
    event: { action: 'product.created', fields: ['name', 'priceCents', 'sku', 'stock'], kind: 'admin' },
    refused: () => ({ path: '/api/products/batch', as: 'admin', options: { body: { items: [mug] } } }),
  },
  'PUT /api/products/{id}': {
    changes: ({ product }) => ({
      path: `/api/products/${product}`,
      as: 'admin',
      options: { body: { ...mug, priceCents: 1_499, stock: 12 } },
    }),
    event: { action: 'product.updated', fields: ['priceCents', 'stock'], kind: 'admin' },
    refused: ({ product }) => ({
      path: `/api/products/${product}`,
      as: 'admin',
      options: { body: { ...mug, stock: 12 }, headers: { 'If-Match': '"0"' } },
    }),
    nothing: ({ product }) => ({
      path: `/api/products/${product}`,
      as: 'admin',
      options: { body: { ...mug, stock: mug.stock - 1 } },
    }),
  },
  'DELETE /api/products/{id}': {
    changes: ({ product }) => ({ path: `/api/products/${product}`, as: 'admin' }),
    event: { action: 'product.deleted', fields: ['deletedAt'], kind: 'admin' },
    refused: () => ({ path: `/api/products/${randomUUID()}`, as: 'admin' }),
  },
  'PATCH /api/products/restore/{id}': {
    changes: ({ product }) => ({
      path: `/api/products/restore/${product}`,
      as: 'admin',
      before: () => asAdmin('DELETE', `/api/products/${product}`),
    }),
    event: { action: 'product.restored', fields: ['deletedAt'], kind: 'admin' },
    refused: ({ product }) => ({ path: `/api/products/restore/${product}`, as: 'admin' }),
  },
  'POST /api/stock-changes': {
    changes: ({ product }) => ({
      path: '/api/stock-changes',
      as: 'admin',
      options: { body: { productId: product, change: 3, reason: 'received' } },
    }),
    event: { action: 'stock.changed', fields: ['stock'], kind: 'admin' },
    refused: ({ product }) => ({
      path: '/api/stock-changes',
      as: 'admin',
      options: { body: { productId: product, change: -11, reason: 'damaged' } },
    }),
  },
  'PUT /api/customers/{id}': {
    changes: ({ owner }) => ({
      path: `/api/customers/${owner.id}`,
      as: 'owner',
      options: { body: { ...profile(owner), name: 'Grace', phone: '+12025550123' } },
    }),
    event: { action: 'customer.updated', fields: ['name', 'phone'], kind: 'owner' },
    refused: ({ owner }) => ({
      path: `/api/customers/${owner.id}`,
      as: 'owner',
      options: { body: { ...profile(owner), email: admin.email } },
    }),
    nothing: ({ owner }) => ({ path: `/api/customers/${owner.id}`, as: 'owner', options: { body: profile(owner) } }),
  },
  'PATCH /api/customers/email/{id}': {
    changes: ({ owner }) => ({
      path: `/api/customers/email/${owner.id}`,
      as: 'admin',
      options: { body: { email: freshEmail() } },
    }),
    event: { action: 'customer.email_changed', fields: ['email'], kind: 'admin' },
    refused: ({ owner, stranger }) => ({
      path: `/api/customers/email/${owner.id}`,
      as: 'owner',
      options: { body: { email: stranger.email } },
    }),
    nothing: ({ owner }) => ({
      path: `/api/customers/email/${owner.id}`,
      as: 'owner',
      options: { body: { email: owner.email } },
    }),
  },
  'PATCH /api/customers/phone/{id}': {
    changes: ({ owner }) => ({
      path: `/api/customers/phone/${owner.id}`,
      as: 'owner',
      options: { body: { phone: '+12025550123' } },
    }),
    event: { action: 'customer.updated', fields: ['phone'], kind: 'owner' },
    refused: ({ owner }) => ({
      path: `/api/customers/phone/${owner.id}`,
      as: 'stranger',
      options: { body: { phone: '+12025550123' } },
    }),
    nothing: ({ owner }) => ({
      path: `/api/customers/phone/${owner.id}`,
      as: 'owner',
      options: { body: { phone: null } },
    }),
  },
  'DELETE /api/customers/{id}': {
    changes: ({ owner, order }) => ({
      path: `/api/customers/${owner.id}`,
      as: 'owner',
      before: () => asAdmin('PATCH', `/api/orders/cancel/${order}`),
    }),
    event: { action: 'customer.deleted', fields: ['deletedAt'], kind: 'owner' },
    refused: ({ owner }) => ({ path: `/api/customers/${owner.id}`, as: 'owner' }),
  },
  'POST /api/customers/{id}/sign-out': {
    changes: ({ owner }) => ({ path: `/api/customers/${owner.id}/sign-out`, as: 'admin' }),
    event: { action: 'customer.signed_out', fields: [], kind: 'admin' },
    refused: ({ owner }) => ({ path: `/api/customers/${owner.id}/sign-out`, as: 'stranger' }),
  },
  'POST /api/orders': {
    refused: ({ product }) => ({
      path: '/api/orders',
      as: 'owner',
      options: { body: { items: [{ productId: product, quantity: 1_000 }] } },
    }),
    // Orders placed have their own history.
    nothing: ({ product }) => ({
      path: '/api/orders',
      as: 'owner',
      options: { body: { items: [{ productId: product, quantity: 1 }] } },
    }),
  },
  'PATCH /api/orders/address/{id}': {
    changes: ({ order }) => ({
      path: `/api/orders/address/${order}`,
      as: 'owner',
      options: { body: { shippingAddress } },
    }),
    event: { action: 'order.address_changed', fields: ['shippingAddress'], kind: 'owner' },
    refused: ({ order }) => ({
      path: `/api/orders/address/${order}`,
      as: 'stranger',
      options: { body: { shippingAddress } },
    }),
    nothing: ({ order }) => ({
      path: `/api/orders/address/${order}`,
      as: 'admin',
      options: { body: { shippingAddress: null } },
    }),
  },
  'PATCH /api/orders/status/{id}': {
    changes: ({ order }) => ({
      path: `/api/orders/status/${order}`,
      as: 'admin',
      options: { body: { status: 'processing' } },
    }),
    event: { action: 'order.status_changed', fields: ['status'], kind: 'admin' },
    refused: ({ order }) => ({
      path: `/api/orders/status/${order}`,
      as: 'admin',
      options: { body: { status: 'delivered' } },
    }),
    nothing: ({ order }) => ({
      path: `/api/orders/status/${order}`,
      as: 'admin',
      options: { body: { status: 'pending' } },
    }),
  },
  'PATCH /api/orders/hold/{id}': {
    changes: ({ order }) => ({ path: `/api/orders/hold/${order}`, as: 'admin', options: { body: { reason: 'Why' } } }),
    event: { action: 'order.held', fields: ['hold'], kind: 'admin' },
    refused: ({ order }) => ({ path: `/api/orders/hold/${order}`, as: 'owner', options: { body: { reason: 'Why' } } }),
  },
  'PATCH /api/orders/release/{id}': {
    changes: ({ order }) => ({
      path: `/api/orders/release/${order}`,
      as: 'admin',
      before: () => ask('PATCH', `/api/orders/hold/${order}`, { token: adminToken, body: { reason: 'Why' } }),
    }),
    event: { action: 'order.released', fields: ['hold'], kind: 'admin' },
    refused: ({ order }) => ({ path: `/api/orders/release/${order}`, as: 'admin' }),
  },
  'PATCH /api/orders/cancel/{id}': {
    changes: ({ order }) => ({ path: `/api/orders/cancel/${order}`, as: 'owner' }),
    event: { action: 'order.cancelled', fields: ['status'], kind: 'owner' },
    refused: ({ order }) => ({ path: `/api/orders/cancel/${order}`, as: 'stranger' }),
  },
  'PATCH /api/orders/restore/{id}': {
    changes: ({ order }) => ({
      path: `/api/orders/restore/${order}`,
      as: 'admin',
      before: () => asAdmin('PATCH', `/api/orders/cancel/${order}`),
    }),
    event: { action: 'order.restored', fields: ['run', 'status'], kind: 'admin' },
    refused: ({ order }) => ({ path: `/api/orders/restore/${order}`, as: 'admin' }),
  },
  'DELETE /api/orders/{id}': {
    changes: ({ order }) => ({ path: `/api/orders/${order}`, as: 'owner', before: () => makeOld(shop.db, order) }),
    event: { action: 'order.deleted', fields: ['deletedAt', 'status'], kind: 'owner' },
    refused: ({ order }) => ({ path: `/api/orders/${order}`, as: 'owner' }),
  },
  'POST /api/mails/{id}/send': {
    refused: ({ mail }) => ({ path: `/api/mails/${mail}/send`, as: 'admin' }),
    nothing: ({ mail }) => ({
      path: `/api/mails/${mail}/send`,
      as: 'admin',
      before: () => shop.db`update mails set state = 'failed', due_at = null where id = ${mail}`,
    }),
  },
  'POST /api/failed-mails/send': {
    refused: () => ({ path: '/api/failed-mails/send', as: 'owner' }),
    nothing: () => ({ path: '/api/failed-mails/send', as: 'admin' }),
  },
  'POST /api/webhooks': {
    changes: () => ({ path: '/api/webhooks', as: 'admin', options: { body: hook } }),
    event: { action: 'webhook.created', fields: ['events', 'url'], kind: 'admin' },
    refused: () => ({ path: '/api/webhooks', as: 'admin', options: { body: { ...hook, url: 'http://localhost/' } } }),
  },
  'PUT /api/webhooks/{id}': {
    changes: ({ webhook }) => ({
      path: `/api/webhooks/${webhook}`,
      as: 'admin',
      options: { body: { ...hook, description: 'Warehouse' } },
      before: () => shop.db`update webhooks set disabled_at = now() where id = ${webhook}`,
    }),
    event: { action: 'webhook.updated', fields: ['description', 'disabledAt'], kind: 'admin' },
    refused: ({ webhook }) => ({ path: `/api/webhooks/${webhook}`, as: 'owner', options: { body: hook } }),
    nothing: ({ webhook }) => ({ path: `/api/webhooks/${webhook}`, as: 'admin', options: { body: hook } }),
  },
  'DELETE /api/webhooks/{id}': {
    changes: ({ webhook }) => ({ path: `/api/webhooks/${webhook}`, as: 'admin' }),
    event: { action: 'webhook.deleted', fields: ['deletedAt'], kind: 'admin' },
    refused: () => ({ path: `/api/webhooks/${randomUUID()}`, as: 'admin' }),
  },
  'POST /api/webhooks/{id}/secret': {
    changes: ({ webhook }) => ({ path: `/api/webhooks/${webhook}/secret`, as: 'admin' }),
    event: { action: 'webhook.secret_changed', fields: ['secret'], kind: 'admin' },
    refused: () => ({ path: `/api/webhooks/${randomUUID()}/secret`, as: 'admin' }),
  },
  'POST /api/webhooks/{id}/test': {
    refused: ({ webhook }) => ({ path: `/api/webhooks/${webhook}/test`, as: 'owner' }),
    nothing: ({ webhook }) => ({ path: `/api/webhooks/${webhook}/test`, as: 'admin' }),
  },
  'POST /api/webhook-deliveries/{id}/send': {
    refused: ({ delivery }) => ({ path: `/api/webhook-deliveries/${delivery}/send`, as: 'owner' }),
    nothing: ({ delivery }) => ({ path: `/api/webhook-deliveries/${delivery}/send`, as: 'admin' }),
  },
  'POST /api/failed-webhook-deliveries/send': {
    refused: () => ({ path: '/api/failed-webhook-deliveries/send', as: 'owner' }),
    nothing: () => ({ path: '/api/failed-webhook-deliveries/send', as: 'admin' }),
  },
};

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  const [row] = await shop.db`select id from customers where role = 'admin'`;
  adminId = row?.id;
});

afterAll(() => shop.stop());

async function setTheScene(): Promise<Scene> {
  const [owner, stranger, { id: product }] = await Promise.all([
    openAccount(shop),
    openAccount(shop),
    createProduct(shop.url, adminToken, mug),
  ]);
  const { id: order } = await placeOrder(shop.url, owner.token, [{ productId: product, quantity: 1 }]);
  const [mail] = await shop.db<{ id: string }[]>`select id from mails where order_id = ${order}`;
  const body = { name: 'Till', scopes: ['audit:read'] };
  const { id: key } = (await ask<{ id: string }>('POST', '/api/keys', { token: adminToken, body })).body;
  const [webhook] = await shop.db<{ id: string }[]>`
    insert into webhooks (id, url, events, secret, created_at, updated_at)
    values (uuid_v7(), ${hook.url}, ${hook.events}, 'whsec_x', now(), now()) returning id`;
  const [delivery] = await shop.db<{ id: string }[]>`
    insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, state, created_at)
    values (${webhook?.id ?? ''}, 'webhook.test', uuid_v7(), 1, '{}', 'failed', now()) returning id`;
  const { secret: begun } = (
    await ask<{ secret: string }>('POST', '/api/auth/totp', {
      token: stranger.token,
      body: { currentPassword: stranger.password },
    })
  ).body;
  const owed = { mail: mail?.id ?? '', webhook: webhook?.id ?? '', delivery: delivery?.id ?? '' };
  return { owner, stranger, product, order, ...owed, key, begun };
}

const countEvents = async () => Number((await shop.db`select count(*) from audit_events`)[0]?.count);

async function eventsOf(query: string): Promise<AuditEventBody[]> {
  const answer = await ask<{ data: AuditEventBody[] }>('GET', `/api/audit-events?${query}`, { token: adminToken });
  expect(answer.status).toBe(200);
  return answer.body.data;
}

/** Sends what a row says, and gives back the answer and how many events it has left. */
async function send(method: string, scene: Scene, make: Send): Promise<{ answer: Answer<unknown>; events: number }> {
  const { path, as, options = {}, before } = make(scene);
  await before?.();
  const tokens = { owner: scene.owner.token, stranger: scene.stranger.token, admin: adminToken };
  const eventsBefore = await countEvents();
  const sent = typeof options === 'function' ? await options() : options;
  const answer = await ask(method, path, { ...sent, ...(as && { token: tokens[as] }) });
  return { answer, events: (await countEvents()) - eventsBefore };
}

describe('Audit events', () => {
  test('of every route that changes something › are in the table above', async () => {
    const operations = operationsOf(await readDocument(shop.url));
    expect(operations.filter((name) => !name.startsWith('GET ')).sort()).toEqual(Object.keys(rows).sort());
  });
});

describe.each(Object.entries(rows))('%s', (operation, { changes, event, refused, nothing }) => {
  const [method = ''] = operation.split(' ');

  test('when it is refused › leaves no event', async () => {
    const { answer, events } = await send(method, await setTheScene(), refused);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(events).toBe(0);
  });

  if (nothing) {
    test('when it changes nothing that events tell › leaves none', async () => {
      const { answer, events } = await send(method, await setTheScene(), nothing);
      expect(answer.status).toBeLessThan(300);
      expect(events).toBe(0);
    });
  }

  if (changes && event) {
    test('when it changes something › leaves one event of who did what', async () => {
      const scene = await setTheScene();
      const { answer, events } = await send(method, scene, changes);
      expect(answer.status).toBeLessThan(300);
      expect(events).toBe(1);
      const [written] = await eventsOf('limit=1');
      const self = { kind: 'customer', id: written?.subject.id ?? null };
      const actors = {
        owner: { kind: 'customer', id: scene.owner.id },
        stranger: { kind: 'customer', id: scene.stranger.id },
        admin: { kind: 'admin', id: adminId },
      };
      const [noun = ''] = event.action.split('.');
      const subject = noun === 'stock' ? 'product' : noun;
      const about = {
        customer: event.kind === 'stranger' ? scene.stranger.id : scene.owner.id,
        product: scene.product,
        order: scene.order,
        key: scene.key,
        webhook: scene.webhook,
      }[subject];
      const body = answer.body as { id?: string; results?: { id: string }[] } | null;
      const made = event.action.endsWith('.created') ? (body?.id ?? body?.results?.[0]?.id ?? '') : about;
      expect(written).toEqual({
        id: expect.any(String),
        at: expect.any(String),
        actor: event.kind ? actors[event.kind] : self,
        action: event.action,
        subject: { kind: subject, id: made },
        changes: expect.any(Object),
        requestId: answer.headers.get('X-Request-Id'),
      } as AuditEventBody);
      expect(Object.keys(written?.changes ?? {}).sort()).toEqual(event.fields);
    });
  }
});

describe('An audit event', () => {
  test('of a product › tells each value before and after', async () => {
    const { id } = await createProduct(shop.url, adminToken, mug);
    const body = { ...mug, name: 'Tin mug', description: 'Blue', priceCents: 0 };
    await ask('PUT', `/api/products/${id}`, { token: adminToken, body });
    const [updated, created] = await eventsOf(`subjectId=${id}`);
    expect(created?.changes).toEqual({
      name: { from: null, to: 'Enamel mug' },
      priceCents: { from: null, to: 1_299 },
      stock: { from: null, to: 10 },
    });
    expect(updated?.changes).toEqual({
      name: { from: 'Enamel mug', to: 'Tin mug' },
      description: { from: null, to: 'Blue' },
      priceCents: { from: 1_299, to: 0 },
    });
  });

  test('of an account › holds nothing that is personal or secret', async () => {
    const owner = await openAccount(shop, { name: 'Ada Unmistakable', phone: '+12025550199' });
    const { id, token, email, password } = owner;
    const body = { name: 'Grace Unmistakable', email: freshEmail(), phone: '+12025550198' };
    await ask('PUT', `/api/customers/${id}`, { token, body });
    const newPassword = 'unmistakable too';
    await ask('POST', '/api/auth/password', { token, body: { currentPassword: password, newPassword } });
    const [row] = await shop.db`select password_hash as hash from customers where id = ${id}`;
    const held = JSON.stringify(await shop.db`select * from audit_events where subject_id = ${id}`);
    expect(held).toContain('customer.password_changed');
    const secrets = ['Unmistakable', '+1202555', email, body.email, password, newPassword, String(row?.hash)];
    expect(secrets.filter((secret) => held.includes(secret))).toEqual([]);
    const [, changed] = await eventsOf(`subjectId=${id}`);
    expect(changed).toMatchObject({ action: 'customer.email_changed', changes: { name: {}, email: {}, phone: {} } });
  });

  test('of the shop itself › names nobody and no request', async () => {
    const [first] = await eventsOf(`subjectId=${adminId}&action=customer.created`);
    expect(first).toMatchObject({ actor: { kind: 'system', id: null }, requestId: null });
  });

  test('when it cannot be written › is no event, and the change is not made', async () => {
    const { owner, product, order } = await setTheScene();
    await shop.db`create function refuse_event() returns trigger language plpgsql as $$ begin raise 'no'; end $$`;
    await shop.db`create trigger refuse_event before insert on audit_events execute function refuse_event()`;
    try {
      const answers = await Promise.all([
        request(shop.url, 'DELETE', `/api/products/${product}`, { token: adminToken }),
        request(shop.url, 'PATCH', `/api/orders/cancel/${order}`, { token: owner.token }),
        request(shop.url, 'PATCH', `/api/customers/phone/${owner.id}`, {
          token: owner.token,
          body: { phone: '+4912345678' },
        }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([500, 500, 500]);
    } finally {
      await shop.db`drop trigger refuse_event on audit_events`;
      await shop.db`drop function refuse_event`;
    }
    expect((await ask('GET', `/api/products/${product}`)).status).toBe(200);
    expect((await ask('GET', `/api/orders/${order}`, { token: owner.token })).body).toMatchObject({
      status: 'pending',
    });
    expect((await ask('GET', `/api/customers/${owner.id}`, { token: owner.token })).body).toMatchObject({
      phone: null,
    });
  });

  test('when twenty ask at once, of two processes › is one for each change that took effect', async () => {
    const { owner, product, order } = await setTheScene();
    const urls = [shop.api(0).url, shop.api(1).url];
    const many = (method: string, path: string, options: RequestOptions) =>
      Promise.all(
        Array.from({ length: 20 }, (_, index) => request(urls[index % 2] ?? shop.url, method, path, options)),
      );
    const [cancelled, deleted, named] = await Promise.all([
      many('PATCH', `/api/orders/cancel/${order}`, { token: owner.token }),
      many('DELETE', `/api/products/${product}`, { token: adminToken }),
      many('PATCH', `/api/customers/phone/${owner.id}`, { token: owner.token, body: { phone: '+12025550123' } }),
    ]);
    const done = (answers: Answer<unknown>[]) => answers.filter(({ status }) => status < 300).length;
    expect([done(cancelled), done(deleted), done(named)]).toEqual([1, 1, 20]);
    const left = async (id: string, action: string) => (await eventsOf(`subjectId=${id}&action=${action}`)).length;
    expect(await left(order, 'order.cancelled')).toBe(1);
    expect(await left(product, 'product.deleted')).toBe(1);
    expect(await left(owner.id, 'customer.updated')).toBe(1);
  });
});

describe('GET /api/audit-events', () => {
  test('when filtered › shows what matches all of the filters', async () => {
    const { owner, order } = await setTheScene();
    await ask('PATCH', `/api/customers/phone/${owner.id}`, { token: owner.token, body: { phone: '+12025550123' } });
    await ask('PATCH', `/api/orders/cancel/${order}`, { token: owner.token });
    await ask('PATCH', `/api/orders/restore/${order}`, { token: adminToken });
    const actions = async (query: string) => (await eventsOf(query)).map(({ action }) => action);
    expect(await actions(`subjectId=${order}`)).toEqual(['order.restored', 'order.cancelled']);
    expect(await actions(`actorId=${owner.id}`)).toEqual(['order.cancelled', 'customer.updated']);
    expect(await actions(`actorId=${owner.id.toUpperCase()}&action=order.cancelled`)).toEqual(['order.cancelled']);
    expect(await actions(`actorId=${owner.id}&subjectId=${order}&action=order.restored`)).toEqual([]);
    expect(await actions(`subjectId=${randomUUID()}`)).toEqual([]);
    expect(await actions(`subjectId=${order}&actorId=&action=`)).toHaveLength(2);
  });

  test('when walked by its cursors › shows each event once, newest first', async () => {
    const { id } = await createProduct(shop.url, adminToken, mug);
    for (const stock of [1, 2, 3, 4, 5, 6]) {
      await ask('PUT', `/api/products/${id}`, { token: adminToken, body: { ...mug, stock } });
    }
    type Page = { data: AuditEventBody[]; pagination: { nextCursor: string | null; totalItems: number } };
    const seen: unknown[] = [];
    const walk = async (cursor: string): Promise<void> => {
      const path = `/api/audit-events?subjectId=${id}&limit=3&cursor=${cursor}`;
      const { data, pagination } = (await ask<Page>('GET', path, { token: adminToken })).body;
      expect(pagination.totalItems).toBe(7);
      seen.push(...data.map(({ changes }) => changes.stock?.to));
      if (pagination.nextCursor) await walk(pagination.nextCursor);
    };
    await walk('');
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 10]);
    const second = `/api/audit-events?subjectId=${id}&limit=3&page=2`;
    const { body } = await ask<Page>('GET', second, { token: adminToken });
    expect(body.data.map(({ changes }) => changes.stock?.to)).toEqual([3, 2, 1]);
  });

  test('when asked for what cannot be › is refused', async () => {
    for (const [query, name] of [
      ['actorId=x', 'actorId'],
      ['subjectId=1', 'subjectId'],
      ['action=product.eaten', 'action'],
      ['cursor=x', 'cursor'],
      ['sort=at', 'sort'],
    ] as const) {
      expectInvalid(await ask('GET', `/api/audit-events?${query}`, { token: adminToken }), name);
    }
  });

  test('when asked by a customer or nobody › is refused', async () => {
    const { token } = await openAccount(shop);
    expectProblem(await ask('GET', '/api/audit-events', { token }), 403, 'forbidden');
    expectProblem(await ask('GET', '/api/audit-events'), 401, 'unauthenticated');
  });

  test('when somebody would change or delete an event › knows no such thing', async () => {
    const [event] = await eventsOf('limit=1');
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const answer = await request(shop.url, method, `/api/audit-events/${event?.id}`, { token: adminToken, body: {} });
      expectProblem(answer, 404, 'not_found');
    }
    expectProblem(await ask('DELETE', '/api/audit-events', { token: adminToken }), 405, 'method_not_allowed');
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { request, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests } from './support/document.ts';
import { type Shop, startShop } from './support/shop.ts';

type Schema = {
  $ref?: string;
  type?: string | string[];
  example?: unknown;
  enum?: unknown[];
  default?: unknown;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
};
type Operation = {
  operationId: string;
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema: Schema }[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
};
type ApiDocument = {
  paths: Record<string, Record<string, Operation>>;
  webhooks?: object;
  components: { schemas: Record<string, Schema> };
};

/** Generated clients call operations by these names: one may be added, none may change or go. */
const operationIds: Record<string, string> = {
  'POST /api/auth/register': 'register',
  'POST /api/auth/login': 'signIn',
  'POST /api/auth/logout': 'logOut',
  'POST /api/auth/password': 'changePassword',
  'POST /api/auth/totp': 'startTotp',
  'POST /api/auth/totp/confirm': 'confirmTotp',
  'POST /api/auth/totp/remove': 'removeTotp',
  'POST /api/auth/password/forgot': 'forgetPassword',
  'POST /api/auth/password/reset': 'resetPassword',
  'POST /api/auth/email/send-verification': 'sendVerification',
  'POST /api/auth/email/verify': 'verifyEmail',
  'GET /api/products': 'listProducts',
  'POST /api/products': 'createProduct',
  'GET /api/products/{id}': 'getProduct',
  'PUT /api/products/{id}': 'replaceProduct',
  'DELETE /api/products/{id}': 'deleteProduct',
  'POST /api/products/batch': 'writeProductBatch',
  'PATCH /api/products/restore/{id}': 'restoreProduct',
  'GET /api/customers': 'listCustomers',
  'GET /api/customers/{id}': 'getCustomer',
  'PUT /api/customers/{id}': 'replaceCustomer',
  'DELETE /api/customers/{id}': 'deleteCustomer',
  'PATCH /api/customers/email/{id}': 'changeCustomerEmail',
  'PATCH /api/customers/phone/{id}': 'changeCustomerPhone',
  'POST /api/customers/{id}/sign-out': 'signOutCustomer',
  'PATCH /api/customers/restore/{id}': 'restoreCustomer',
  'GET /api/customers/{id}/export': 'exportCustomer',
  'POST /api/customers/{id}/erase': 'eraseCustomer',
  'GET /api/orders': 'listOrders',
  'POST /api/orders': 'placeOrder',
  'GET /api/orders/{id}': 'getOrder',
  'DELETE /api/orders/{id}': 'deleteOrder',
  'PATCH /api/orders/address/{id}': 'changeOrderAddress',
  'PATCH /api/orders/status/{id}': 'changeOrderStatus',
  'PATCH /api/orders/hold/{id}': 'holdOrder',
  'PATCH /api/orders/release/{id}': 'releaseOrder',
  'PATCH /api/orders/cancel/{id}': 'cancelOrder',
  'PATCH /api/orders/restore/{id}': 'restoreOrder',
  'GET /api/mails': 'listMails',
  'POST /api/mails/{id}/send': 'sendMail',
  'POST /api/failed-mails/send': 'sendFailedMails',
  'GET /api/sessions': 'listSessions',
  'DELETE /api/sessions/{id}': 'endSession',
  'POST /api/keys': 'createKey',
  'GET /api/keys': 'listKeys',
  'DELETE /api/keys/{id}': 'revokeKey',
  'GET /api/audit-events': 'listAuditEvents',
  'GET /api/stock-changes': 'listStockChanges',
  'POST /api/stock-changes': 'bookStockChange',
  'GET /api/exports/products': 'exportProducts',
  'GET /api/exports/orders': 'exportOrders',
  'GET /api/reports/sales': 'getSalesReport',
  'GET /media/{file}': 'getMedia',
  'GET /api/webhooks': 'listWebhooks',
  'POST /api/webhooks': 'createWebhook',
  'GET /api/webhooks/{id}': 'getWebhook',
  'PUT /api/webhooks/{id}': 'replaceWebhook',
  'DELETE /api/webhooks/{id}': 'deleteWebhook',
  'POST /api/webhooks/{id}/secret': 'renewWebhookSecret',
  'POST /api/webhooks/{id}/test': 'testWebhook',
  'GET /api/webhook-deliveries': 'listWebhookDeliveries',
  'POST /api/webhook-deliveries/{id}/send': 'sendWebhookDelivery',
  'POST /api/failed-webhook-deliveries/send': 'sendFailedWebhookDeliveries',
  'GET /healthz': 'getHealth',
  'GET /readyz': 'getReadiness',
  'GET /metrics': 'getMetrics',
};

let shop: Shop;
let ask: Ask;
let document: ApiDocument;
let adminToken: string;

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
  document = (await request<ApiDocument>(shop.url, 'GET', '/openapi.json')).body;
  adminToken = await signInAdmin(shop.url);
});

afterAll(() => shop.stop());

describe('The OpenAPI document', () => {
  test('calls every operation as before', () => {
    const found = operations().map(({ method, path, operation }) => [`${method} ${path}`, operation.operationId]);
    expect(Object.fromEntries(found)).toEqual(operationIds);
  });

  test('says of every parameter what it is for', () => {
    const undescribed = operations().flatMap(({ operation: { operationId, parameters = [] } }) =>
      parameters.filter(({ description }) => !description).map(({ name }) => `${operationId}: ${name}`),
    );
    expect(undescribed).toEqual([]);
  });

  test('has no defaults, which generated clients would send along or demand', () => {
    const defaults: unknown[] = [];
    JSON.stringify(document, (_key, value) => {
      if (value instanceof Object && 'default' in value) defaults.push(value);
      return value;
    });
    expect(defaults).toEqual([]);
  });

  /** What the examples of a schema make of it. @throws where one is missing of what is required */
  function exampleOf(schema: Schema, at: string): unknown {
    if (schema.example !== undefined) return schema.example;
    if (schema.$ref) return exampleOf(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, at);
    if (schema.enum) return schema.enum[0];
    const [type] = [schema.type ?? []].flat();
    if (type === 'object') {
      const members = Object.entries(schema.properties ?? {});
      return Object.fromEntries(members.map(([name, member]) => [name, exampleOf(member, `${at}.${name}`)]));
    }
    if (type === 'array' && schema.items) return [exampleOf(schema.items, `${at}[]`)];
    if (type === 'boolean') return false;
    throw new Error(`There is no example of ${at}.`);
  }

  /** Valid, and yet refused: tokens and products are those of another shop. */
  const refusedFor: Record<string, string> = {
    resetPassword: 'token_invalid',
    verifyEmail: 'token_invalid',
    placeOrder: 'unknown_product',
    bookStockChange: 'unknown_product',
  };

  test('has examples of every body, which pass', async () => {
    const withBody = operations().filter(({ operation }) => operation.requestBody);
    expect(withBody.length).toBeGreaterThan(20);
    for (const { method, path, operation } of withBody) {
      const { operationId, requestBody, parameters = [] } = operation;
      const body = exampleOf(requestBody?.content['application/json'].schema ?? {}, operationId);
      const values = new Map(parameters.map(({ name, schema }) => [name, String(schema.example)]));
      const { status, body: answer } = await ask<{ code?: string } | null>(
        method,
        path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => values.get(name) ?? ''),
        {
          body,
          token: adminToken,
          ...(values.has('Idempotency-Key') && { headers: { 'Idempotency-Key': values.get('Idempotency-Key') ?? '' } }),
        },
      );
      if (status === 422) expect([operationId, answer?.code]).toEqual([operationId, refusedFor[operationId]]);
      else expect([operationId, status]).not.toEqual([operationId, 400]);
    }
  });
});

describe('The OpenAPI document for 3.0', () => {
  test('has the same operations and schemas, and nothing that 3.0 lacks', async () => {
    const { status, body } = await request<ApiDocument & { openapi: string }>(shop.url, 'GET', '/openapi-3.0.json');
    expect(status).toBe(200);
    expect(body.openapi).toBe('3.0.3');
    expect(body.webhooks).toBeUndefined();
    expect(Object.keys(body.paths)).toEqual(Object.keys(document.paths));
    // What webhooks alone are sent.
    const names = Object.keys(document.components.schemas).filter((name) => name !== 'OrderEventData');
    expect(Object.keys(body.components.schemas).toSorted()).toEqual(names.toSorted());
    expect(JSON.stringify(body)).not.toContain('"type":[');
    const ways = Object.values(body.paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ security }) => security.flatMap((way) => Object.values(way))),
    );
    expect(ways.length).toBeGreaterThan(50);
    expect(ways.filter((scopes) => scopes.length > 0)).toEqual([]);
  });
});

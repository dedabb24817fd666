import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { isStaff } from '../domain/customers/actor.ts';
import {
  changeCustomer,
  deleteCustomer,
  getCustomer,
  listCustomers,
  restoreCustomer,
  signOut,
} from '../domain/customers/customers.ts';
import {
  eventsOf,
  idempotencyKeysOf,
  keysOf,
  mailsOf,
  ordersOf,
  secondFactorSince,
  sessionsOf,
} from '../domain/customers/export.ts';
import { eraseCustomer } from '../domain/customers/privacy.ts';
import { orderView } from '../domain/orders/changes.ts';
import { ShopError } from '../errors.ts';
import { waitEndsAt } from '../lib/deadline.ts';
import type { CallerActor, Guards } from '../middleware/auth.ts';
import { revalidate } from '../middleware/conditional.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendCachedList, sendStream } from '../middleware/list-answers.ts';
import {
  bearer,
  bearerOrKey,
  bodyProblems,
  ifNoneMatch,
  json,
  jsonBody,
  ofCallersAndKeys,
  ofSelfOrAdmins,
  problems,
  unchanged,
} from '../middleware/openapi.ts';
import { requireJson, requireJsonIfSent } from '../middleware/request-body.ts';
import { serializeAuditEvent } from '../schema/audit-events.ts';
import { idParams, noQuery, serializeMoment } from '../schema/common.ts';
import {
  type CustomerExportBody,
  customerExportSchema,
  type ExportParts,
  writeExport,
} from '../schema/customer-export.ts';
import {
  customerListSchema,
  customerQuerySchema,
  customerSchema,
  emailChangeSchema,
  erasureSchema,
  type ProfileChange,
  phoneChangeSchema,
  profileSchema,
  serializeCustomer,
} from '../schema/customers.ts';
import { serializeKey } from '../schema/keys.ts';
import { serializeMail } from '../schema/mails.ts';
import { serializeOrder } from '../schema/orders.ts';
import { serializeSession } from '../schema/sessions.ts';
import type { ApiServices } from '../services.ts';
import { createAttempts } from './attempts.ts';

type CustomerServices = Pick<
  ApiServices,
  'accountMails' | 'cache' | 'passwords' | 'read' | 'readList' | 'settings' | 'throttle' | 'transaction'
>;

async function* mapEach<Row, Body>(pages: AsyncIterable<Row[]>, body: (row: Row) => Body): AsyncGenerator<Body> {
  for await (const rows of pages) {
    for (const row of rows) yield body(row);
  }
}

/** Customers' accounts. */
export function customerRoutes(services: CustomerServices, { signedIn, selfOrAdmin, adminOnly }: Guards) {
  const { cache, settings } = services;
  const { reauthenticated } = createAttempts(services);

  const terms = { reserved: settings.adminEmail, verifiesEmails: settings.verifiesEmails };

  async function change(id: string, profile: ProfileChange, actor: CallerActor) {
    const { customer, mailIds } = await services.transaction((tx) => changeCustomer(tx, id, profile, actor, terms));
    void services.accountMails.enqueue(mailIds, actor.requestId);
    await cache.invalidate('customers');
    return serializeCustomer(customer);
  }

  /** All that is held, each list read while it is sent. */
  async function partsOf(
    customer: Awaited<ReturnType<typeof getCustomer>>,
    { sessionId, staff }: { sessionId: string | undefined; staff: boolean },
  ): Promise<ExportParts> {
    const { read } = services;
    const { id } = customer;
    return {
      customer: serializeCustomer(customer),
      secondFactorSince: serializeMoment(await secondFactorSince(read, id)),
      sessions: mapEach(sessionsOf(read, id), (session) => serializeSession(session, sessionId)),
      keys: mapEach(keysOf(read, id), serializeKey),
      orders: mapEach(ordersOf(read, id), ({ runs, mails, ...order }) => ({
        ...serializeOrder(order, orderView(order, settings, staff)),
        runs: runs.map(({ run, status, at }) => ({ run, status, at: at.toISOString() })),
        mails: mails.map(serializeMail),
      })),
      mails: mapEach(mailsOf(read, id), serializeMail),
      idempotencyKeys: mapEach(idempotencyKeysOf(read, id), ({ key, createdAt }) => ({
        key,
        createdAt: createdAt.toISOString(),
      })),
      auditEvents: mapEach(eventsOf(read, id), serializeAuditEvent),
    };
  }

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/customers',
        operationId: 'listCustomers',
        tags: ['Customer care'],
        summary: 'List customers',
        description:
          'Lists accounts, newest first; deleted ones with `includeDeleted` alone. For somebody on the telephone, `email` finds the one account of an address, and `q` those whose name or address begins with it.',
        security: bearerOrKey('customers:read'),
        middleware: [adminOnly('customers')] as const,
        parameters: [ifNoneMatch],
        request: { query: customerQuerySchema },
        responses: {
          200: json(customerListSchema, 'A page of the accounts, newest first', 'ETag', 'X-Cache'),
          304: unchanged('X-Cache'),
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      (c) => {
        const query = c.req.valid('query');
        revalidate(c);
        const load = () => services.readList((reader) => listCustomers(reader, query));
        return sendCachedList(c, cache, 'customers', query, load, serializeCustomer);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/customers/{id}',
        operationId: 'getCustomer',
        tags: ['Customers'],
        summary: 'Read an account',
        description: 'Reads an account: yours, or as an admin anybody’s, a deleted one too.',
        security: bearerOrKey('customers:read'),
        middleware: [signedIn('customers')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(customerSchema, 'The account'),
          ...problems(...ofCallersAndKeys, 'not_found', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const customer = await services.read((reader) => getCustomer(reader, id, c.get('actor')));
        return c.json(serializeCustomer(customer), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'put',
        path: '/api/customers/{id}',
        operationId: 'replaceCustomer',
        tags: ['Customers'],
        summary: 'Replace the profile',
        description:
          'Replaces the name, e-mail address and telephone number of an account, all three. A new address is unconfirmed; both addresses are told by mail.',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(profileSchema) },
        responses: {
          200: json(customerSchema, 'The account'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found', 'email_taken'),
        },
      }),
      async (c) => c.json(await change(c.req.valid('param').id, c.req.valid('json'), c.get('actor')), 200),
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/customers/email/{id}',
        operationId: 'changeCustomerEmail',
        tags: ['Customers'],
        summary: 'Change the e-mail address',
        description: 'Changes the e-mail address of an account. The new one is unconfirmed; both are told by mail.',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(emailChangeSchema) },
        responses: {
          200: json(customerSchema, 'The account'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found', 'email_taken'),
        },
      }),
      async (c) => c.json(await change(c.req.valid('param').id, c.req.valid('json'), c.get('actor')), 200),
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/customers/phone/{id}',
        operationId: 'changeCustomerPhone',
        tags: ['Customers'],
        summary: 'Change or clear the phone number',
        description: 'Changes the telephone number of an account; `null` clears it.',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(phoneChangeSchema) },
        responses: {
          200: json(customerSchema, 'The account'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found'),
        },
      }),
      async (c) => c.json(await change(c.req.valid('param').id, c.req.valid('json'), c.get('actor')), 200),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/customers/{id}',
        operationId: 'deleteCustomer',
        tags: ['Customers'],
        summary: 'Close an account',
        description:
          'Closes an account that has no undelivered orders. All its tokens stop working at once; an admin can open it again.',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          204: { description: 'Closed' },
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'payload_too_large',
            'validation_failed',
            'last_admin',
            'customer_has_undelivered_orders',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await services.transaction((tx) => deleteCustomer(tx, id, c.get('actor')));
        await cache.invalidate('customers');
        return c.body(null, 204);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/customers/{id}/sign-out',
        operationId: 'signOutCustomer',
        tags: ['Customers'],
        summary: 'End all tokens of an account',
        description:
          'Ends every session of an account: all its tokens stop working at once, the one that this is asked with too if it is of the account.',
        security: bearer,
        middleware: [selfOrAdmin()] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          204: { description: 'Ended' },
          ...problems(...ofSelfOrAdmins, 'not_found', 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await services.transaction((tx) => signOut(tx, id, c.get('actor')));
        return c.body(null, 204);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/customers/restore/{id}',
        operationId: 'restoreCustomer',
        tags: ['Customer care'],
        summary: 'Open a deleted account again',
        description:
          'Opens a deleted account again, with the password and role that it had, and without a session. Nobody else may have its address by now.',
        security: bearerOrKey('customers:write'),
        middleware: [adminOnly('customers')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(customerSchema, 'The account'),
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'payload_too_large',
            'validation_failed',
            'customer_not_deleted',
            'customer_erased',
            'email_taken',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const customer = await services.transaction((tx) => restoreCustomer(tx, id, c.get('actor')));
        await cache.invalidate('customers');
        return c.json(serializeCustomer(customer), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/customers/{id}/export',
        operationId: 'exportCustomer',
        tags: ['Customers'],
        summary: 'Export all that is held about a person',
        description:
          'Gives all that is held about a person: account, sessions, orders with their mails, and what the audit events tell. It is made while it is sent; one that breaks off is no whole document. An admin also gets that of a deleted account.',
        security: bearer,
        middleware: [selfOrAdmin()] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(customerExportSchema, 'The export', 'Content-Disposition'),
          ...problems(...ofSelfOrAdmins, 'not_found', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const customer = await services.read((reader) => getCustomer(reader, id, c.get('actor')));
        const parts = await partsOf(customer, {
          sessionId: c.get('sessionId'),
          staff: isStaff(c.get('actor')),
        });
        return sendStream<CustomerExportBody>(c, writeExport(parts), `customer-${customer.id}.json`);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/customers/{id}/erase',
        operationId: 'eraseCustomer',
        tags: ['Customers'],
        summary: 'Erase the person behind an account',
        description:
          'Erases the person behind an account: name, address, telephone number and password are overwritten, sessions and what else is personal go, orders stay. It cannot be undone. The owner shows the password; an admin sends no body, and may erase a deleted account, too.',
        security: bearer,
        middleware: [selfOrAdmin(), requireJsonIfSent] as const,
        request: {
          params: idParams,
          query: noQuery,
          body: { content: { 'application/json': { schema: erasureSchema } }, required: false },
        },
        responses: {
          204: { description: 'Erased' },
          ...bodyProblems(
            ...ofSelfOrAdmins,
            'not_found',
            'rate_limited',
            'invalid_credentials',
            'customer_erased',
            'last_admin',
            'customer_has_undelivered_orders',
          ),
        },
      }),
      async (c) => {
        const id = c.req.valid('param').id.toLowerCase();
        const { currentPassword } = c.req.valid('json');
        const actor = c.get('actor');
        const endsAt = waitEndsAt();
        // Without the second factor that they need, an admin is the owner and no more.
        if (actor.id === id && (actor.kind === 'customer' || c.get('lacksSecondFactor'))) {
          if (currentPassword === undefined) {
            const errors = [{ path: 'currentPassword', message: 'is required of the owner' }];
            throw new ShopError('validation_failed', 'The body is not valid.', { errors });
          }
          await reauthenticated(c, id, currentPassword);
        }
        await services.transaction((tx) => eraseCustomer(tx, id, actor), endsAt);
        await cache.invalidate('customers');
        return c.body(null, 204);
      },
    );
}

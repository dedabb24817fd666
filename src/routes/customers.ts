import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { changeCustomer, deleteCustomer, getCustomer, listCustomers, signOut } from '../domain/customers/customers.ts';
import type { CallerActor, Guards } from '../middleware/auth.ts';
import { revalidate } from '../middleware/conditional.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendCachedList } from '../middleware/list-answers.ts';
import { bearer, bearerOrKey, bodyProblems, ifNoneMatch, json, jsonBody, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idParams, noQuery } from '../schema/common.ts';
import {
  customerListSchema,
  customerQuerySchema,
  customerSchema,
  emailChangeSchema,
  type ProfileChange,
  phoneChangeSchema,
  profileSchema,
  serializeCustomer,
} from '../schema/customers.ts';
import type { ApiServices } from '../services.ts';

type CustomerServices = Pick<ApiServices, 'accountMails' | 'cache' | 'read' | 'readList' | 'settings' | 'transaction'>;

/** Customers' accounts. */
export function customerRoutes(services: CustomerServices, { signedIn, adminOnly }: Guards) {
  const { cache, settings } = services;

  const terms = { reserved: settings.adminEmail, verifiesEmails: settings.verifiesEmails };

  async function change(id: string, profile: ProfileChange, actor: CallerActor) {
    const { customer, mailIds } = await services.transaction((tx) => changeCustomer(tx, id, profile, actor, terms));
    if (mailIds.length > 0) void services.accountMails.enqueue(mailIds, actor.requestId);
    await cache.invalidate('customers');
    return serializeCustomer(customer);
  }

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/customers',
        tags: ['Customers'],
        summary: 'List customers',
        description:
          'Accounts that are not deleted, newest first. For somebody on the telephone, `email` finds the one account of an address, and `q` those whose name or address begins with it.',
        security: bearerOrKey('customers:read'),
        middleware: [adminOnly('customers')] as const,
        parameters: [ifNoneMatch],
        request: { query: customerQuerySchema },
        responses: {
          200: json(customerListSchema, 'A page of the accounts, newest first', 'ETag', 'X-Cache'),
          304: { description: 'Unchanged since the entity tag in `If-None-Match`' },
          ...problems(401, 403, 422),
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
        tags: ['Customers'],
        summary: 'Read an account',
        security: bearerOrKey('customers:read'),
        middleware: [signedIn('customers')] as const,
        request: { params: idParams, query: noQuery },
        responses: { 200: json(customerSchema, 'The account'), ...problems(401, 403, 404, 422) },
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
        tags: ['Customers'],
        summary: 'Replace the profile',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(profileSchema) },
        responses: { 200: json(customerSchema, 'The account'), ...bodyProblems(401, 403, 404, 409) },
      }),
      async (c) => c.json(await change(c.req.valid('param').id, c.req.valid('json'), c.get('actor')), 200),
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/customers/email/{id}',
        tags: ['Customers'],
        summary: 'Change the e-mail address',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(emailChangeSchema) },
        responses: { 200: json(customerSchema, 'The account'), ...bodyProblems(401, 403, 404, 409) },
      }),
      async (c) => c.json(await change(c.req.valid('param').id, c.req.valid('json'), c.get('actor')), 200),
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/customers/phone/{id}',
        tags: ['Customers'],
        summary: 'Change or clear the phone number',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(phoneChangeSchema) },
        responses: { 200: json(customerSchema, 'The account'), ...bodyProblems(401, 403, 404) },
      }),
      async (c) => c.json(await change(c.req.valid('param').id, c.req.valid('json'), c.get('actor')), 200),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/customers/{id}',
        tags: ['Customers'],
        summary: 'Close an account',
        description: 'All its tokens stop working at once.',
        security: bearerOrKey('customers:write'),
        middleware: [signedIn('customers')] as const,
        request: { params: idParams, query: noQuery },
        responses: { 204: { description: 'Closed' }, ...problems(401, 403, 404, 409, 413, 422) },
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
        tags: ['Customers'],
        summary: 'End all tokens of an account',
        description: 'All of them stop working at once, the one that this is asked with too if it is of the account.',
        security: bearer,
        middleware: [signedIn()] as const,
        request: { params: idParams, query: noQuery },
        responses: { 204: { description: 'Ended' }, ...problems(401, 403, 404, 413, 422) },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await services.transaction((tx) => signOut(tx, id, c.get('actor')));
        return c.body(null, 204);
      },
    );
}

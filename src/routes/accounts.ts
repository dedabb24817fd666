import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { authenticate, changePassword, reauthenticate, register } from '../domain/accounts.ts';
import { hashPassword } from '../domain/passwords.ts';
import type { AppEnv } from '../middleware/env.ts';
import { noQuery } from '../schema/common.ts';
import {
  credentialsSchema,
  customerSchema,
  passwordChangeSchema,
  registrationSchema,
  serializeCustomer,
  sessionSchema,
} from '../schema/customers.ts';
import type { ApiServices } from '../services.ts';
import { clientAddress, type Guards, type Tokens } from './auth.ts';
import { bearer, bodyProblems, json, jsonBody } from './openapi.ts';
import { requireJson } from './request-body.ts';

type AccountServices = Pick<ApiServices, 'cache' | 'read' | 'settings' | 'throttle' | 'transaction'>;

/** Registering, signing in, changing the password. */
export function accountRoutes(services: AccountServices, { signedIn }: Guards, tokens: Tokens) {
  const { settings, throttle } = services;

  /** The address that guesses at passwords are counted under; the access log tells it, too. */
  function addressOf(c: Pick<Context<AppEnv>, 'req' | 'env' | 'get'>): string {
    const address = clientAddress(c.req.header('x-forwarded-for'), c.env?.remoteAddress, settings.trustProxyHops);
    c.get('facts').address = address;
    return address;
  }

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/register',
        tags: ['Accounts'],
        summary: 'Open an account',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(registrationSchema) },
        responses: { 201: json(customerSchema, 'The new account', 'Location'), ...bodyProblems(409) },
      }),
      async (c) => {
        const { password, ...account } = c.req.valid('json');
        const passwordHash = await hashPassword(password);
        const customer = await services.transaction((tx) =>
          register(tx, { ...account, passwordHash }, settings.adminEmail),
        );
        await services.cache.invalidate('customers');
        return c.json(serializeCustomer(customer), 201, { Location: `/api/customers/${customer.id}` });
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/login',
        tags: ['Accounts'],
        summary: 'Sign in',
        description: 'Ten failures in 15 minutes close an account to an address for a while.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(credentialsSchema) },
        responses: { 200: json(sessionSchema, 'A bearer token'), ...bodyProblems(401, 429) },
      }),
      async (c) => {
        const { email, password } = c.req.valid('json');
        const account = await throttle.guard(addressOf(c), email, () =>
          services.read((reader) =>
            authenticate(reader, email, password, (id) => {
              c.get('facts').customerId = id;
            }),
          ),
        );
        const { token, expiresAt } = await tokens.issue(account);
        const session = { token, tokenType: 'Bearer' as const, expiresAt: expiresAt.toISOString() };
        return c.json({ ...session, customer: serializeCustomer(account) }, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/password',
        tags: ['Accounts'],
        summary: 'Change the password',
        description: 'Every older token stops working.',
        security: bearer,
        middleware: [signedIn, requireJson] as const,
        request: { query: noQuery, body: jsonBody(passwordChangeSchema) },
        responses: { 204: { description: 'Changed' }, ...bodyProblems(401, 429) },
      }),
      async (c) => {
        const { currentPassword, newPassword } = c.req.valid('json');
        const { id } = c.get('viewer');
        const account = await throttle.guard(addressOf(c), id, () =>
          services.read((reader) => reauthenticate(reader, id, currentPassword)),
        );
        const passwordHash = await hashPassword(newPassword);
        await services.transaction((tx) => changePassword(tx, account, passwordHash));
        await services.cache.invalidate('customers');
        return c.body(null, 204);
      },
    );
}

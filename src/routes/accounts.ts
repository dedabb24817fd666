import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import {
  authenticate,
  changePassword,
  type MatchPassword,
  reauthenticate,
  register,
} from '../domain/customers/accounts.ts';
import { databaseWaitMsMax, withDeadline } from '../lib/deadline.ts';
import { clientAddress, type Guards, type Tokens } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { bearer, bodyProblems, json, jsonBody } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
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

type AccountServices = Pick<
  ApiServices,
  'cache' | 'passwords' | 'read' | 'registrations' | 'settings' | 'throttle' | 'transaction'
>;

/** What any of the routes below is asked with. */
type Asked = Pick<Context<AppEnv>, 'req' | 'env' | 'get'>;

/** Registering, signing in, changing the password. */
export function accountRoutes(services: AccountServices, { signedIn }: Guards, tokens: Tokens) {
  const { passwords, registrations, settings, throttle } = services;

  /** The address that guesses and registrations are counted under; the access log tells it, too. */
  function addressOf(c: Asked): string {
    const address = clientAddress(c.req.header('x-forwarded-for'), c.env?.remoteAddress, settings.trustProxyHops);
    c.get('logFields').address = address;
    return address;
  }

  const attempt = (c: Asked, account: string) => ({ address: addressOf(c), account, signal: c.req.raw.signal });

  const matches =
    (c: Asked): MatchPassword =>
    (passwordHash, password) =>
      passwords.matches(passwordHash, password, c.req.raw.signal);

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/register',
        tags: ['Accounts'],
        summary: 'Open an account',
        description: 'So many an hour for each network address as the shop has set.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(registrationSchema) },
        responses: { 201: json(customerSchema, 'The new account', 'Location'), ...bodyProblems(409, 429) },
      }),
      async (c) => {
        const { password, ...account } = c.req.valid('json');
        const { signal } = c.req.raw;
        const endsAt = performance.now() + databaseWaitMsMax;
        const passwordHash = await registrations.guard(addressOf(c), () => passwords.hash(password, signal));
        const customer = await services.transaction((tx) => {
          signal.throwIfAborted();
          return register(tx, { ...account, passwordHash }, settings.adminEmail);
        }, endsAt);
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
        const account = await throttle.guard(attempt(c, email), () =>
          services.read((reader) =>
            authenticate(reader, email, password, matches(c), (id) => {
              c.get('logFields').customerId = id;
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
        const { id } = c.get('actor');
        const endsAt = performance.now() + databaseWaitMsMax;
        const account = await throttle.guard(attempt(c, id), () =>
          services.read((reader) => reauthenticate(reader, id, currentPassword, matches(c))),
        );
        const hashed = passwords.hash(newPassword, c.req.raw.signal);
        const passwordHash = await withDeadline(hashed, endsAt - performance.now());
        await services.transaction((tx) => changePassword(tx, account, passwordHash), endsAt);
        await services.cache.invalidate('customers');
        return c.body(null, 204);
      },
    );
}

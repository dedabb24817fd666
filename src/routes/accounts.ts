import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import {
  authenticate,
  changePassword,
  hasSessionFrom,
  type MatchPassword,
  reauthenticate,
  register,
} from '../domain/customers/accounts.ts';
import { beginSession, signOutHere } from '../domain/customers/sessions.ts';
import { databaseWaitMsMax, withDeadline } from '../lib/deadline.ts';
import { addressOf, type Guards, type Tokens } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { bearer, bodyProblems, json, jsonBody, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { noQuery } from '../schema/common.ts';
import {
  credentialsSchema,
  customerSchema,
  passwordChangeSchema,
  registrationSchema,
  serializeCustomer,
  signedInSchema,
} from '../schema/customers.ts';
import type { ApiServices } from '../services.ts';

type AccountServices = Pick<
  ApiServices,
  'accountMails' | 'cache' | 'passwords' | 'read' | 'registrations' | 'settings' | 'throttle' | 'transaction'
>;

/** What any of the routes below is asked with. */
type Asked = Pick<Context<AppEnv>, 'req' | 'env' | 'get'>;

/** Registering, signing in, changing the password. */
export function accountRoutes(services: AccountServices, { signedIn }: Guards, tokens: Tokens) {
  const { passwords, registrations, settings, throttle } = services;

  const terms = { reserved: settings.adminEmail, verifiesEmails: settings.verifiesEmails };

  /** @param holder the account, as it is looked up when too many have guessed at it */
  function attempt(c: Asked, account: string, holder: Parameters<typeof hasSessionFrom>[1]) {
    const address = addressOf(c, settings);
    const isKnownAddress = () => services.read((reader) => hasSessionFrom(reader, holder, address));
    return { address, account, isKnownAddress, signal: c.req.raw.signal };
  }

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
        const passwordHash = await registrations.guard(addressOf(c, settings), () => passwords.hash(password, signal));
        const { customer, mailIds } = await services.transaction((tx) => {
          signal.throwIfAborted();
          return register(tx, { ...account, passwordHash }, c.get('requestId'), terms);
        }, endsAt);
        if (mailIds.length > 0) void services.accountMails.enqueue(mailIds, c.get('requestId'));
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
        description:
          'Begins a session, which the token names, and ends the oldest when an account has more than a hundred. Ten failures in 15 minutes close an account to an address for a while; after a hundred in an hour from anywhere, attempts from addresses that have no session of the account wait their turn.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(credentialsSchema) },
        responses: { 200: json(signedInSchema, 'A bearer token'), ...bodyProblems(401, 429) },
      }),
      async (c) => {
        const { email, password } = c.req.valid('json');
        const endsAt = performance.now() + databaseWaitMsMax;
        const { address, ...guess } = attempt(c, email, { email });
        const account = await throttle.guard({ address, ...guess }, () =>
          services.read((reader) =>
            authenticate(reader, email, password, matches(c), (id) => {
              c.get('logFields').customerId = id;
            }),
          ),
        );
        const signIn = { address, userAgent: c.req.header('user-agent'), expiresAt: tokens.sessionEnd() };
        const session = await services.transaction((tx) => beginSession(tx, account, signIn), endsAt);
        const token = await tokens.issue(account, session);
        const signedIn = { token, tokenType: 'Bearer' as const, expiresAt: session.expiresAt.toISOString() };
        return c.json({ ...signedIn, customer: serializeCustomer(account) }, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/logout',
        operationId: 'logOut',
        tags: ['Accounts'],
        summary: 'Sign out',
        description:
          'Ends the session of the token that this is asked with; the token stops working at once. Other sessions of the account stay.',
        security: bearer,
        middleware: [signedIn] as const,
        request: { query: noQuery },
        responses: { 204: { description: 'Signed out' }, ...problems(401, 413, 422) },
      }),
      async (c) => {
        await services.transaction((tx) => signOutHere(tx, c.get('actor'), c.get('sessionId')));
        return c.body(null, 204);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/password',
        tags: ['Accounts'],
        summary: 'Change the password',
        description: 'Every session of the account ends, and every older token stops working.',
        security: bearer,
        middleware: [signedIn, requireJson] as const,
        request: { query: noQuery, body: jsonBody(passwordChangeSchema) },
        responses: { 204: { description: 'Changed' }, ...bodyProblems(401, 429) },
      }),
      async (c) => {
        const { currentPassword, newPassword } = c.req.valid('json');
        const actor = c.get('actor');
        const { id } = actor;
        const endsAt = performance.now() + databaseWaitMsMax;
        const account = await throttle.guard(attempt(c, id, { id }), () =>
          services.read((reader) => reauthenticate(reader, id, currentPassword, matches(c))),
        );
        const hashed = passwords.hash(newPassword, c.req.raw.signal);
        const passwordHash = await withDeadline(hashed, endsAt - performance.now());
        const mailIds = await services.transaction((tx) => changePassword(tx, account, passwordHash, actor), endsAt);
        void services.accountMails.enqueue(mailIds, actor.requestId);
        await services.cache.invalidate('customers');
        return c.body(null, 204);
      },
    );
}

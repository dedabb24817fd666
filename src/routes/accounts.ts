import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { authenticate, changePassword, reauthenticate, register } from '../domain/customers/accounts.ts';
import { checkCode, confirmTotp, removeTotp, startTotp } from '../domain/customers/second-factors.ts';
import { beginSession, signOutHere } from '../domain/customers/sessions.ts';
import { waitEndsAt, withDeadline } from '../lib/deadline.ts';
import { addressOf, type Guards, type Tokens } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { bearer, bodyProblems, json, jsonBody, ofCallers, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { noQuery } from '../schema/common.ts';
import {
  credentialsSchema,
  customerSchema,
  passwordChangeSchema,
  recoveryCodesSchema,
  registrationSchema,
  serializeCustomer,
  signedInSchema,
  totpConfirmationSchema,
  totpRemovalSchema,
  totpSchema,
  totpStartSchema,
} from '../schema/customers.ts';
import type { ApiServices } from '../services.ts';
import { createAttempts } from './attempts.ts';

type AccountServices = Pick<
  ApiServices,
  'accountMails' | 'cache' | 'passwords' | 'read' | 'registrations' | 'sealer' | 'settings' | 'throttle' | 'transaction'
>;

/** Registering, signing in, changing the password. */
export function accountRoutes(services: AccountServices, { signedIn, unlessRequired }: Guards, tokens: Tokens) {
  const { passwords, registrations, sealer, settings, throttle } = services;
  const issuer = settings.mailFrom.name || 'Shop';

  const terms = { reserved: settings.adminEmail, verifiesEmails: settings.verifiesEmails };
  const { attempt, ownAttempt, matches, reauthenticated } = createAttempts(services);

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/register',
        operationId: 'register',
        security: [],
        tags: ['Accounts'],
        summary: 'Open an account',
        description: 'Opens an account for a customer. A network address may open so many an hour as the shop has set.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(registrationSchema) },
        responses: {
          201: json(customerSchema, 'The new account', 'Location'),
          ...bodyProblems('rate_limited', 'email_taken'),
        },
      }),
      async (c) => {
        const { password, ...account } = c.req.valid('json');
        const { signal } = c.req.raw;
        const endsAt = waitEndsAt();
        const passwordHash = await registrations.guard(addressOf(c, settings), () => passwords.hash(password, signal));
        const { customer, mailIds } = await services.transaction((tx) => {
          signal.throwIfAborted();
          return register(tx, { ...account, passwordHash }, c.get('requestId'), terms);
        }, endsAt);
        void services.accountMails.enqueue(mailIds, c.get('requestId'));
        await services.cache.invalidate('customers');
        return c.json(serializeCustomer(customer), 201, { Location: `/api/customers/${customer.id}` });
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/login',
        operationId: 'signIn',
        security: [],
        tags: ['Accounts'],
        summary: 'Sign in',
        description:
          'Gives a bearer token for an e-mail address and its password. It begins a session, which the token names, and ends the oldest when an account has more than a hundred. With a second factor, `code` is its code or a recovery code, each good once; without it `code_required`, which counts for nothing. Ten failures in 15 minutes close an account to an address for a while; after a hundred in an hour from anywhere, attempts from addresses that have no session of the account wait their turn.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(credentialsSchema) },
        responses: {
          200: json(signedInSchema, 'A bearer token'),
          ...bodyProblems('rate_limited', 'invalid_credentials', 'code_required'),
        },
      }),
      async (c) => {
        const { email, password, code } = c.req.valid('json');
        const endsAt = waitEndsAt();
        const { address, ...guess } = attempt(c, email);
        const { account, proof } = await throttle.guard({ address, ...guess }, () =>
          services.read(async (reader) => {
            const account = await authenticate(reader, email, password, matches(c), (id) => {
              c.get('logFields').customerId = id;
            });
            return { account, proof: await checkCode(reader, account.id, code, sealer) };
          }),
        );
        const signIn = { address, userAgent: c.req.header('user-agent'), expiresAt: tokens.sessionEnd(), proof };
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
        middleware: [signedIn()] as const,
        request: { query: noQuery },
        responses: {
          204: { description: 'Signed out' },
          ...problems(...ofCallers, 'payload_too_large', 'validation_failed'),
        },
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
        operationId: 'changePassword',
        tags: ['Accounts'],
        summary: 'Change the password',
        description:
          'Sets a new password for your account; the current one shows that it is you. Every session of the account ends, and every older token stops working.',
        security: bearer,
        middleware: [signedIn(), requireJson] as const,
        request: { query: noQuery, body: jsonBody(passwordChangeSchema) },
        responses: {
          204: { description: 'Changed' },
          ...bodyProblems(...ofCallers, 'rate_limited', 'invalid_credentials'),
        },
      }),
      async (c) => {
        const { currentPassword, newPassword } = c.req.valid('json');
        const actor = c.get('actor');
        const { id } = actor;
        const endsAt = waitEndsAt();
        const account = await reauthenticated(c, id, currentPassword);
        const hashed = passwords.hash(newPassword, c.req.raw.signal);
        const passwordHash = await withDeadline(hashed, endsAt - performance.now());
        const mailIds = await services.transaction((tx) => changePassword(tx, account, passwordHash, actor), endsAt);
        void services.accountMails.enqueue(mailIds, actor.requestId);
        await services.cache.invalidate('customers');
        return c.body(null, 204);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/totp',
        operationId: 'startTotp',
        tags: ['Accounts'],
        summary: 'Begin a second factor',
        description:
          'Begins a second factor: gives the secret of an authenticator app (RFC 6238). Nothing changes until a code of it is confirmed; beginning again gives another secret.',
        security: bearer,
        middleware: [signedIn(), requireJson] as const,
        request: { query: noQuery, body: jsonBody(totpStartSchema) },
        responses: {
          200: json(totpSchema, 'The secret, shown this once'),
          ...bodyProblems(...ofCallers, 'rate_limited', 'invalid_credentials', 'totp_active'),
        },
      }),
      async (c) => {
        const { currentPassword } = c.req.valid('json');
        const { id } = c.get('actor');
        const endsAt = waitEndsAt();
        const account = await reauthenticated(c, id, currentPassword);
        const begun = await services.transaction((tx) => startTotp(tx, account, { issuer, sealer }), endsAt);
        return c.json(begun, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/totp/confirm',
        operationId: 'confirmTotp',
        tags: ['Accounts'],
        summary: 'Confirm a second factor',
        description:
          'Confirms a second factor that was begun, by a code of its app, and gives recovery codes. From now on signing in takes a code. Wrong codes count as failed sign-ins.',
        security: bearer,
        middleware: [signedIn(), requireJson] as const,
        request: { query: noQuery, body: jsonBody(totpConfirmationSchema) },
        responses: {
          200: json(recoveryCodesSchema, 'Recovery codes'),
          ...bodyProblems(...ofCallers, 'rate_limited', 'invalid_credentials', 'totp_not_started', 'totp_active'),
        },
      }),
      async (c) => {
        const { code } = c.req.valid('json');
        const actor = c.get('actor');
        const endsAt = waitEndsAt();
        const codes = await throttle.guard(await ownAttempt(c, actor.id), () =>
          services.transaction((tx) => confirmTotp(tx, actor, code, sealer), endsAt),
        );
        return c.json({ recoveryCodes: codes }, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/totp/remove',
        operationId: 'removeTotp',
        tags: ['Accounts'],
        summary: 'Remove the second factor',
        description:
          'Takes the second factor off your account, and its recovery codes with it. Wrong codes and passwords count as failed sign-ins. Where every admin needs a second factor, an admin is refused.',
        security: bearer,
        middleware: [signedIn(), unlessRequired, requireJson] as const,
        request: { query: noQuery, body: jsonBody(totpRemovalSchema) },
        responses: {
          204: { description: 'Removed' },
          ...bodyProblems(...ofCallers, 'rate_limited', 'invalid_credentials', 'totp_not_active', 'totp_required'),
        },
      }),
      async (c) => {
        const { currentPassword, code } = c.req.valid('json');
        const actor = c.get('actor');
        const { id } = actor;
        const endsAt = waitEndsAt();
        await throttle.guard(await ownAttempt(c, id), async () => {
          const account = await services.read((reader) => reauthenticate(reader, id, currentPassword, matches(c)));
          await services.transaction((tx) => removeTotp(tx, account, code, { actor, sealer }), endsAt);
        });
        return c.body(null, 204);
      },
    );
}

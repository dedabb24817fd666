import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { requireToken, tokenInvalid } from '../domain/customers/mail-tokens.ts';
import { askForReset, askForVerification, resetPassword, verifyEmail } from '../domain/customers/recovery.ts';
import { waitEndsAt, withDeadline } from '../lib/deadline.ts';
import { mailIdOf } from '../lib/mail-token.ts';
import { addressOf, type Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { bearer, bodyProblems, jsonBody, ofCallers, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { noQuery } from '../schema/common.ts';
import { emailVerificationSchema, forgottenPasswordSchema, passwordResetSchema } from '../schema/customers.ts';
import type { TokenKind } from '../schema/mails.ts';
import type { ApiServices } from '../services.ts';

type RecoveryServices = Pick<
  ApiServices,
  'accountMails' | 'cache' | 'mailRequests' | 'passwords' | 'read' | 'settings' | 'transaction'
>;

/** What is done with a token that a mail brings: setting a new password, confirming an address. */
export function recoveryRoutes(services: RecoveryServices, { signedIn }: Guards) {
  const { mailRequests, passwords, settings } = services;

  function mailOf(kind: TokenKind, token: string): string {
    const mailId = mailIdOf(settings.tokenSecret, kind, token);
    if (mailId === null) throw tokenInvalid();
    return mailId;
  }

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/password/forgot',
        operationId: 'forgetPassword',
        security: [],
        tags: ['Accounts'],
        summary: 'Ask for a mail to set a new password',
        description:
          'Sends the account of this address a token to set a new password with, which works once, within an hour, and replaces the one before. The answer is the same whether there is such an account or not, and when it had such a mail within the last minute, which then stays the only one. Twenty requests an hour for each network address, those for confirming an address counted along.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(forgottenPasswordSchema) },
        responses: { 202: { description: 'Heard' }, ...bodyProblems('rate_limited') },
      }),
      async (c) => {
        const { email } = c.req.valid('json');
        const ask = () => services.transaction((tx) => askForReset(tx, email));
        const mailIds = await mailRequests.guard(addressOf(c, settings), ask);
        void services.accountMails.enqueue(mailIds, c.get('requestId'));
        return c.body(null, 202);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/password/reset',
        operationId: 'resetPassword',
        security: [],
        tags: ['Accounts'],
        summary: 'Set a new password with the token of a mail',
        description:
          'Sets a new password for the account that the token of a mail is for. Every session of the account ends, every older token stops working, and the address counts as confirmed.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(passwordResetSchema) },
        responses: { 204: { description: 'Set' }, ...bodyProblems('token_invalid') },
      }),
      async (c) => {
        const { token, newPassword } = c.req.valid('json');
        const endsAt = waitEndsAt();
        const mailId = mailOf('password_reset', token);
        const stands = () => services.read((reader) => requireToken(reader, 'password_reset', mailId));
        await stands();
        // Again when the turn has come: of many at once all but the first few would be hashed in vain.
        const hashed = passwords.hash(newPassword, c.req.raw.signal, stands);
        const passwordHash = await withDeadline(hashed, endsAt - performance.now());
        const requestId = c.get('requestId');
        const mailIds = await services.transaction((tx) => resetPassword(tx, mailId, passwordHash, requestId), endsAt);
        void services.accountMails.enqueue(mailIds, requestId);
        await services.cache.invalidate('customers');
        return c.body(null, 204);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/email/send-verification',
        operationId: 'sendVerification',
        tags: ['Accounts'],
        summary: 'Ask for a mail to confirm your e-mail address',
        description:
          'Sends your address a token to confirm it with, which works once, within three days, and replaces the one before; none when there was such a mail within the last minute. Twenty requests an hour for each network address, those for a new password counted along.',
        security: bearer,
        middleware: [signedIn()] as const,
        request: { query: noQuery },
        responses: {
          202: { description: 'Heard' },
          ...problems(...ofCallers, 'payload_too_large', 'validation_failed', 'rate_limited', 'email_already_verified'),
        },
      }),
      async (c) => {
        const ask = () => services.transaction((tx) => askForVerification(tx, c.get('actor')));
        const mailIds = await mailRequests.guard(addressOf(c, settings), ask);
        void services.accountMails.enqueue(mailIds, c.get('requestId'));
        return c.body(null, 202);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/auth/email/verify',
        operationId: 'verifyEmail',
        security: [],
        tags: ['Accounts'],
        summary: 'Confirm an e-mail address with the token of a mail',
        description: 'Confirms the e-mail address that the token was sent to. Mails that waited for that go out.',
        middleware: [requireJson] as const,
        request: { query: noQuery, body: jsonBody(emailVerificationSchema) },
        responses: { 204: { description: 'Confirmed' }, ...bodyProblems('token_invalid') },
      }),
      async (c) => {
        const mailId = mailOf('email_verification', c.req.valid('json').token);
        await services.transaction((tx) => verifyEmail(tx, mailId, c.get('requestId')));
        await services.cache.invalidate('customers');
        return c.body(null, 204);
      },
    );
}

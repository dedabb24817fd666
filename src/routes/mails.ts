import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { mailOutbox } from '../domain/outbox/kinds.ts';
import { listMails, sendMailAgain } from '../domain/outbox/mails.ts';
import { sendAllAgain } from '../domain/outbox/outbox.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearerOrKey, json, ofCallersAndKeys, problems } from '../middleware/openapi.ts';
import { idParams, noQuery } from '../schema/common.ts';
import { mailListSchema, mailQuerySchema, mailSchema, queuedMailsSchema, serializeMail } from '../schema/mails.ts';
import type { ApiServices } from '../services.ts';

type MailServices = Pick<ApiServices, 'accountMails' | 'mails' | 'read' | 'transaction'>;

/** The outbox's mails, for admins. */
export function mailRoutes(services: MailServices, { adminOnly }: Guards) {
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/mails',
        operationId: 'listMails',
        tags: ['Mails'],
        summary: 'List mails',
        description: 'Lists what the shop owes and has sent by mail, newest first.',
        security: bearerOrKey('mails:read'),
        middleware: [adminOnly('mails')] as const,
        request: { query: mailQuerySchema },
        responses: {
          200: json(mailListSchema, 'A page of the outbox, newest first'),
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        return sendList(c, await services.read((reader) => listMails(reader, query)), serializeMail);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/mails/{id}/send',
        operationId: 'sendMail',
        tags: ['Mails'],
        summary: 'Send a failed mail again',
        description: 'Sends a mail again that has failed. It is tried at once, and then for a day again.',
        security: bearerOrKey('mails:write'),
        middleware: [adminOnly('mails')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(mailSchema, 'The mail, queued'),
          ...problems(...ofCallersAndKeys, 'not_found', 'payload_too_large', 'validation_failed', 'mail_not_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const mail = await services.transaction((tx) => sendMailAgain(tx, id));
        const queue = mail.kind === 'order_status' ? services.mails : services.accountMails;
        void queue.enqueue([mail.id], c.get('requestId'));
        return c.json(serializeMail(mail), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/failed-mails/send',
        operationId: 'sendFailedMails',
        tags: ['Mails'],
        summary: 'Send the failed mails again',
        description: 'Sends the mails again that have failed, up to 10 000 of them, the oldest first.',
        security: bearerOrKey('mails:write'),
        middleware: [adminOnly('mails')] as const,
        request: { query: noQuery },
        responses: {
          200: json(queuedMailsSchema, 'How many were queued'),
          ...problems(...ofCallersAndKeys, 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const queued = await services.transaction((tx) => sendAllAgain(tx, mailOutbox));
        return c.json({ queued }, 200);
      },
    );
}

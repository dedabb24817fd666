import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { endSession, listSessions } from '../domain/customers/sessions.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearer, json, ofCallers, problems } from '../middleware/openapi.ts';
import { idParams, noQuery } from '../schema/common.ts';
import { serializeSession, sessionListSchema, sessionQuerySchema } from '../schema/sessions.ts';
import type { ApiServices } from '../services.ts';

/** Where an account is signed in. */
export function sessionRoutes(services: Pick<ApiServices, 'read' | 'transaction'>, { signedIn }: Guards) {
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/sessions',
        operationId: 'listSessions',
        tags: ['Sessions'],
        summary: 'List your sessions',
        description:
          'Lists where your account is signed in, newest first: one session for each sign-in that has neither expired nor been ended.',
        security: bearer,
        middleware: [signedIn()] as const,
        request: { query: sessionQuerySchema },
        responses: {
          200: json(sessionListSchema, 'A page of your sessions, newest first'),
          ...problems(...ofCallers, 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        const page = await services.read((reader) => listSessions(reader, query, c.get('actor')));
        const currentId = c.get('sessionId');
        return sendList(c, page, (session) => serializeSession(session, currentId));
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/sessions/{id}',
        operationId: 'endSession',
        tags: ['Sessions'],
        summary: 'End one of your sessions',
        description:
          'Ends one of your sessions: its token stops working at once, everywhere. The session of another account is not found.',
        security: bearer,
        middleware: [signedIn()] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          204: { description: 'Ended' },
          ...problems(...ofCallers, 'not_found', 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await services.transaction((tx) => endSession(tx, id, c.get('actor')));
        return c.body(null, 204);
      },
    );
}

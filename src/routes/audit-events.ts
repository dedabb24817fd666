import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { listEvents } from '../domain/audit/events.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearerOrKey, json, ofCallersAndKeys, problems } from '../middleware/openapi.ts';
import { auditEventListSchema, auditEventQuerySchema, serializeAuditEvent } from '../schema/audit-events.ts';
import type { ApiServices } from '../services.ts';

/** Who did what, for admins. */
export function auditEventRoutes(services: Pick<ApiServices, 'read'>, { adminOnly }: Guards) {
  return new OpenAPIHono<AppEnv>().openapi(
    createRoute({
      method: 'get',
      path: '/api/audit-events',
      operationId: 'listAuditEvents',
      tags: ['Audit events'],
      summary: 'List audit events',
      description:
        'Lists who did what to which account, product, order, key or webhook, newest first. Each change that staff or the owner of an account makes leaves one event, written in its transaction; refused requests, requests that change nothing, signing in and out, orders placed, and the automatic steps of orders leave none. Events cannot be changed or deleted.',
      security: bearerOrKey('audit:read'),
      middleware: [adminOnly('audit')] as const,
      request: { query: auditEventQuerySchema },
      responses: {
        200: json(auditEventListSchema, 'A page of events, newest first'),
        ...problems(...ofCallersAndKeys, 'validation_failed'),
      },
    }),
    async (c) => {
      const query = c.req.valid('query');
      return sendList(c, await services.read((reader) => listEvents(reader, query)), serializeAuditEvent);
    },
  );
}

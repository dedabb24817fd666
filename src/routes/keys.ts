import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { createKey, listKeys, revokeKey } from '../domain/customers/keys.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearer, bodyProblems, json, jsonBody, ofCallers, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idParams, noQuery } from '../schema/common.ts';
import { keyInputSchema, keyListSchema, keyQuerySchema, newKeySchema, serializeKey } from '../schema/keys.ts';
import type { ApiServices } from '../services.ts';

/** Keys for programs, which admins give and take away. */
export function keyRoutes(services: Pick<ApiServices, 'read' | 'transaction'>, { adminOnly }: Guards) {
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/keys',
        operationId: 'createKey',
        tags: ['Keys'],
        summary: 'Make a key for a program',
        description:
          'Makes a key for a program, which sends it as `Authorization: Bearer shop_…` and may then do what its scopes name, as staff. A scope that ends in `:write` is good for reading, too. The key is shown this once; a hash of it is kept. It works until `expiresAt` or until it is revoked, whatever becomes of the admin who made it. A key cannot place orders, and what no scope names is closed to it.',
        security: bearer,
        middleware: [adminOnly(), requireJson] as const,
        request: { query: noQuery, body: jsonBody(keyInputSchema) },
        responses: {
          201: json(newKeySchema, 'The new key'),
          ...bodyProblems(...ofCallers, 'totp_required'),
        },
      }),
      async (c) => {
        const input = c.req.valid('json');
        const { row, key } = await services.transaction((tx) => createKey(tx, input, c.get('actor')));
        return c.json({ ...serializeKey(row), key }, 201);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/keys',
        operationId: 'listKeys',
        tags: ['Keys'],
        summary: 'List keys',
        description:
          'Lists the keys that have not been revoked, expired ones too, newest first, without what they are sent as.',
        security: bearer,
        middleware: [adminOnly()] as const,
        request: { query: keyQuerySchema },
        responses: {
          200: json(keyListSchema, 'A page of keys, newest first'),
          ...problems(...ofCallers, 'totp_required', 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        return sendList(c, await services.read((reader) => listKeys(reader, query)), serializeKey);
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/keys/{id}',
        operationId: 'revokeKey',
        tags: ['Keys'],
        summary: 'Revoke a key',
        description: 'Revokes the key of a program. It stops working at once, everywhere.',
        security: bearer,
        middleware: [adminOnly()] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          204: { description: 'Revoked' },
          ...problems(...ofCallers, 'totp_required', 'not_found', 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await services.transaction((tx) => revokeKey(tx, id, c.get('actor')));
        return c.body(null, 204);
      },
    );
}

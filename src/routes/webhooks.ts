import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { webhookOutbox } from '../domain/outbox/kinds.ts';
import { sendAllAgain } from '../domain/outbox/outbox.ts';
import { listDeliveries, sendDeliveryAgain } from '../domain/outbox/webhook-deliveries.ts';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  renewSecret,
  replaceWebhook,
  testWebhook,
} from '../domain/webhooks/webhooks.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearerOrKey, bodyProblems, json, jsonBody, ofCallersAndKeys, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idParams, noQuery } from '../schema/common.ts';
import {
  deliveryListSchema,
  deliveryQuerySchema,
  deliverySchema,
  eventTypes,
  queuedDeliveriesSchema,
  serializeDelivery,
  serializeWebhook,
  webhookInputSchema,
  webhookListSchema,
  webhookMessageSchema,
  webhookQuerySchema,
  webhookSchema,
  webhookWithSecretSchema,
} from '../schema/webhooks.ts';
import type { ApiServices } from '../services.ts';

type WebhookServices = Pick<ApiServices, 'read' | 'settings' | 'transaction'>;

/** Who is told of what happens in the shop, and what they were told, for admins. */
export function webhookRoutes({ read, settings, transaction }: WebhookServices, { adminOnly }: Guards) {
  const inputSchema = webhookInputSchema(settings.webhookTargets);
  const led =
    settings.webhookTargets === 'public'
      ? 'must begin with `https://` and lead to a public address'
      : 'may begin with `http://` and lead anywhere in this shop';
  const aboutUrls = `\`url\` ${led}; it holds no user and no password.`;
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/webhooks',
        operationId: 'listWebhooks',
        tags: ['Webhooks'],
        summary: 'List webhooks',
        description: 'Lists the webhooks, newest first, without their secrets.',
        security: bearerOrKey('webhooks:read'),
        middleware: [adminOnly('webhooks')] as const,
        request: { query: webhookQuerySchema },
        responses: {
          200: json(webhookListSchema, 'A page of webhooks, newest first'),
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        return sendList(c, await read((reader) => listWebhooks(reader, query)), serializeWebhook);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/webhooks',
        operationId: 'createWebhook',
        tags: ['Webhooks'],
        summary: 'Add a webhook',
        description: `Adds a webhook, a URL that is told of what happens from now on. ${aboutUrls} The secret is shown this once.`,
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks'), requireJson] as const,
        request: { query: noQuery, body: jsonBody(inputSchema) },
        responses: {
          201: json(webhookWithSecretSchema, 'The new webhook, with its secret', 'Location'),
          ...bodyProblems(...ofCallersAndKeys),
        },
      }),
      async (c) => {
        const input = c.req.valid('json');
        const { webhook, secret } = await transaction((tx) => createWebhook(tx, input, c.get('actor')));
        return c.json({ ...serializeWebhook(webhook), secret }, 201, { Location: `/api/webhooks/${webhook.id}` });
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/webhooks/{id}',
        operationId: 'getWebhook',
        tags: ['Webhooks'],
        summary: 'Read a webhook',
        description: 'Reads a webhook, without its secret, which was shown when it was made.',
        security: bearerOrKey('webhooks:read'),
        middleware: [adminOnly('webhooks')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(webhookSchema, 'The webhook'),
          ...problems(...ofCallersAndKeys, 'not_found', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        return c.json(serializeWebhook(await read((reader) => getWebhook(reader, id))), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'put',
        path: '/api/webhooks/{id}',
        operationId: 'replaceWebhook',
        tags: ['Webhooks'],
        summary: 'Replace a webhook',
        description: `Replaces the URL, events and description of a webhook. ${aboutUrls} One that has been disabled is enabled by it.`,
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(inputSchema) },
        responses: {
          200: json(webhookSchema, 'The webhook'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const input = c.req.valid('json');
        const webhook = await transaction((tx) => replaceWebhook(tx, id, input, c.get('actor')));
        return c.json(serializeWebhook(webhook), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/webhooks/{id}',
        operationId: 'deleteWebhook',
        tags: ['Webhooks'],
        summary: 'Delete a webhook',
        description: 'Deletes a webhook. What it is owed, and what it has been sent, goes with it.',
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          204: { description: 'Deleted' },
          ...problems(...ofCallersAndKeys, 'not_found', 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await transaction((tx) => deleteWebhook(tx, id, c.get('actor')));
        return c.body(null, 204);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/webhooks/{id}/secret',
        operationId: 'renewWebhookSecret',
        tags: ['Webhooks'],
        summary: 'Give a webhook a new secret',
        description:
          'Gives a webhook a new secret, which is shown this once. For 24 hours the one before signs as well.',
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(webhookWithSecretSchema, 'The webhook, with its new secret'),
          ...problems(...ofCallersAndKeys, 'not_found', 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { webhook, secret } = await transaction((tx) => renewSecret(tx, id, c.get('actor')));
        return c.json({ ...serializeWebhook(webhook), secret }, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/webhooks/{id}/test',
        operationId: 'testWebhook',
        tags: ['Webhooks'],
        summary: 'Send a test to a webhook',
        description: 'Sends a `webhook.test` to one webhook alone, whatever its events.',
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          202: json(deliverySchema, 'The delivery, queued'),
          ...problems(...ofCallersAndKeys, 'not_found', 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        return c.json(serializeDelivery(await transaction((tx) => testWebhook(tx, id))), 202);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/webhook-deliveries',
        operationId: 'listWebhookDeliveries',
        tags: ['Webhooks'],
        summary: 'List webhook deliveries',
        description:
          'Lists what webhooks are owed and have been sent, newest first. Deliveries that were made are kept for 30 days.',
        security: bearerOrKey('webhooks:read'),
        middleware: [adminOnly('webhooks')] as const,
        request: { query: deliveryQuerySchema },
        responses: {
          200: json(deliveryListSchema, 'A page of deliveries, newest first'),
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        return sendList(c, await read((reader) => listDeliveries(reader, query)), serializeDelivery);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/webhook-deliveries/{id}/send',
        operationId: 'sendWebhookDelivery',
        tags: ['Webhooks'],
        summary: 'Send a failed webhook delivery again',
        description:
          'Sends a webhook delivery again that has failed, with the same `webhook-id`. It is tried at once, and then for three days again.',
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(deliverySchema, 'The delivery, queued'),
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'payload_too_large',
            'validation_failed',
            'delivery_not_failed',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        return c.json(serializeDelivery(await transaction((tx) => sendDeliveryAgain(tx, id))), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/failed-webhook-deliveries/send',
        operationId: 'sendFailedWebhookDeliveries',
        tags: ['Webhooks'],
        summary: 'Send the failed webhook deliveries again',
        description:
          'Sends the webhook deliveries again that have failed, up to 10 000 of them, the oldest first, without those of disabled webhooks.',
        security: bearerOrKey('webhooks:write'),
        middleware: [adminOnly('webhooks')] as const,
        request: { query: noQuery },
        responses: {
          200: json(queuedDeliveriesSchema, 'How many were queued'),
          ...problems(...ofCallersAndKeys, 'payload_too_large', 'validation_failed'),
        },
      }),
      async (c) => {
        const queued = await transaction((tx) => sendAllAgain(tx, webhookOutbox));
        return c.json({ queued }, 200);
      },
    );
}

const signedHeaders = {
  'webhook-id': 'The id of the delivery, the same for its every attempt',
  'webhook-timestamp': 'When it was sent, in Unix seconds',
  'webhook-signature':
    'One or two, separated by a space: `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`',
};

/** Describes what webhooks are sent, in the `webhooks` of the OpenAPI document. */
export function describeWebhooks({ openAPIRegistry }: Pick<OpenAPIHono<AppEnv>, 'openAPIRegistry'>): void {
  for (const type of eventTypes) {
    openAPIRegistry.registerWebhook({
      method: 'post',
      path: type,
      operationId: `on-${type.replace('.', '-')}`,
      security: [],
      tags: ['Webhooks'],
      summary: `\`${type}\``,
      description: `Posted to the URL of a webhook that wants \`${type}\`, by Standard Webhooks: its signature is all that shows who sends it.`,
      parameters: Object.entries(signedHeaders).map(([name, description]) => ({
        in: 'header',
        name,
        description,
        required: true,
        schema: { type: 'string' },
      })),
      request: { body: jsonBody(webhookMessageSchema(type)) },
      responses: {
        '2XX': { description: 'Taken, within 10 s; anything else is tried again for three days' },
        410: { description: 'Nothing more is wanted: the webhook is disabled' },
      },
    });
  }
}

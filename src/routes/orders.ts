import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { cancelOrder, deletableAt, deleteOrder, restoreOrder } from '../domain/orders/changes.ts';
import { getOrder, listOrders } from '../domain/orders/reads.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { hashOf } from '../middleware/idempotency.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearer, bearerOrKey, bodyProblems, json, jsonBody, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idempotencyHeadersSchema, idParams, noQuery } from '../schema/common.ts';
import {
  adminOrderParameters,
  type OrderStatus,
  orderInputSchema,
  orderListSchema,
  orderQuerySchema,
  orderSchema,
  restoresMax,
  serializeOrder,
} from '../schema/orders.ts';
import type { ApiServices } from '../services.ts';

type OrderServices = Pick<
  ApiServices,
  'cache' | 'mails' | 'ordersEntered' | 'placeOrder' | 'read' | 'settings' | 'transaction'
>;

/** Orders, from placing to restoring. */
export function orderRoutes(services: OrderServices, { signedIn, adminParameters }: Guards) {
  const { cache, mails, settings } = services;
  const { orderDeleteAfterMs, orderStatusIntervalMs } = settings;
  const body = (order: Parameters<typeof serializeOrder>[0]) =>
    serializeOrder(order, deletableAt(order, orderDeleteAfterMs));

  /**
   * What follows a commit that changed an order: if it entered a status, its mail goes to the queue; lists show the new
   * stock within a second.
   */
  function afterCommit(requestId: string, status: OrderStatus, mailId: string | null): void {
    if (mailId) {
      services.ordersEntered(status, 1);
      void mails.enqueue([mailId], requestId);
    }
    cache.invalidateSoon('products');
  }

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/orders',
        tags: ['Orders'],
        summary: 'List orders',
        description: 'A customer sees their own, an admin all.',
        security: bearerOrKey('orders:read'),
        middleware: [signedIn('orders'), adminParameters(adminOrderParameters)] as const,
        request: { query: orderQuerySchema },
        responses: { 200: json(orderListSchema, 'A page of orders, newest first'), ...problems(401, 403, 422) },
      }),
      async (c) => {
        const query = c.req.valid('query');
        const page = await services.read((reader) => listOrders(reader, query, c.get('actor')));
        return sendList(c, page, body);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/orders/{id}',
        tags: ['Orders'],
        summary: 'Read an order',
        description: 'An admin also sees a deleted one.',
        security: bearerOrKey('orders:read'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: { 200: json(orderSchema, 'The order'), ...problems(401, 403, 404, 422) },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const order = await services.read((reader) => getOrder(reader, id, c.get('actor')));
        return c.json(body(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/orders',
        tags: ['Orders'],
        summary: 'Place an order',
        description: 'All of it or nothing. Lines of the same product are added up.',
        security: bearer,
        middleware: [signedIn(), requireJson] as const,
        request: { query: noQuery, headers: idempotencyHeadersSchema, body: jsonBody(orderInputSchema) },
        responses: {
          201: json(orderSchema, 'The order', 'Location', 'Idempotent-Replayed'),
          ...bodyProblems(401, 403, 409),
        },
      }),
      async (c) => {
        const { items } = c.req.valid('json');
        const key = c.req.valid('header')['Idempotency-Key'];
        const {
          body: order,
          replayed,
          mailId,
        } = await services.placeOrder({
          customerId: c.get('actor').id,
          lines: items,
          idempotency: key === undefined ? undefined : { key, requestHash: hashOf(items) },
        });
        afterCommit(c.get('requestId'), order.status, mailId);
        if (replayed) c.header('Idempotent-Replayed', 'true');
        return c.json(order, 201, { Location: `/api/orders/${order.id}` });
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/cancel/{id}',
        tags: ['Orders'],
        summary: 'Cancel an order',
        description: 'While it is pending or processing. Its stock comes back.',
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: { 200: json(orderSchema, 'The order'), ...problems(401, 403, 404, 409, 413, 422) },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { order, mailId } = await services.transaction((tx) => cancelOrder(tx, id, c.get('actor')));
        afterCommit(c.get('requestId'), order.status, mailId);
        return c.json(body(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/restore/{id}',
        tags: ['Orders'],
        summary: 'Take a cancelled or deleted order up again',
        description: `It takes its stock again and starts over, in a new run; at most ${restoresMax} times.`,
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: { 200: json(orderSchema, 'The order'), ...problems(401, 403, 404, 409, 413, 422) },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { order, mailId } = await services.transaction((tx) =>
          restoreOrder(tx, id, c.get('actor'), orderStatusIntervalMs),
        );
        afterCommit(c.get('requestId'), order.status, mailId);
        return c.json(body(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/orders/{id}',
        tags: ['Orders'],
        summary: 'Delete an order',
        description: 'Once it is old enough, and never when delivered. One that still runs is cancelled by it.',
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: { 204: { description: 'Deleted' }, ...problems(401, 403, 404, 409, 413, 422) },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { mailId } = await services.transaction((tx) => deleteOrder(tx, id, c.get('actor'), orderDeleteAfterMs));
        afterCommit(c.get('requestId'), 'cancelled', mailId);
        return c.body(null, 204);
      },
    );
}

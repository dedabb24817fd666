import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { type Actor, isStaff } from '../domain/customers/actor.ts';
import { changeAddress } from '../domain/orders/addresses.ts';
import { cancelOrder, deleteOrder, orderView, restoreOrder } from '../domain/orders/changes.ts';
import { getOrder, listOrders } from '../domain/orders/reads.ts';
import { holdOrder, moveOrder, releaseOrder } from '../domain/orders/staff.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sentKey } from '../middleware/idempotency.ts';
import { sendList } from '../middleware/list-answers.ts';
import {
  bearer,
  bearerOrKey,
  bodyProblems,
  json,
  jsonBody,
  ofCallers,
  ofCallersAndKeys,
  problems,
} from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idempotencyHeadersSchema, idParams, noQuery } from '../schema/common.ts';
import {
  adminOrderParameters,
  type OrderInput,
  type OrderStatus,
  orderAddressInputFor,
  orderHoldInputSchema,
  orderInputFor,
  orderListSchema,
  orderQuerySchema,
  orderSchema,
  orderStatusInputSchema,
  restoresMax,
  serializeOrder,
} from '../schema/orders.ts';
import type { ApiServices } from '../services.ts';

/** What tells orders apart under one key: bodies without address and note as before there were any, and null says no more. */
function comparedOf({ items, shippingAddress = null, note = null }: OrderInput): unknown {
  return shippingAddress === null && note === null ? items : [items, shippingAddress, note];
}

type OrderServices = Pick<
  ApiServices,
  'cache' | 'mails' | 'ordersEntered' | 'placeOrder' | 'read' | 'settings' | 'transaction'
>;

/** Orders, from placing to restoring. */
export function orderRoutes(services: OrderServices, { signedIn, adminOnly, adminParameters }: Guards) {
  const { cache, mails, settings } = services;
  const { orderDeleteAfterMs, orderStatusIntervalMs } = settings;
  const bodyFor = (actor: Actor) => (order: Parameters<typeof serializeOrder>[0]) =>
    serializeOrder(order, orderView(order, settings, isStaff(actor)));

  /** What follows the commit of a status that an order entered: its mail goes to the queue. */
  function afterEntering(requestId: string, status: OrderStatus, mailId: string | null): void {
    if (!mailId) return;
    services.ordersEntered(status, 1);
    void mails.enqueue([mailId], requestId);
  }

  /** The same where stock has changed, too, which lists show within half a second. */
  function afterCommit(requestId: string, status: OrderStatus, mailId: string | null): void {
    afterEntering(requestId, status, mailId);
    cache.invalidateSoon('products');
  }

  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/orders',
        operationId: 'listOrders',
        tags: ['Orders'],
        summary: 'List orders',
        description: 'Lists orders, newest first: your own, or as an admin everybody’s.',
        security: bearerOrKey('orders:read'),
        middleware: [signedIn('orders'), adminParameters(adminOrderParameters)] as const,
        request: { query: orderQuerySchema },
        responses: {
          200: json(orderListSchema, 'A page of orders, newest first'),
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        const page = await services.read((reader) => listOrders(reader, query, c.get('actor')));
        return sendList(c, page, bodyFor(c.get('actor')));
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/orders/{id}',
        operationId: 'getOrder',
        tags: ['Orders'],
        summary: 'Read an order',
        description: 'Reads an order of yours, or as an admin any, a deleted one too.',
        security: bearerOrKey('orders:read'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(orderSchema, 'The order'),
          ...problems(...ofCallersAndKeys, 'not_found', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const order = await services.read((reader) => getOrder(reader, id, c.get('actor')));
        return c.json(bodyFor(c.get('actor'))(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/orders',
        operationId: 'placeOrder',
        tags: ['Orders'],
        summary: 'Place an order',
        description:
          'Places an order, all of it or nothing. Lines of the same product are added up. With an `Idempotency-Key` it is safe to send again: what was ordered is not ordered twice.',
        security: bearer,
        middleware: [signedIn(), requireJson] as const,
        request: {
          query: noQuery,
          headers: idempotencyHeadersSchema,
          body: jsonBody(orderInputFor(settings.shippingAddress)),
        },
        responses: {
          201: json(orderSchema, 'The order', 'Location', 'Idempotent-Replayed'),
          ...bodyProblems(
            ...ofCallers,
            'insufficient_stock',
            'idempotency_in_progress',
            'unknown_product',
            'idempotency_key_reused',
          ),
        },
      }),
      async (c) => {
        const input = c.req.valid('json');
        const { items: lines, shippingAddress, note } = input;
        const key = c.req.valid('header')['Idempotency-Key'];
        const {
          body: order,
          replayed,
          mailId,
        } = await services.placeOrder({
          customerId: c.get('actor').id,
          lines,
          shippingAddress,
          note,
          idempotency: sentKey(key, comparedOf(input)),
        });
        afterCommit(c.get('requestId'), order.status, mailId);
        if (replayed) c.header('Idempotent-Replayed', 'true');
        return c.json(order, 201, { Location: `/api/orders/${order.id}` });
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/address/{id}',
        operationId: 'changeOrderAddress',
        tags: ['Orders'],
        summary: 'Have an order go to another address',
        description: 'Changes where an order goes, while it is pending or processing.',
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(orderAddressInputFor(settings.shippingAddress)) },
        responses: {
          200: json(orderSchema, 'The order'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found', 'order_not_changeable'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { shippingAddress } = c.req.valid('json');
        const actor = c.get('actor');
        const order = await services.transaction((tx) => changeAddress(tx, id, shippingAddress, actor));
        return c.json(bodyFor(actor)(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/status/{id}',
        operationId: 'changeOrderStatus',
        tags: ['Order handling'],
        summary: 'Move an order to its next status',
        description:
          'Moves an order to its next status. The request names the status that it is to have, so that a second request does nothing twice. The next step by itself comes one interval later.',
        security: bearerOrKey('orders:write'),
        middleware: [adminOnly('orders'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(orderStatusInputSchema) },
        responses: {
          200: json(orderSchema, 'The order'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found', 'order_status_conflict', 'order_on_hold'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const input = c.req.valid('json');
        const actor = c.get('actor');
        const { order, mailId } = await services.transaction((tx) =>
          moveOrder(tx, id, input, actor, orderStatusIntervalMs),
        );
        afterEntering(c.get('requestId'), order.status, mailId);
        return c.json(bodyFor(actor)(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/hold/{id}',
        operationId: 'holdOrder',
        tags: ['Order handling'],
        summary: 'Put an order on hold',
        description:
          'Stops an order, which does not move on until it is released. It can still be cancelled and deleted, and stays held.',
        security: bearerOrKey('orders:write'),
        middleware: [adminOnly('orders'), requireJson] as const,
        request: { params: idParams, query: noQuery, body: jsonBody(orderHoldInputSchema) },
        responses: {
          200: json(orderSchema, 'The order'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found', 'order_on_hold', 'order_not_changeable'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { reason } = c.req.valid('json');
        const actor = c.get('actor');
        const order = await services.transaction((tx) => holdOrder(tx, id, reason, actor));
        return c.json(bodyFor(actor)(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/release/{id}',
        operationId: 'releaseOrder',
        tags: ['Order handling'],
        summary: 'Release an order that is on hold',
        description:
          'Lets an order move on that is on hold, whatever its status. Its next step by itself comes one interval later.',
        security: bearerOrKey('orders:write'),
        middleware: [adminOnly('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(orderSchema, 'The order'),
          ...problems(...ofCallersAndKeys, 'not_found', 'payload_too_large', 'validation_failed', 'order_not_on_hold'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const actor = c.get('actor');
        const order = await services.transaction((tx) => releaseOrder(tx, id, actor, orderStatusIntervalMs));
        return c.json(bodyFor(actor)(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/cancel/{id}',
        operationId: 'cancelOrder',
        tags: ['Orders'],
        summary: 'Cancel an order',
        description: 'Cancels an order while it is pending or processing. Its stock comes back.',
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(orderSchema, 'The order'),
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'payload_too_large',
            'validation_failed',
            'order_not_cancellable',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { order, mailId } = await services.transaction((tx) => cancelOrder(tx, id, c.get('actor')));
        afterCommit(c.get('requestId'), order.status, mailId);
        return c.json(bodyFor(c.get('actor'))(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/orders/restore/{id}',
        operationId: 'restoreOrder',
        tags: ['Orders'],
        summary: 'Take a cancelled or deleted order up again',
        description: `Takes up an order again that is cancelled or deleted. It takes its stock again and starts over, in a new run, without its shipment; at most ${restoresMax} times.`,
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(orderSchema, 'The order'),
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'payload_too_large',
            'validation_failed',
            'order_not_restorable',
            'insufficient_stock',
            'unknown_product',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { order, mailId } = await services.transaction((tx) =>
          restoreOrder(tx, id, c.get('actor'), orderStatusIntervalMs),
        );
        afterCommit(c.get('requestId'), order.status, mailId);
        return c.json(bodyFor(c.get('actor'))(order), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/orders/{id}',
        operationId: 'deleteOrder',
        tags: ['Orders'],
        summary: 'Delete an order',
        description:
          'Deletes an order once it is old enough (`deletableAt`), and never when it is delivered. One that still runs is cancelled by it.',
        security: bearerOrKey('orders:write'),
        middleware: [signedIn('orders')] as const,
        request: { params: idParams, query: noQuery },
        responses: {
          204: { description: 'Deleted' },
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'payload_too_large',
            'validation_failed',
            'order_delivered',
            'order_too_recent',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const { mailId } = await services.transaction((tx) => deleteOrder(tx, id, c.get('actor'), orderDeleteAfterMs));
        afterCommit(c.get('requestId'), 'cancelled', mailId);
        return c.body(null, 204);
      },
    );
}

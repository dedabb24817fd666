import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { bookStockChange, listStockChanges } from '../domain/products/stock-changes.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sentKey } from '../middleware/idempotency.ts';
import { sendList } from '../middleware/list-answers.ts';
import { bearerOrKey, bodyProblems, json, jsonBody, ofCallersAndKeys, problems } from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idempotencyHeadersSchema, noQuery } from '../schema/common.ts';
import {
  serializeStockChange,
  stockChangeInputSchema,
  stockChangeListSchema,
  stockChangeQuerySchema,
  stockChangeSchema,
} from '../schema/stock-changes.ts';
import type { ApiServices } from '../services.ts';

type StockServices = Pick<ApiServices, 'cache' | 'read' | 'transaction'>;

/** What comes into stock and goes out of it beside orders, for admins. */
export function stockChangeRoutes({ cache, read, transaction }: StockServices, { adminOnly }: Guards) {
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/stock-changes',
        operationId: 'listStockChanges',
        tags: ['Stock'],
        summary: 'List stock changes',
        description:
          "Lists the changes of stock that were booked, newest first. The stock of a product and the units of its live orders, which are neither cancelled nor deleted, always add up to its stock changes. Orders book none of their own: their units follow from an order's lines and status.",
        security: bearerOrKey('stock:read'),
        middleware: [adminOnly('stock')] as const,
        request: { query: stockChangeQuerySchema },
        responses: {
          200: json(stockChangeListSchema, 'A page of stock changes, newest first'),
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      async (c) => {
        const query = c.req.valid('query');
        return sendList(c, await read((reader) => listStockChanges(reader, query)), serializeStockChange);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/stock-changes',
        operationId: 'bookStockChange',
        tags: ['Stock'],
        summary: 'Book a stock change',
        description:
          'Books by how much the stock of a product changes, so that orders that are placed meanwhile are not undone. With `expectedStock`, only if the stock is that before: after a count, say. With an `Idempotency-Key` a repeat books nothing.',
        security: bearerOrKey('stock:write'),
        middleware: [adminOnly('stock'), requireJson] as const,
        request: { query: noQuery, headers: idempotencyHeadersSchema, body: jsonBody(stockChangeInputSchema) },
        responses: {
          201: json(stockChangeSchema, 'The stock change', 'Idempotent-Replayed'),
          ...bodyProblems(
            ...ofCallersAndKeys,
            'stock_changed',
            'insufficient_stock',
            'stock_too_high',
            'idempotency_in_progress',
            'unknown_product',
            'idempotency_key_reused',
          ),
        },
      }),
      async (c) => {
        const input = c.req.valid('json');
        const key = c.req.valid('header')['Idempotency-Key'];
        const idempotency = sentKey(key, input);
        const { body, replayed } = await transaction((tx) =>
          bookStockChange(tx, { ...input, idempotency }, c.get('actor')),
        );
        await cache.invalidate('products');
        if (replayed) c.header('Idempotent-Replayed', 'true');
        return c.json(body, 201);
      },
    );
}

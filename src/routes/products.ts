import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { writeBatch } from '../domain/products/batch.ts';
import { listProducts } from '../domain/products/lists.ts';
import {
  createProduct,
  deleteProduct,
  replaceProduct,
  restoreProduct,
  visibleProduct,
} from '../domain/products/products.ts';
import { ShopError } from '../errors.ts';
import { waitEndsAt, withRestOfWait } from '../lib/deadline.ts';
import { isId } from '../lib/ids.ts';
import type { Guards } from '../middleware/auth.ts';
import { isFresh, mayChange, revalidate, versionEtag } from '../middleware/conditional.ts';
import type { AppEnv } from '../middleware/env.ts';
import { sentKey } from '../middleware/idempotency.ts';
import { sendCachedList } from '../middleware/list-answers.ts';
import {
  bearerOrKey,
  bodyProblems,
  ifNoneMatch,
  json,
  jsonBody,
  ofCallersAndKeys,
  problems,
  unchanged,
} from '../middleware/openapi.ts';
import { requireJson } from '../middleware/request-body.ts';
import { idempotencyHeadersSchema, idParams, noQuery, writeConditions } from '../schema/common.ts';
import { batchItemName, changesStock, productBatchInputSchema, productBatchSchema } from '../schema/product-batches.ts';
import {
  productBatchItemSchema,
  productInputSchema,
  productListSchema,
  productQuerySchema,
  productReplacementSchema,
  productSchema,
  serializeProduct,
} from '../schema/products.ts';
import type { ApiServices } from '../services.ts';

type ProductServices = Pick<ApiServices, 'cache' | 'findProduct' | 'readList' | 'settings' | 'transaction'>;

/** Whether the conditions of a request let the product that it is to change be changed in a version. */
const conditionOf = (c: Pick<Context<AppEnv>, 'req'>) => (version: number) =>
  mayChange(c.req.header('if-match'), c.req.header('if-none-match'), versionEtag({ version }));

function withoutKey(): ShopError {
  const message = 'is required with stockChange, so that a repeat changes no stock';
  return new ShopError('validation_failed', 'The header is not valid.', {
    errors: [{ path: 'Idempotency-Key', message }],
  });
}

const has = <Name extends string>(body: unknown, name: Name): body is Record<Name, unknown> =>
  typeof body === 'object' && body !== null && name in body;
/** What tells batches apart under one key; a batch that is no dry run is compared as the release before compared it. */
const comparedOf = ({ dryRun, ...batch }: { items: unknown; onError: unknown; dryRun: boolean }) =>
  dryRun ? { ...batch, dryRun } : batch;
/** Of a batch that nobody has looked at. */
const itemsOf = (body: unknown): unknown[] => (has(body, 'items') && Array.isArray(body.items) ? body.items : []);

/** The catalogue. */
export function productRoutes(services: ProductServices, { identify, adminOnly, bodyScope }: Guards) {
  const asCaller = identify('products');
  const { cache, settings } = services;
  const body = (row: Parameters<typeof serializeProduct>[0]) => serializeProduct(row, settings.currency);
  const routes = new OpenAPIHono<AppEnv>();
  // Named in the document, but no part of what validates a batch: each item is judged by itself.
  routes.openAPIRegistry.register(batchItemName, productBatchItemSchema);
  return routes
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/products',
        operationId: 'listProducts',
        security: [],
        tags: ['Products'],
        summary: 'List products',
        description:
          'Lists the products that are not deleted. `q` searches, the others filter; `sort` orders, by default newest first, or with `q` best match first.',
        parameters: [ifNoneMatch],
        request: { query: productQuerySchema },
        responses: {
          200: json(productListSchema, 'A page of the catalogue', 'ETag', 'X-Cache'),
          304: unchanged('X-Cache'),
          ...problems('validation_failed'),
        },
      }),
      (c) => {
        const query = c.req.valid('query');
        revalidate(c);
        const load = () => services.readList((reader) => listProducts(reader, query));
        return sendCachedList(c, cache, 'products', query, load, body);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/products/{id}',
        operationId: 'getProduct',
        security: [{}, ...bearerOrKey('products:read')],
        tags: ['Products'],
        summary: 'Read a product',
        description: 'Reads one product. An admin also sees a deleted one.',
        parameters: [ifNoneMatch],
        request: { params: idParams, query: noQuery },
        responses: {
          200: json(productSchema, 'The product', 'ETag'),
          304: unchanged(),
          ...problems('not_found', 'validation_failed'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const endsAt = waitEndsAt();
        const found = isId(id) ? await services.findProduct(id.toLowerCase()) : null;
        const product = await visibleProduct(found, () => withRestOfWait(endsAt, () => asCaller(c)));
        revalidate(c);
        c.header('ETag', versionEtag(product));
        if (isFresh(c.req.header('if-none-match'), versionEtag(product))) return c.body(null, 304);
        return c.json(body(product), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/products',
        operationId: 'createProduct',
        tags: ['Catalogue'],
        summary: 'Add a product',
        description: 'Adds a product to the catalogue. Its stock is booked as a stock change, `created`.',
        security: bearerOrKey('products:write'),
        middleware: [adminOnly('products'), requireJson] as const,
        request: { query: noQuery, body: jsonBody(productInputSchema) },
        responses: {
          201: json(productSchema, 'The new product', 'ETag', 'Location'),
          ...bodyProblems(...ofCallersAndKeys, 'sku_taken'),
        },
      }),
      async (c) => {
        const input = c.req.valid('json');
        const product = await services.transaction((tx) => createProduct(tx, input, c.get('actor')));
        await cache.invalidate('products');
        c.header('ETag', versionEtag(product));
        return c.json(body(product), 201, { Location: `/api/products/${product.id}` });
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/api/products/batch',
        operationId: 'writeProductBatch',
        tags: ['Catalogue'],
        summary: 'Add and replace products',
        description:
          'Adds or replaces up to 500 products at once, each known by its `sku`: it is made, with `stock`, or replaced as by `PUT`, and then `stockChange` books a difference as a stock change, `edited`. Each item is judged alone. A `stockChange` needs an `Idempotency-Key`, and of a key the scope `stock:write`, too.',
        security: bearerOrKey('products:write'),
        middleware: [
          adminOnly('products'),
          requireJson,
          bodyScope('stock:write', (body) => itemsOf(body).some(changesStock)),
        ] as const,
        request: { query: noQuery, headers: idempotencyHeadersSchema, body: jsonBody(productBatchInputSchema) },
        responses: {
          200: json(productBatchSchema, 'What became of each item', 'Idempotent-Replayed'),
          ...bodyProblems(...ofCallersAndKeys, 'idempotency_in_progress', 'batch_refused', 'idempotency_key_reused'),
        },
      }),
      async (c) => {
        const { items, onError, dryRun } = c.req.valid('json');
        const key = c.req.valid('header')['Idempotency-Key'];
        if (key === undefined && items.some(changesStock)) throw withoutKey();
        const idempotency = sentKey(key, comparedOf({ items, onError, dryRun }));
        const { body, replayed } = await services.transaction((tx) =>
          writeBatch(tx, { items, onError, dryRun, idempotency }, c.get('actor')),
        );
        await cache.invalidate('products');
        if (replayed) c.header('Idempotent-Replayed', 'true');
        return c.json(body, 200);
      },
    )
    .openapi(
      createRoute({
        method: 'put',
        path: '/api/products/{id}',
        operationId: 'replaceProduct',
        tags: ['Catalogue'],
        summary: 'Replace a product',
        description:
          'Replaces a product as a whole. What is left out becomes its default, but for `stock`, which stays then; another stock is booked as a stock change, `edited`, for which a key needs the scope `stock:write`, too. With `If-Match`, only if the product has not changed since; with `If-None-Match: *`, never.',
        security: bearerOrKey('products:write'),
        middleware: [
          adminOnly('products'),
          requireJson,
          bodyScope('stock:write', (body) => has(body, 'stock')),
        ] as const,
        request: {
          headers: writeConditions,
          params: idParams,
          query: noQuery,
          body: jsonBody(productReplacementSchema),
        },
        responses: {
          200: json(productSchema, 'The product', 'ETag'),
          ...bodyProblems(...ofCallersAndKeys, 'not_found', 'precondition_failed', 'sku_taken'),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const input = c.req.valid('json');
        const product = await services.transaction((tx) =>
          replaceProduct(tx, id, input, c.get('actor'), conditionOf(c)),
        );
        await cache.invalidate('products');
        c.header('ETag', versionEtag(product));
        return c.json(body(product), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/api/products/restore/{id}',
        operationId: 'restoreProduct',
        tags: ['Catalogue'],
        summary: 'Put a deleted product back',
        description:
          'Puts a deleted product back into the catalogue, with the stock that it had. No other product may have its SKU by now.',
        security: bearerOrKey('products:write'),
        middleware: [adminOnly('products')] as const,
        request: { headers: writeConditions, params: idParams, query: noQuery },
        responses: {
          200: json(productSchema, 'The product', 'ETag'),
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'precondition_failed',
            'payload_too_large',
            'validation_failed',
            'product_not_deleted',
            'sku_taken',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        const product = await services.transaction((tx) => restoreProduct(tx, id, c.get('actor'), conditionOf(c)));
        await cache.invalidate('products');
        c.header('ETag', versionEtag(product));
        return c.json(body(product), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/api/products/{id}',
        operationId: 'deleteProduct',
        tags: ['Catalogue'],
        summary: 'Take a product out of the catalogue',
        description: 'Takes a product out of the catalogue. Orders keep what they hold of it, and it can be put back.',
        security: bearerOrKey('products:write'),
        middleware: [adminOnly('products')] as const,
        request: { headers: writeConditions, params: idParams, query: noQuery },
        responses: {
          204: { description: 'Deleted' },
          ...problems(
            ...ofCallersAndKeys,
            'not_found',
            'precondition_failed',
            'payload_too_large',
            'validation_failed',
          ),
        },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        await services.transaction((tx) => deleteProduct(tx, id, c.get('actor'), conditionOf(c)));
        await cache.invalidate('products');
        return c.body(null, 204);
      },
    );
}

import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { exportOrders, exportProducts } from '../domain/exports.ts';
import { orderView } from '../domain/orders/changes.ts';
import { type Cell, csvLines } from '../lib/csv.ts';
import { streamBatches } from '../lib/stream-batches.ts';
import type { Guards } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import { methodOf } from '../middleware/head.ts';
import { ofUnknownLength } from '../middleware/list-answers.ts';
import { bearerOrKey, declaredHeaders, ofCallersAndKeys, problems } from '../middleware/openapi.ts';
import { lastDay, startOfDay } from '../schema/days.ts';
import {
  type ExportFormat,
  exportTypes,
  orderCells,
  orderColumns,
  orderExportQuerySchema,
  productCells,
  productColumns,
  productExportQuerySchema,
  streamed,
} from '../schema/exports.ts';
import { serializeOrder } from '../schema/orders.ts';
import { serializeProduct } from '../schema/products.ts';
import type { ApiServices } from '../services.ts';

/** What an export writes of a row, on the wire and in lines of CSV. */
type Rendering<Row, Body> = {
  columns: readonly string[];
  serialize: (row: Row) => Body;
  cells: (body: Body) => Cell[][];
};

async function* render<Row, Body>(
  batches: AsyncGenerator<Row[], void>,
  format: ExportFormat,
  { columns, serialize, cells }: Rendering<Row, Body>,
): AsyncGenerator<string, void> {
  if (format === 'ndjson') {
    for await (const rows of batches) yield rows.map((row) => `${JSON.stringify(serialize(row))}\n`).join('');
    return;
  }
  let head = csvLines([[...columns]]);
  for await (const rows of batches) {
    yield head + csvLines(rows.flatMap((row) => cells(serialize(row))));
    head = '';
  }
  if (head !== '') yield head;
}

/** Streams an export; to HEAD nothing is read. */
async function send(
  c: Pick<Context<AppEnv>, 'body' | 'env' | 'req'>,
  name: string,
  format: ExportFormat,
  text: () => AsyncGenerator<string, void>,
) {
  const headers = {
    'Content-Type': exportTypes[format],
    'Content-Disposition': `attachment; filename="${name}.${format}"`,
    // Or it would be compressed here, where nobody could tell a part from the whole any more.
    'Cache-Control': 'no-store, no-transform',
  };
  if (methodOf(c) === 'HEAD') return c.body(null, 200, { ...headers, ...ofUnknownLength });
  return c.body(await streamBatches(text()), 200, headers);
}

type ExportServices = Pick<ApiServices, 'read' | 'settings'>;

const promise =
  "Streamed, whatever its size, each part as it is when it is read. One that breaks off ends without the last chunk, so that it cannot be taken for a whole. In CSV (RFC 4180) null is empty, lists are JSON, and a cell that a spreadsheet might run, because it begins with `=`, `+`, `-`, `@`, tab or CR, has a `'` before it, as has one that begins with that.";

const headers = declaredHeaders('Content-Disposition');

/** The catalogue and the orders as files, for admins. */
export function exportRoutes({ read, settings }: ExportServices, { adminOnly }: Guards) {
  const { currency } = settings;
  const ofProducts: Rendering<Parameters<typeof serializeProduct>[0], ReturnType<typeof serializeProduct>> = {
    columns: productColumns,
    serialize: (row) => serializeProduct(row, currency),
    cells: productCells,
  };
  const ofOrders: Rendering<Parameters<typeof serializeOrder>[0], ReturnType<typeof serializeOrder>> = {
    columns: orderColumns,
    serialize: (order) => serializeOrder(order, orderView(order, settings, true)),
    cells: orderCells,
  };
  return new OpenAPIHono<AppEnv>()
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/exports/products',
        operationId: 'exportProducts',
        tags: ['Catalogue'],
        summary: 'Export the catalogue',
        description: `Gives all products that are not deleted as a file, by id. ${promise}`,
        security: bearerOrKey('products:read'),
        middleware: [adminOnly('products')] as const,
        request: { query: productExportQuerySchema },
        responses: {
          200: { ...streamed('The catalogue'), headers },
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      (c) => {
        const { format } = c.req.valid('query');
        return send(c, 'products', format, () => render(exportProducts(read), format, ofProducts));
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/api/exports/orders',
        operationId: 'exportOrders',
        tags: ['Order handling'],
        summary: 'Export orders',
        description: `Gives all orders that are not deleted as a file, by id; in CSV one line for each line of an order. ${promise}`,
        security: bearerOrKey('orders:read'),
        middleware: [adminOnly('orders')] as const,
        request: { query: orderExportQuerySchema },
        responses: {
          200: { ...streamed('The orders'), headers },
          ...problems(...ofCallersAndKeys, 'validation_failed'),
        },
      }),
      (c) => {
        const { format, from, to } = c.req.valid('query');
        const days = {
          from: from === undefined ? undefined : startOfDay(from),
          before: to === undefined || to === lastDay ? undefined : startOfDay(to, 1),
        };
        return send(c, 'orders', format, () => render(exportOrders(read, days), format, ofOrders));
      },
    );
}

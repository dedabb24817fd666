import { z } from 'zod';
import type { Cell } from '../lib/csv.ts';
import { optional } from './common.ts';
import { checkSpan, dayInput } from './days.ts';
import type { OrderBody } from './orders.ts';
import type { ProductBody } from './products.ts';

const format = z.enum(['csv', 'ndjson']);
export type ExportFormat = z.infer<typeof format>;

/** Always sent: an export is for a program that knows what it reads. */
const required = {
  format: format.meta({ description: 'CSV by RFC 4180 with a header line, or a JSON document a line.' }),
};

export const productExportQuerySchema = z.strictObject(required);

export const orderExportQuerySchema = z
  .strictObject({
    ...required,
    from: optional(dayInput).meta({
      type: 'string',
      format: 'date',
      description: 'Only orders placed on this day (UTC) or later.',
    }),
    to: optional(dayInput).meta({
      type: 'string',
      format: 'date',
      description: 'Only orders placed on this day (UTC) or earlier.',
    }),
  })
  .superRefine((query, context) => checkSpan(query, context));
export type OrderExportQuery = z.output<typeof orderExportQuerySchema>;

export const exportTypes = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;

/** In a route's declaration: an export in either format. */
export function streamed(description: string) {
  const schema = z.string();
  return { content: { 'text/csv': { schema }, 'application/x-ndjson': { schema } }, description };
}

export const productColumns = [
  ...['id', 'sku', 'name', 'description', 'priceCents', 'currency', 'stock', 'tags', 'images'],
  ...['createdAt', 'updatedAt'],
] as const;

/** A product as a line of CSV. */
export function productCells(product: ProductBody): Cell[][] {
  const { id, sku, name, description, priceCents, currency, stock, tags, images, createdAt, updatedAt } = product;
  const lists = [JSON.stringify(tags), JSON.stringify(images.map(({ url, alt }) => ({ url, alt })))];
  return [[id, sku, name, description, priceCents, currency, stock, ...lists, createdAt, updatedAt]];
}

export const orderColumns = [
  ...['id', 'number', 'customerId', 'status', 'totalCents', 'currency', 'createdAt'],
  ...['productId', 'sku', 'name', 'quantity', 'unitPriceCents'],
] as const;

/** An order as lines of CSV, one for each of its own. */
export function orderCells(order: OrderBody): Cell[][] {
  const { id, number, customerId, status, totalCents, currency, createdAt } = order;
  return order.items.map(({ productId, sku, name, quantity, unitPriceCents }) => [
    ...[id, number, customerId, status, totalCents, currency, createdAt],
    ...[productId, sku, name, quantity, unitPriceCents],
  ]);
}

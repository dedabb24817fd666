import { z } from 'zod';
import {
  currency,
  type Held,
  id,
  line,
  optional,
  priceCents,
  queryFlag,
  queryInteger,
  serializeMoment,
  text,
  timestamp,
} from './common.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

const stockMax = 1_000_000_000;
const priceCentsMax = 1_000_000_000;

export const productSchema = z
  .object({
    id,
    name: z.string().meta({ example: 'Enamel mug' }),
    description: z.string().nullable(),
    priceCents,
    currency,
    stock: z.int().min(0),
    createdAt: timestamp,
    updatedAt: timestamp,
    deletedAt: timestamp.nullable(),
  })
  .meta({ id: 'Product' });

export const productListSchema = listOf('ProductList', productSchema);

export type ProductBody = z.infer<typeof productSchema>;

/** A product as it goes over the wire; the shop has one currency. */
export function serializeProduct(
  product: Held<Omit<ProductBody, 'currency'>, 'createdAt' | 'updatedAt' | 'deletedAt'>,
  shopCurrency: string,
): ProductBody {
  return {
    id: product.id,
    name: product.name,
    description: product.description,
    priceCents: product.priceCents,
    currency: shopCurrency,
    stock: product.stock,
    createdAt: product.createdAt.toISOString(),
    updatedAt: product.updatedAt.toISOString(),
    deletedAt: serializeMoment(product.deletedAt),
  };
}

/** A product as an admin writes it, whole. */
export const productInputSchema = z
  .strictObject({
    name: line(1, 200),
    description: text(0, 10_000).nullable().default(null),
    priceCents,
    stock: z.int().min(0).max(stockMax).meta({ example: 25 }),
  })
  .meta({ id: 'ProductInput' });

export type ProductInput = z.output<typeof productInputSchema>;

const productSorts = ['createdAt', '-createdAt', 'priceCents', '-priceCents', 'name', '-name'] as const;
export type ProductSort = (typeof productSorts)[number];

const priceRange = { type: 'integer' as const, minimum: 0, maximum: priceCentsMax };

const cursorKeyTypes = { createdAt: 'none', priceCents: 'number', name: 'string' } as const;

/** The sort's field, without its direction. */
export function sortField(sort: ProductSort): keyof typeof cursorKeyTypes {
  return sort.replace('-', '') as keyof typeof cursorKeyTypes;
}

/** `sort` comes out null when a search asks for no order: best match first. */
export const productQuerySchema = z
  .strictObject({
    ...pageQuery,
    q: text(0, 200).trim().optional().meta({
      description:
        'Words in name or description, in any case and with or without accents; each matches by its beginning. The first ten count.',
    }),
    minPriceCents: optional(queryInteger(0, priceCentsMax)).meta(priceRange),
    maxPriceCents: optional(queryInteger(0, priceCentsMax)).meta(priceRange),
    inStock: queryFlag,
    sort: optional(z.enum(productSorts)).meta({ type: 'string', enum: productSorts, default: '-createdAt' }),
  })
  .transform((query) => ({
    ...query,
    q: query.q || undefined,
    sort: query.sort ?? (query.q ? null : ('-createdAt' as const)),
  }))
  .superRefine((query, context) =>
    checkCursor(query, query.sort, context, query.sort ? cursorKeyTypes[sortField(query.sort)] : 'none'),
  );

export type ProductQuery = z.output<typeof productQuerySchema>;

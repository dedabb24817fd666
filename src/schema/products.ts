import { z } from 'zod';
import {
  currency,
  type Held,
  id,
  line,
  optional,
  orNone,
  orNull,
  priceCents,
  queryFlag,
  queryInteger,
  serializeMoment,
  storable,
  text,
  timestamp,
} from './common.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';
import { stockDifference, stockMax } from './stock-changes.ts';

const priceCentsMax = 1_000_000_000;

const tagsMax = 20;
const imagesMax = 10;
const urlCharactersMax = 2_048;

export const productSchema = z
  .object({
    id,
    sku: z.string().nullable().meta({ example: 'MUG-040-BL' }),
    name: z.string().meta({ example: 'Enamel mug' }),
    description: z.string().nullable().meta({ example: 'Blue, and holds 0.4 litres.' }),
    priceCents,
    currency,
    stock: z.int().min(0).meta({ example: 25 }),
    tags: z.array(z.string()).meta({ example: ['kitchen', 'enamel'] }),
    images: z.array(
      z.object({
        url: z.string().meta({ format: 'uri-reference', example: '/media/kitchen-210.svg' }),
        alt: z.string().meta({ example: 'A blue mug' }),
      }),
    ),
    createdAt: timestamp,
    updatedAt: timestamp,
    deletedAt: timestamp.nullable(),
  })
  .meta({ id: 'Product' });

export const productListSchema = listOf('ProductList', productSchema);

export type ProductBody = z.infer<typeof productSchema>;
export type ProductImage = ProductBody['images'][number];

/** A product as it goes over the wire; the shop has one currency. */
export function serializeProduct(
  product: Held<Omit<ProductBody, 'currency'>, 'createdAt' | 'updatedAt' | 'deletedAt'>,
  shopCurrency: string,
): ProductBody {
  return {
    id: product.id,
    sku: product.sku,
    name: product.name,
    description: product.description,
    priceCents: product.priceCents,
    currency: shopCurrency,
    stock: product.stock,
    tags: product.tags,
    images: product.images,
    createdAt: product.createdAt.toISOString(),
    updatedAt: product.updatedAt.toISOString(),
    deletedAt: serializeMoment(product.deletedAt),
  };
}

const sku = z.string().regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable ASCII characters without spaces');

/** Compared exactly, and so in one form of Unicode. */
const tag = line(1, 50, storable.normalize('NFC'));

/** Names every place where a tag comes again. */
function refuseRepeated(tags: string[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, each] of tags.entries()) {
    if (seen.has(each)) context.addIssue({ code: 'custom', path: [index], message: 'must not be there twice' });
    seen.add(each);
  }
}

const mediaPath = '/media/';

/**
 * Whether a picture may be shown from here: over https, or from the shop's own `/media/`, where a browser would look for
 * it after all dots and escapes have been taken out. Nothing is fetched.
 */
function isImageUrl(url: string): boolean {
  // Parsing a megabyte takes long. Spaces are taken out by browsers, some of them within words.
  if (url.length > 2 * urlCharactersMax || /[\s\p{Cc}]/u.test(url) || !URL.canParse(url, 'https://shop.invalid'))
    return false;
  const { host, pathname, protocol } = new URL(url, 'https://shop.invalid');
  if (url.startsWith('/'))
    return (
      host === 'shop.invalid' &&
      url.startsWith(mediaPath) &&
      pathname.length > mediaPath.length &&
      pathname.startsWith(mediaPath)
    );
  return protocol === 'https:' && /^https:\/\/[^/\\]/i.test(url);
}

const image = z.strictObject({
  url: text(1, urlCharactersMax)
    .refine(isImageUrl, 'must be an https URL, or a path that begins with /media/, without spaces')
    .meta({ format: 'uri-reference', example: '/media/kitchen-210.svg' }),
  alt: text(0, 500).meta({
    description: 'What the picture shows, for those who do not see it.',
    example: 'A blue mug',
  }),
});

const productInput = {
  name: line(1, 200).meta({ example: 'Enamel mug' }),
  description: orNull(text(0, 10_000)).meta({ example: 'Blue, and holds 0.4 litres.' }),
  priceCents,
  stock: z.int().min(0).max(stockMax).meta({ example: 25 }),
  sku: orNull(sku).meta({ description: 'Unique among products that are not deleted.', example: 'MUG-040-BL' }),
  tags: orNone(z.array(tag).max(tagsMax).superRefine(refuseRepeated)).meta({
    description: 'Each once; compared exactly, in NFC.',
    example: ['kitchen', 'enamel'],
  }),
  images: orNone(z.array(image).max(imagesMax)).meta({ description: 'Never fetched by the shop.' }),
};

/** A product as an admin writes it, whole. */
export const productInputSchema = z.strictObject(productInput).meta({ id: 'ProductInput' });

export type ProductInput = z.output<typeof productInputSchema>;

/** The same for a product that is there, whose stock stays when it is left out. */
export const productReplacementSchema = z
  .strictObject({
    ...productInput,
    stock: productInput.stock.optional().meta({ description: 'Stays as it is when left out.' }),
  })
  .meta({ id: 'ProductReplacement', description: 'What is left out becomes its default, `stock` aside.' });

export type ProductReplacement = z.output<typeof productReplacementSchema>;

/** A product as an item of a batch has it: known by its SKU, with a stock when it is new, and else a change of stock. */
export const productBatchItemSchema = z
  .strictObject({
    ...productInput,
    sku: sku.meta({ description: 'Which product it is, or is to be.', example: 'MUG-040-BL' }),
    stock: productInput.stock.optional().meta({ description: 'For a new product, and only for that.', example: 25 }),
    stockChange: stockDifference.optional().meta({
      description: 'For a product that is there, and only for that; not 0; needs an `Idempotency-Key`.',
      example: 24,
    }),
  })
  .meta({
    id: 'ProductBatchItem',
    description: 'What is left out becomes its default, as with `PUT`.',
    example: { sku: 'MUG-040-GR', name: 'Enamel mug, green', priceCents: 1299, stock: 25, tags: ['kitchen', 'enamel'] },
  });

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
      example: 'mug',
    }),
    minPriceCents: optional(queryInteger(0, priceCentsMax)).meta({
      ...priceRange,
      description: 'Only products that cost so much or more.',
      example: 500,
    }),
    maxPriceCents: optional(queryInteger(0, priceCentsMax)).meta({
      ...priceRange,
      description: 'Only products that cost so much or less.',
      example: 2_500,
    }),
    inStock: queryFlag.meta({
      type: 'string',
      enum: ['true', 'false'],
      description: '`true`: only products of which there are some.',
    }),
    sku: optional(sku).meta({
      type: 'string',
      description: 'Only the product with this SKU: up to 64 printable ASCII characters without blanks.',
      example: 'MUG-040-BL',
    }),
    tag: optional(tag).meta({ type: 'string', description: 'Only products with this tag.', example: 'kitchen' }),
    sort: optional(z.enum(productSorts)).meta({
      type: 'string',
      enum: productSorts,
      description: 'By default `-createdAt`, or with `q` the best match first.',
    }),
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

/** The file of one of the shop's own pictures, and what it is. */
export const pictureParams = z.object({
  file: z.string().meta({ description: 'As the `images` of a seeded product name it.', example: 'kitchen-210.svg' }),
});
export const pictureSchema = z.string();

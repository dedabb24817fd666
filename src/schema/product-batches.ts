import { z } from 'zod';
import { errorCode, fieldErrorsOf, id, problemErrors } from './common.ts';
import { productBatchItemSchema } from './products.ts';

const itemsMax = 500;

/** What became of an item of a batch. */
export const batchOutcomes = ['created', 'updated', 'unchanged', 'refused', 'not_written'] as const;

export const batchResultSchema = z
  .object({
    sku: z.string().nullable().meta({ description: 'As it was sent; null where no text was.', example: 'MUG-040-BL' }),
    outcome: z.enum(batchOutcomes).meta({
      description:
        '`unchanged`: the product is so already, and keeps its version; `refused`: for the reason in `code`; `not_written`: because of another one.',
    }),
    id: id.nullable().meta({ description: 'The product; null where there is none, and on `refused`.' }),
    code: errorCode.optional(),
    errors: problemErrors.optional().meta({ description: 'What is wrong with the item, or of what it is short.' }),
  })
  .meta({ id: 'ProductBatchResult' });

export type BatchResult = z.infer<typeof batchResultSchema>;

export const productBatchSchema = z
  .object({ results: z.array(batchResultSchema).meta({ description: 'In the order of the items.' }) })
  .meta({ id: 'ProductBatchResults' });

export type ProductBatchBody = z.infer<typeof productBatchSchema>;

/** How the document shows an item, which is judged by itself. */
export const batchItemName = 'ProductBatchItem';

/** A batch as a whole; what is wrong with an item is told in its result. */
export const productBatchInputSchema = z
  .strictObject({
    items: z
      .array(z.unknown())
      .min(1)
      .max(itemsMax)
      .meta({
        type: 'array',
        items: { $ref: `#/components/schemas/${batchItemName}` },
        minItems: 1,
        maxItems: itemsMax,
        description: 'Each is judged alone.',
      }),
    onError: z
      .enum(['reject', 'skip'])
      .optional()
      .transform((onError) => onError ?? 'reject')
      .meta({
        description:
          '`reject`, as when left out: one item that is refused, and nothing is written; `skip`: the others are.',
      }),
    dryRun: z
      .boolean()
      .optional()
      .transform((dryRun) => dryRun ?? false)
      .meta({ description: 'Answers the same, and writes nothing.' }),
  })
  .meta({ id: 'ProductBatchInput' });

export type ProductBatchInput = z.output<typeof productBatchInputSchema>;

/** Whether an item is to change the stock of a product, however it says so. */
export function changesStock(item: unknown): boolean {
  return typeof item === 'object' && item !== null && 'stockChange' in item;
}

type BatchItem = z.output<typeof productBatchItemSchema>;

/** An item that could be written as far as can be told without the catalogue, or what is wrong with it. */
export type JudgedItem =
  | { sku: string; item: BatchItem; errors: null }
  | { sku: string | null; item: null; errors: { path: string; message: string }[] };

const named = z.looseObject({ sku: z.string() });

/** Judges each item of a batch by itself; a SKU that was there before is refused where it comes again. */
export function judgeItems(items: unknown[]): JudgedItem[] {
  const seen = new Set<string>();
  return items.map((given) => {
    const sku = named.safeParse(given).data?.sku ?? null;
    const isRepeated = sku !== null && seen.has(sku);
    if (sku !== null) seen.add(sku);
    const parsed = productBatchItemSchema.safeParse(given);
    const errors = parsed.success ? [] : fieldErrorsOf(parsed.error);
    if (isRepeated) errors.push({ path: 'sku', message: 'must not be there twice' });
    if (parsed.success && errors.length === 0) return { sku: parsed.data.sku, item: parsed.data, errors: null };
    return { sku, item: null, errors };
  });
}

import { z } from 'zod';
import { actorSchema } from './audit-events.ts';
import { type Held, id, idInput, optional, orNull, text, timestamp } from './common.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

/** The most units that a product may have in stock, and that one change may move. */
export const stockMax = 1_000_000_000;

/** What staff may give as the reason of a change. */
const givenReasons = ['received', 'returned', 'damaged', 'count', 'correction'] as const;

/** Why stock changed, orders aside: `opening` is what was there before the first booking. */
export const stockReasons = ['created', 'edited', 'opening', ...givenReasons] as const;
export type StockReason = (typeof stockReasons)[number];

export const stockChangeSchema = z
  .object({
    id,
    productId: id,
    change: z.int().meta({ description: 'Units that came in, or went out when negative.', example: 24 }),
    reason: z.enum(stockReasons).meta({
      description:
        '`created`: the product was made with it; `edited`: a `PUT` set another stock, or a batch changed it; `opening`: it was there before changes were booked.',
    }),
    note: z.string().nullable(),
    stockAfter: z.int().meta({ description: 'The stock right after the change.', example: 49 }),
    actor: actorSchema,
    createdAt: timestamp,
  })
  .meta({ id: 'StockChange' });

export const stockChangeListSchema = listOf('StockChangeList', stockChangeSchema);

export type StockChangeBody = z.infer<typeof stockChangeSchema>;

type Flat = Omit<StockChangeBody, 'actor'> & {
  actorKind: StockChangeBody['actor']['kind'];
  actorId: string | null;
};

/** A stock change as it goes over the wire. */
export function serializeStockChange(change: Held<Flat, 'createdAt'>): StockChangeBody {
  return {
    id: change.id,
    productId: change.productId,
    change: change.change,
    reason: change.reason,
    note: change.note,
    stockAfter: change.stockAfter,
    actor: { kind: change.actorKind, id: change.actorId },
    createdAt: change.createdAt.toISOString(),
  };
}

/** By how much stock changes. */
export const stockDifference = z
  .int()
  .min(-stockMax)
  .max(stockMax)
  .refine((change) => change !== 0, 'must not be 0');

/** A change as staff book it. `expectedStock` is what the stock has to be before. */
export const stockChangeInputSchema = z
  .strictObject({
    productId: idInput,
    change: stockDifference.meta({
      description: 'Units that come in, or go out when negative; not 0.',
      example: 24,
    }),
    reason: z.enum(givenReasons).meta({ example: 'received' }),
    note: orNull(text(0, 500)).meta({ example: 'Two boxes.' }),
    expectedStock: z
      .int()
      .min(0)
      .max(stockMax)
      .optional()
      .meta({ description: 'Refused with `stock_changed` unless the stock is this.', example: 25 }),
  })
  .meta({ id: 'StockChangeInput' });

export type StockChangeInput = z.output<typeof stockChangeInputSchema>;

export const stockChangeQuerySchema = z
  .strictObject({
    ...pageQuery,
    productId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: 'Only changes of this product.',
    }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type StockChangeQuery = z.output<typeof stockChangeQuerySchema>;

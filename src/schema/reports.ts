import { z } from 'zod';
import { currency, id } from './common.ts';
import { checkSpan, dayInput } from './days.ts';

const daysMax = 366;
/** Up to how many orders are counted of each kind that is open. */
export const openCountMax = 10_000;

export const salesQuerySchema = z
  .strictObject({
    from: dayInput.meta({ description: 'The first day (UTC).' }),
    to: dayInput.meta({ description: `The last day; at most ${daysMax} days in all.` }),
  })
  .superRefine((query, context) => checkSpan(query, context, daysMax));
export type SalesQuery = z.output<typeof salesQuerySchema>;

const totalCents = z.int().meta({ description: 'In minor units of the currency.', example: 129_900 });
const units = z.int().meta({ example: 100 });
const productName = { productId: id, sku: z.string().nullable(), name: z.string() };
const counted = z.int().min(0).max(openCountMax);

export const salesSchema = z
  .object({
    currency,
    days: z.array(z.object({ day: z.iso.date(), orders: z.int(), units, totalCents })).meta({
      description: 'Every day of the span, with the orders placed on it that are neither cancelled nor deleted.',
    }),
    bestSellers: z
      .array(z.object({ ...productName, units, totalCents }))
      .meta({ description: 'The ten products of which most units were sold in the span.' }),
    lowStock: z
      .array(z.object({ ...productName, stock: z.int() }))
      .meta({ description: 'The twenty products with the lowest stock now.' }),
    open: z.object({ pending: counted, processing: counted, shipped: counted, onHold: counted, late: counted }).meta({
      description: `Orders as they are now, each counted to ${openCountMax} at most. \`onHold\` and \`late\` (should have moved on by itself, and has not) are among the others.`,
    }),
  })
  .meta({ id: 'SalesReport' });
export type SalesReport = z.infer<typeof salesSchema>;

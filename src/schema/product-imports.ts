import { z } from 'zod';
import { timestamp } from './common.ts';
import { productReplacementSchema } from './products.ts';

const moment = timestamp.transform((text) => new Date(text)).nullish();

/** A product as a file has it: as an export writes it, or less than that, but for what a new product needs. */
export const productImportSchema = z.strictObject({
  ...productReplacementSchema.shape,
  id: z
    .uuidv7()
    .transform((id) => id.toLowerCase())
    .nullish(),
  currency: z.string().nullish(),
  createdAt: moment,
  updatedAt: moment,
  deletedAt: z.null('must be null: the import deletes nothing').optional(),
});

export type ProductImport = z.output<typeof productImportSchema>;

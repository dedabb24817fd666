import { z } from 'zod';
import { auditEventSchema } from './audit-events.ts';
import { timestamp } from './common.ts';
import { customerSchema } from './customers.ts';
import { keySchema } from './keys.ts';
import { mailSchema } from './mails.ts';
import { orderSchema, orderStatuses } from './orders.ts';
import { sessionSchema } from './sessions.ts';

const step = z.object({ run: z.int(), status: z.enum(orderStatuses), at: timestamp });

export const customerExportSchema = z
  .object({
    customer: customerSchema,
    secondFactorSince: timestamp.nullable(),
    sessions: z.array(sessionSchema),
    keys: z.array(keySchema).meta({ description: 'Keys for programs that an admin has made.' }),
    orders: z.array(
      orderSchema
        .extend({
          runs: z.array(step).meta({ description: 'The history of every run.' }),
          mails: z.array(mailSchema).meta({ description: 'The mails about it.' }),
        })
        .meta({ id: 'ExportedOrder' }),
    ),
    mails: z.array(mailSchema).meta({ description: 'Mails that are about no order.' }),
    idempotencyKeys: z.array(z.object({ key: z.string(), createdAt: timestamp })),
    auditEvents: z.array(auditEventSchema).meta({
      description: 'What the person did, and what others did to the account.',
    }),
  })
  .meta({ id: 'CustomerExport' });

export type CustomerExportBody = z.infer<typeof customerExportSchema>;

/** What stands before the lists, and each list by its name, as they go over the wire. */
export type ExportParts = Pick<CustomerExportBody, 'customer' | 'secondFactorSince'> & {
  [List in Exclude<keyof CustomerExportBody, 'customer' | 'secondFactorSince'>]: AsyncIterable<
    CustomerExportBody[List][number]
  >;
};

/** The JSON of an export, piece by piece. */
export async function* writeExport({ customer, secondFactorSince, ...lists }: ExportParts): AsyncGenerator<string> {
  yield `{"customer":${JSON.stringify(customer)},"secondFactorSince":${JSON.stringify(secondFactorSince)}`;
  for (const [name, items] of Object.entries(lists)) {
    yield `,"${name}":[`;
    let separator = '';
    for await (const item of items) {
      yield separator + JSON.stringify(item);
      separator = ',';
    }
    yield ']';
  }
  yield '}';
}

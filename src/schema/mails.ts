import { z } from 'zod';
import { id, idInput, optional, timestamp } from './common.ts';
import { orderStatuses } from './orders.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

/** `queued` waits for its next attempt, `sending` is in a worker's hands, `failed` has been given up until someone sends it again. */
export const mailStates = ['queued', 'sending', 'sent', 'failed'] as const;
export type MailState = (typeof mailStates)[number];

export const mailSchema = z
  .object({
    id,
    orderId: id,
    run: z.int(),
    status: z.enum(orderStatuses).meta({ description: 'The order status that the mail tells of.' }),
    state: z.enum(mailStates),
    attempts: z.int(),
    lastError: z.string().nullable(),
    createdAt: timestamp,
    nextAttemptAt: timestamp.nullable(),
    sentAt: timestamp.nullable(),
  })
  .meta({ id: 'Mail' });

export const mailListSchema = listOf('MailList', mailSchema);

export const queuedMailsSchema = z
  .object({ queued: z.int().meta({ description: 'How many mails were queued; call again until it is 0.' }) })
  .meta({ id: 'QueuedMails' });

export type MailBody = z.infer<typeof mailSchema>;

export const mailQuerySchema = z
  .strictObject({
    ...pageQuery,
    state: optional(z.enum(mailStates)).meta({ type: 'string', enum: mailStates }),
    orderId: optional(idInput).meta({ type: 'string', format: 'uuid' }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type MailQuery = z.output<typeof mailQuerySchema>;

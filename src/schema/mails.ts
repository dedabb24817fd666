import { z } from 'zod';
import { id, idInput, optional } from './common.ts';
import { orderStatuses } from './orders.ts';
import { type OutboxRow, outboxFields, outboxStates, serializeOutboxFields } from './outbox.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

/** What a mail is about; those of orders tell of a status, the others of an account. */
export const mailKinds = [
  'order_status',
  'password_reset',
  'email_verification',
  'password_changed',
  'email_changed',
  'webhook_disabled',
] as const;
export type MailKind = (typeof mailKinds)[number];

export type AccountMailKind = Exclude<MailKind, 'order_status'>;

/** Those that bring a token, with which their reader shows that the address is theirs. */
export const tokenKinds = ['password_reset', 'email_verification'] as const satisfies MailKind[];
export type TokenKind = (typeof tokenKinds)[number];

/** Mails that a person waits for: no limit keeps them back, and they do not count against it. */
export const unlimitedMailKinds: readonly MailKind[] = ['password_reset'];

export const mailSchema = z
  .object({
    id,
    kind: z.enum(mailKinds),
    customerId: id.meta({ description: 'The account that the mail is sent to.' }),
    orderId: id.nullable().meta({ description: 'Null, like `run` and `status`, for mails of no order.' }),
    run: z.int().nullable(),
    status: z.enum(orderStatuses).nullable().meta({ description: 'The order status that the mail tells of.' }),
    ...outboxFields,
  })
  .meta({ id: 'Mail' });

export const mailListSchema = listOf('MailList', mailSchema);

export const queuedMailsSchema = z
  .object({ queued: z.int().meta({ description: 'How many mails were queued; call again until it is 0.' }) })
  .meta({ id: 'QueuedMails' });

export type MailBody = z.infer<typeof mailSchema>;

/** A mail of the outbox as it goes over the wire. */
export function serializeMail(mail: Omit<MailBody, keyof OutboxRow | 'nextAttemptAt'> & OutboxRow): MailBody {
  return {
    id: mail.id,
    kind: mail.kind,
    customerId: mail.customerId,
    orderId: mail.orderId,
    run: mail.run,
    status: mail.status,
    ...serializeOutboxFields(mail),
  };
}

export const mailQuerySchema = z
  .strictObject({
    ...pageQuery,
    state: optional(z.enum(outboxStates)).meta({
      type: 'string',
      enum: outboxStates,
      description: 'Only mails in this state.',
    }),
    orderId: optional(idInput).meta({ type: 'string', format: 'uuid', description: 'Only mails of this order.' }),
    customerId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: 'Only mails to this account, of its orders too.',
    }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type MailQuery = z.output<typeof mailQuerySchema>;

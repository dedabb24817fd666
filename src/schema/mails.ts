import { z } from 'zod';
import { type Held, id, idInput, optional, serializeMoment, timestamp } from './common.ts';
import { orderStatuses } from './orders.ts';
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

/** Those that bring a token, with which whoever reads them shows that the address is theirs. */
export const tokenKinds = ['password_reset', 'email_verification'] as const satisfies MailKind[];
export type TokenKind = (typeof tokenKinds)[number];

/** Mails that a person waits for: no limit keeps them back, and they do not count against it. */
export const awaitedMailKinds: readonly MailKind[] = ['password_reset'];

/** `queued` waits for its next attempt, `sending` is in a worker's hands, `failed` has been given up until someone sends it again. */
export const mailStates = ['queued', 'sending', 'sent', 'failed'] as const;
export type MailState = (typeof mailStates)[number];

export const mailSchema = z
  .object({
    id,
    kind: z.enum(mailKinds),
    customerId: id.meta({ description: 'The account that the mail is sent to.' }),
    orderId: id.nullable().meta({ description: 'Null, like `run` and `status`, for mails of no order.' }),
    run: z.int().nullable(),
    status: z.enum(orderStatuses).nullable().meta({ description: 'The order status that the mail tells of.' }),
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

/** A mail of the outbox as it goes over the wire; `dueAt` is called `nextAttemptAt` there. */
export function serializeMail(
  mail: Held<Omit<MailBody, 'nextAttemptAt'>, 'createdAt' | 'sentAt'> & { dueAt: Date | null },
): MailBody {
  return {
    id: mail.id,
    kind: mail.kind,
    customerId: mail.customerId,
    orderId: mail.orderId,
    run: mail.run,
    status: mail.status,
    state: mail.state,
    attempts: mail.attempts,
    lastError: mail.lastError,
    createdAt: mail.createdAt.toISOString(),
    nextAttemptAt: serializeMoment(mail.dueAt),
    sentAt: serializeMoment(mail.sentAt),
  };
}

export const mailQuerySchema = z
  .strictObject({
    ...pageQuery,
    state: optional(z.enum(mailStates)).meta({ type: 'string', enum: mailStates }),
    orderId: optional(idInput).meta({ type: 'string', format: 'uuid' }),
    customerId: optional(idInput).meta({
      type: 'string',
      format: 'uuid',
      description: 'Only mails to this account, of its orders too.',
    }),
  })
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type MailQuery = z.output<typeof mailQuerySchema>;

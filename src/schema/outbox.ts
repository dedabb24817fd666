import { z } from 'zod';
import { type Held, serializeMoment, timestamp } from './common.ts';

/** `queued` waits for its next attempt, `sending` is in a worker's hands, `failed` has been given up until someone sends it again. */
export const outboxStates = ['queued', 'sending', 'sent', 'failed'] as const;
export type OutboxState = (typeof outboxStates)[number];

/** How far something that the shop owes to the outside has come: the last members of a mail and of a webhook delivery. */
export const outboxFields = {
  state: z.enum(outboxStates),
  attempts: z.int(),
  lastError: z.string().nullable(),
  createdAt: timestamp,
  nextAttemptAt: timestamp.nullable(),
  sentAt: timestamp.nullable(),
};

type OutboxBody = z.infer<z.ZodObject<typeof outboxFields>>;

/** A row of an outbox, whose `dueAt` is called `nextAttemptAt` on the wire. */
export type OutboxRow = Held<Omit<OutboxBody, 'nextAttemptAt'>, 'createdAt' | 'sentAt'> & { dueAt: Date | null };

/** Those members as they go over the wire. */
export function serializeOutboxFields({ state, attempts, lastError, createdAt, dueAt, sentAt }: OutboxRow): OutboxBody {
  return {
    state,
    attempts,
    lastError,
    createdAt: createdAt.toISOString(),
    nextAttemptAt: serializeMoment(dueAt),
    sentAt: serializeMoment(sentAt),
  };
}

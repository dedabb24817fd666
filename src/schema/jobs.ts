import { z } from 'zod';

/** Of the request, or the round of the relay, that enqueued a row, to find both in the logs and in one trace. */
const origin = {
  requestId: z.string().max(255).optional(),
  /** W3C Trace Context. */
  traceparent: z.string().max(255).optional(),
};

/**
 * What a job of the outbox carries: rows to hand over. Everything else is read from Postgres on arrival. Not strict, so
 * that a job of a newer release is not refused.
 */
export const batchJobSchema = z.object({ rows: z.array(z.object({ id: z.uuid(), ...origin })) });
export type BatchJob = z.infer<typeof batchJobSchema>;
export type QueuedRow = BatchJob['rows'][number];

/** What a job of the release before carries. */
export const mailJobSchema = z.object({ mailId: z.uuid(), ...origin });

import { z } from 'zod';

/**
 * What a mail job carries: the ledger row to send, and who asked for it, to find both in the logs and in one trace.
 * Everything else is read from Postgres on arrival. Not strict, so that a job of a newer release is not refused.
 */
export const mailJobSchema = z.object({
  mailId: z.uuid(),
  /** Of the request, or the sweep, that enqueued the mail. */
  requestId: z.string().max(255).optional(),
  /** W3C Trace Context. */
  traceparent: z.string().max(255).optional(),
});
export type MailJob = z.infer<typeof mailJobSchema>;

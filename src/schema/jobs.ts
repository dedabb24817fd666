import { z } from 'zod';

/** What a mail job carries: the ledger row to send. Everything else is read from Postgres on arrival. */
export const mailJobSchema = z.strictObject({ mailId: z.uuid() });
export type MailJob = z.infer<typeof mailJobSchema>;

import { mails } from '../../db/tables.ts';
import type { OutboxKind } from './outbox.ts';

/** Mails of orders and accounts, which all go to the one mail server. */
export const mailOutbox: OutboxKind = {
  table: mails,
  handoverMs: 5_000,
  leaseMs: 15_000,
  firstRetryMs: 2_000,
  retryMsMax: 15 * 60_000,
  givenUpAfterMs: 24 * 3_600_000,
};

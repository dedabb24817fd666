import { sql } from 'drizzle-orm';
import { mails } from '../../db/tables.ts';
import type { OutboxKind } from './outbox.ts';

/** Mails all go to the one mail server. */
const ofMails = {
  table: mails,
  handoverMs: 5_000,
  leaseMs: 15_000,
  firstRetryMs: 2_000,
  retryMsMax: 15 * 60_000,
  givenUpAfterMs: 24 * 3_600_000,
};

/** Mails of orders. */
export const mailOutbox: OutboxKind = { ...ofMails, rows: sql`kind = 'order_status'` };

/** Mails of accounts, which somebody waits for: apart, so that no backlog of orders' mails delays them. */
export const accountMailOutbox: OutboxKind = { ...ofMails, rows: sql`kind <> 'order_status'` };

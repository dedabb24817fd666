import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind } from '@opentelemetry/api';
import { UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { databaseWaitMsMax } from '../deadline.ts';
import { claimMails, leaseMs, type MailToSend, recordFailure, recordSent } from '../domain/mails.ts';
import { msSince } from '../elapsed.ts';
import type { Mailbox } from '../lib/mailbox.ts';
import { createTracedBatcher } from '../lib/traced-batcher.ts';
import { type MailJob, mailJobSchema } from '../schema/jobs.ts';
import { inSpan, inTraceOf } from '../spans.ts';
import { composeMail } from './mail-templates.tsx';
import type { Mailer, MailFault } from './mailer.ts';

const recordRetryMs = 250;
/** One batch at a time: what comes meanwhile makes the next one larger, and a batch costs little more than a mail. */
const batchesMax = 1;
const batchSizeMax = 100;

/** What became of one attempt at a mail: a `refused` one is tried again, a `failed` one when an admin says so. */
export type MailOutcome = 'sent' | 'refused' | 'failed';

type SendMailNeeds = {
  db: Database;
  mailer: Mailer;
  mailFrom: Mailbox;
  log: Logger;
  onOutcome: (outcome: MailOutcome) => void;
};

/**
 * Sends the mail that a job names, once: the ledger row is claimed, the message handed over, the outcome recorded.
 * A job whose row is sent or in other hands does nothing.
 */
export function createSendMail(needs: SendMailNeeds): (payload: unknown) => Promise<void> {
  const { db, mailer, mailFrom, log, onOutcome } = needs;
  // What is claimed or recorded at the same time shares a transaction, which costs more than anything else about a mail.
  const claims = createTracedBatcher<string, MailToSend | null>('claim mails', {
    batchesMax,
    batchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    deadlineMs: databaseWaitMsMax,
    run: async (ids, endsAt) => {
      const claimed = await withTransaction(db, (tx) => claimMails(tx, ids), endsAt);
      return ids.map((id) => {
        const mail = claimed.get(id) ?? null;
        // Jobs are delivered at least once, so an id may be here twice; one of them may send.
        claimed.delete(id);
        return mail;
      });
    },
  });
  const sent = createTracedBatcher<string, void>('record mails', {
    batchesMax,
    batchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    deadlineMs: databaseWaitMsMax,
    run: async (ids, endsAt) => {
      await withTransaction(db, (tx) => recordSent(tx, ids), endsAt);
      return ids.map(() => undefined);
    },
  });

  async function work({ mailId, requestId }: MailJob): Promise<void> {
    const startedAt = performance.now();
    const claimed = await claims.add(mailId);
    if (!claimed) return;
    const fault = await send(mailer, claimed, mailFrom);
    const { run, status, attempts } = claimed.mail;
    const facts = { requestId, mailId, orderId: claimed.order.id, run, status, attempt: attempts };
    if (fault) {
      const { message: reason, permanent } = fault;
      log.warn({ ...facts, permanent, reason, durationMs: msSince(startedAt) }, 'mail refused');
      const givenUp = await withTransaction(db, (tx) => recordFailure(tx, claimed.mail, { error: reason, permanent }));
      onOutcome(givenUp ? 'failed' : 'refused');
    } else {
      await recordForSure(() => sent.add(mailId), mailId, log);
      log.info({ ...facts, durationMs: msSince(startedAt) }, 'mail sent');
      onOutcome('sent');
    }
  }

  return async (payload) => {
    const job = mailJobSchema.safeParse(payload);
    if (!job.success) throw new UnrecoverableError('the payload names no mail');
    const { mailId, traceparent } = job.data;
    const attributes = { 'shop.mail_id': mailId };
    await inTraceOf({ traceparent }, () =>
      inSpan('send mail', { kind: SpanKind.CONSUMER, attributes }, () => work(job.data)),
    );
  };
}

/** A row that no mail can be written from is set aside for good, because no retry helps. */
function send(mailer: Mailer, claimed: MailToSend, mailFrom: Mailbox): Promise<MailFault | null> {
  try {
    return mailer.send(composeMail(claimed, mailFrom));
  } catch (error) {
    return Promise.resolve({ message: `cannot be written: ${String(error)}`, permanent: true });
  }
}

/** The message is out, so this must not be forgotten while there is time: a second one would follow. */
async function recordForSure(record: () => Promise<void>, mailId: string, log: Logger): Promise<void> {
  const endsAt = performance.now() + leaseMs;
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (performance.now() > endsAt) throw error;
      log.warn({ err: error, mailId }, 'mail sent but not yet recorded');
      await sleep(recordRetryMs);
    }
  }
}

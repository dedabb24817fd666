import { setTimeout as sleep } from 'node:timers/promises';
import { UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { claimMails, leaseMs, type MailToSend, recordFailure, recordSent } from '../domain/mails.ts';
import { createLane } from '../lane.ts';
import { mailJobSchema } from '../schema/jobs.ts';
import { composeMail } from './mail-templates.tsx';
import type { Mailer, MailFault } from './mailer.ts';

const recordRetryMs = 250;
/** Two batches under way at once keep Postgres busy while messages are on their way. */
const lanes = 2;
const batchSizeMax = 100;

type SendMailNeeds = { db: Database; mailer: Mailer; mailFrom: string; log: Logger };

/**
 * Sends the mail that a job names, once: the ledger row is claimed, the message handed over, the outcome recorded.
 * A job whose row is sent or in other hands does nothing.
 */
export function createSendMail({ db, mailer, mailFrom, log }: SendMailNeeds): (payload: unknown) => Promise<void> {
  // What is claimed or recorded at the same time shares a transaction, which costs more than anything else about a mail.
  const claims = createLane<string, MailToSend | null>({
    lanes,
    batchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    run: async (ids, endsAt) => {
      const claimed = await withTransaction(db, (tx) => claimMails(tx, ids, new Date()), endsAt);
      return ids.map((id) => {
        const mail = claimed.get(id) ?? null;
        // Jobs are delivered at least once, so an id may be here twice; one of them may send.
        claimed.delete(id);
        return mail;
      });
    },
  });
  const sent = createLane<string, void>({
    lanes,
    batchSizeMax,
    waitingMax: Number.POSITIVE_INFINITY,
    run: async (ids, endsAt) => {
      await withTransaction(db, (tx) => recordSent(tx, ids, new Date()), endsAt);
      return ids.map(() => undefined);
    },
  });

  return async (payload) => {
    const job = mailJobSchema.safeParse(payload);
    if (!job.success) throw new UnrecoverableError('the payload names no mail');
    const { mailId } = job.data;
    const claimed = await claims.submit(mailId);
    if (!claimed) return;
    const fault = await send(mailer, claimed, mailFrom);
    const facts = { mailId, orderId: claimed.order.id, run: claimed.mail.run, status: claimed.mail.status };
    if (fault) {
      log.warn(
        { ...facts, attempt: claimed.mail.attempts, permanent: fault.permanent, reason: fault.message },
        'mail refused',
      );
      await withTransaction(db, (tx) =>
        recordFailure(tx, claimed.mail, { error: fault.message, permanent: fault.permanent, now: new Date() }),
      );
    } else {
      await recordForSure(() => sent.submit(mailId), mailId, log);
      log.info(facts, 'mail sent');
    }
  };
}

/** A row that no mail can be written from is set aside for good, because no retry mends it. */
function send(mailer: Mailer, claimed: MailToSend, mailFrom: string): Promise<MailFault | null> {
  try {
    return mailer.send(composeMail(claimed, mailFrom));
  } catch (error) {
    return Promise.resolve({ message: `cannot be written: ${String(error)}`, permanent: true });
  }
}

/** The message is out, so this must not be forgotten while there is time: a second one would follow. */
async function recordForSure(record: () => Promise<void>, mailId: string, log: Logger): Promise<void> {
  const endsAt = Date.now() + leaseMs;
  for (;;) {
    try {
      return await record();
    } catch (error) {
      if (Date.now() > endsAt) throw error;
      log.warn({ err: error, mailId }, 'mail sent but not yet recorded');
      await sleep(recordRetryMs);
    }
  }
}

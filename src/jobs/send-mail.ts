import { setTimeout as sleep } from 'node:timers/promises';
import { UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { claimMail, leaseMs, type MailToSend, recordFailure, recordSent } from '../domain/mails.ts';
import { mailJobSchema } from '../schema/jobs.ts';
import { composeMail } from './mail-templates.tsx';
import type { Mailer, MailFault } from './mailer.ts';

const recordRetryMs = 250;

type SendMailNeeds = { db: Database; mailer: Mailer; mailFrom: string; log: Logger };

/**
 * Sends the mail that a job names, once: the ledger row is claimed, the message handed over, the outcome recorded.
 * A job whose row is sent or in other hands does nothing.
 */
export function createSendMail({ db, mailer, mailFrom, log }: SendMailNeeds): (payload: unknown) => Promise<void> {
  return async (payload) => {
    const job = mailJobSchema.safeParse(payload);
    if (!job.success) throw new UnrecoverableError('the payload names no mail');
    const { mailId } = job.data;
    const claimed = await withTransaction(db, (tx) => claimMail(tx, mailId, new Date()));
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
      await recordForSure(db, claimed, log);
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
async function recordForSure(db: Database, { mail }: MailToSend, log: Logger): Promise<void> {
  const endsAt = Date.now() + leaseMs;
  for (;;) {
    try {
      return await withTransaction(db, (tx) => recordSent(tx, mail, new Date()));
    } catch (error) {
      if (Date.now() > endsAt) throw error;
      log.warn({ err: error, mailId: mail.id }, 'mail sent but not yet recorded');
      await sleep(recordRetryMs);
    }
  }
}

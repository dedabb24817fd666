import { mailOutbox } from '../domain/outbox/kinds.ts';
import { claimMails, type MailToSend } from '../domain/outbox/mails.ts';
import type { Outcome } from '../domain/outbox/outbox.ts';
import type { Mailbox } from '../lib/mailbox.ts';
import { mailJobSchema } from '../schema/jobs.ts';
import type { DeliveryKind } from './delivery.ts';
import { composeMail } from './mail-templates.tsx';
import type { Mailer } from './mailer.ts';

/** Mails in hand for each connection to the mail server, so that the next ones are claimed while others are on their way. */
const inHandOfConnection = 3;

type MailTerms = { mailFrom: Mailbox; unverifiedMailsPerHour: number };

/** The mails of the outbox: composed from what was claimed, and handed to the mail server. */
export function mailDelivery(
  mailer: Mailer,
  { mailFrom, unverifiedMailsPerHour }: MailTerms,
): DeliveryKind<MailToSend> {
  return {
    ...mailOutbox,
    word: 'mail',
    plural: 'mails',
    claim: (tx, ids) => claimMails(tx, ids, unverifiedMailsPerHour),
    handOver: (mail, begunAt) => send(mailer, mail, mailFrom, begunAt),
    inHandMax: () => inHandOfConnection * mailer.connections(),
    facts: (mail) =>
      mail.kind === 'webhook_disabled'
        ? { kind: mail.kind, webhookId: mail.webhook.id }
        : { orderId: mail.order.id, run: mail.run, status: mail.status },
  };
}

/** A row that no mail can be written from is set aside for good, because trying again does not help. */
async function send(mailer: Mailer, mail: MailToSend, mailFrom: Mailbox, begunAt: number): Promise<Outcome> {
  try {
    const fault = await mailer.send(composeMail(mail, mailFrom), begunAt);
    if (fault === null) return { result: 'sent' };
    if (fault === 'no turn') return { result: 'untried' };
    return { result: 'refused', error: fault.message, permanent: fault.permanent };
  } catch (error) {
    return { result: 'refused', error: `cannot be written: ${String(error)}`, permanent: true };
  }
}

/** Reads a job of the release before, which names one mail, as one of today. */
export function batchOfMailJob(payload: unknown): unknown {
  const job = mailJobSchema.safeParse(payload);
  if (!job.success) return payload;
  const { mailId, ...origin } = job.data;
  return { rows: [{ id: mailId, ...origin }] };
}

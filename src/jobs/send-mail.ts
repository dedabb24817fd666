import { claimMails, type MailToSend } from '../domain/outbox/mails.ts';
import type { OutboxKind, Outcome } from '../domain/outbox/outbox.ts';
import { mailJobSchema } from '../schema/jobs.ts';
import type { DeliveryKind } from './delivery.ts';
import { composeMail, type MailTerms } from './mail-templates.tsx';
import type { Mailer } from './mailer.ts';

/** Mails in hand for each connection to the mail server, so that the next ones are claimed while others are on their way. */
const inHandOfConnection = 3;

/**
 * Mails of the outbox: composed from what was claimed, and handed to the mail server.
 * @param kind of orders, or of accounts, which are urgent: somebody waits for them
 */
export function mailDelivery(
  kind: OutboxKind,
  mailer: Mailer,
  { unverifiedMailsPerHour, ...terms }: MailTerms & { unverifiedMailsPerHour: number },
  { urgent }: { urgent: boolean },
): DeliveryKind<MailToSend> {
  return {
    ...kind,
    word: 'mail',
    plural: 'mails',
    claim: (tx, ids) => claimMails(tx, ids, unverifiedMailsPerHour),
    handOver: (mail, begunAt) => send(mailer, mail, terms, { begunAt, urgent }),
    inHandMax: () => inHandOfConnection * mailer.connections(),
    facts: factsOf,
  };
}

function factsOf(mail: MailToSend): Record<string, unknown> {
  if (mail.kind !== 'order_status')
    return { kind: mail.kind, customerId: mail.customerId, webhookId: mail.webhook?.id };
  return { orderId: mail.order.id, run: mail.run, status: mail.status };
}

/** A row that no mail can be written from is set aside for good, because trying again does not help. */
async function send(
  mailer: Mailer,
  mail: MailToSend,
  terms: MailTerms,
  { begunAt, urgent }: { begunAt: number; urgent: boolean },
): Promise<Outcome> {
  try {
    const fault = await mailer.send(composeMail(mail, terms), begunAt, urgent);
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

// Apart from src/jobs/queues.ts, so that naming a queue does not load BullMQ.

/** Of the outbox's kinds, each has a queue of its own, so that none delays another. */
export const mailQueue = 'mail-batches';
/** Mails of accounts, which somebody waits for. */
export const accountMailQueue = 'account-mail-batches';
export const webhookQueue = 'webhook-batches';
/** Of the release before: a job for each mail. What its processes add is still worked on. */
export const mailQueueBefore = 'mails';
export const orderQueue = 'orders';

/** The hash tag keeps every key of the queues in one slot of a Redis Cluster. */
export const keyPrefix = '{shop}';

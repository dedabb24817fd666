// Apart from src/jobs/queues.ts, so that naming a queue does not load BullMQ.

export const mailQueue = 'mails';
export const orderQueue = 'orders';

/** The hash tag keeps every key of the queues in one slot of a Redis Cluster. */
export const keyPrefix = '{shop}';

import { Gauge, type Registry } from 'prom-client';
import type { Backlog } from '../domain/outbox/backlog.ts';
import type { QueueDepths } from '../jobs/queues.ts';
import { withDeadline } from '../lib/deadline.ts';

/** How long a scrape waits for what others have to be asked for. */
const answerMsMax = 300;

/** Something outside of the process that a scrape asks, and where the answer is shown. */
type Source<Answer> = {
  name: 'postgres' | 'queue';
  read: () => Promise<Answer>;
  show: (answer: Answer) => void;
  /** Without an answer there is no sample: an old number would look like a new one. */
  hide: () => void;
};

type Sources = {
  backlog: () => Promise<Backlog>;
  queues: () => Promise<QueueDepths>;
  /** Hears why a source gave no answer. */
  onError: (error: unknown) => void;
};

/**
 * Answers scrapes: the registry, and the gauges that Postgres and the queue are asked for each time. Those that do not
 * answer in time are left out, and the scrape goes on without them.
 */
export function createScrape(registry: Registry, { backlog, queues, onError }: Sources): () => Promise<string> {
  const up = new Gauge({
    name: 'shop_source_up',
    help: 'Whether this scrape had an answer from what it asks: 0 means that the gauges of that source are left out',
    labelNames: ['source'],
    registers: [registry],
  });
  const ask = [
    probe(up, onError, { name: 'postgres', read: backlog, ...backlogGauges(registry) }),
    probe(up, onError, { name: 'queue', read: queues, ...queueGauges(registry) }),
  ];
  return async () => {
    await Promise.all(ask.map((each) => each()));
    return registry.metrics();
  };
}

function probe<Answer>(
  up: Gauge,
  onError: Sources['onError'],
  { name, read, show, hide }: Source<Answer>,
): () => Promise<void> {
  let underWay: Promise<Answer> | undefined;
  return async () => {
    // Not a second question before the first is answered, or they would pile up while nobody answers.
    underWay ??= read().finally(() => {
      underWay = undefined;
    });
    try {
      show(await withDeadline(underWay, answerMsMax));
      up.set({ source: name }, 1);
    } catch (error) {
      // Drizzle's message carries SQL; its cause says what happened without.
      onError(error instanceof Error ? (error.cause ?? error) : error);
      hide();
      up.set({ source: name }, 0);
    }
  };
}

function backlogGauges(registry: Registry): Pick<Source<Backlog>, 'show' | 'hide'> {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const due = gauge('shop_orders_due', 'Orders whose next step is due, counted up to 10 000');
  const dueAge = gauge('shop_oldest_due_order_age_seconds', 'For how long the longest due order has been due');
  const mails = gauge('shop_mails', 'Mails that are not sent by state, each counted up to 10 000', 'state');
  const mailAge = gauge('shop_oldest_unsent_mail_age_seconds', 'Age of the oldest mail that is still to be sent');
  const deliveries = gauge(
    'shop_webhook_deliveries',
    'Webhook deliveries that are not sent by state, each counted up to 10 000',
    'state',
  );
  const deliveryAge = gauge(
    'shop_oldest_due_webhook_delivery_age_seconds',
    'For how long the longest due delivery to a webhook that is not failing has been due',
  );
  return {
    show: (backlog) => {
      due.set(backlog.ordersDue);
      dueAge.set(backlog.oldestDueOrderSeconds);
      for (const [state, count] of Object.entries(backlog.mails)) mails.set({ state }, count);
      mailAge.set(backlog.oldestUnsentMailSeconds);
      for (const [state, count] of Object.entries(backlog.deliveries)) deliveries.set({ state }, count);
      deliveryAge.set(backlog.oldestDueDeliverySeconds);
    },
    hide: () => {
      mails.reset();
      deliveries.reset();
      for (const single of [due, dueAge, mailAge, deliveryAge]) single.remove();
    },
  };
}

function queueGauges(registry: Registry): Pick<Source<QueueDepths>, 'show' | 'hide'> {
  const jobs = new Gauge({
    name: 'shop_queue_jobs',
    help: 'Jobs in a queue by state',
    labelNames: ['queue', 'state'],
    registers: [registry],
  });
  return {
    show: (depths) => {
      for (const [queue, states] of Object.entries(depths)) {
        for (const [state, count] of Object.entries(states)) jobs.set({ queue, state }, count);
      }
    },
    hide: () => jobs.reset(),
  };
}

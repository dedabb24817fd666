import type { OrderBody } from '../../src/schema/orders.ts';
import { isPossibleHistory } from './history.ts';
import type { Journal } from './journal.ts';

/** An order that a customer wants: placed under an id, refused, or not known to be either. */
export type Intent = {
  customerId: string;
  /** The first line, which no other intent of the customer has. */
  productId: string;
  quantity: number;
  idempotent: boolean;
  outcome: 'unknown' | 'refused' | { orderId: string };
};

export type Expectations = {
  intents: Intent[];
  /** Enters an intent before it is sent. */
  enter: (intent: Omit<Intent, 'outcome'>) => Intent;
  /** How many intents have been acknowledged. */
  acknowledged: () => number;
  /** Holds an order that was shown against itself and against what was shown of it before. */
  check: (order: OrderBody) => void;
  /** The longest history that anyone was shown, by order and run. */
  shown: ReadonlyMap<string, OrderBody['history']>;
};

/** What customers know of their orders; the shop has to stand by all of it. */
export function createExpectations(journal: Journal): Expectations {
  const intents: Intent[] = [];
  const shown = new Map<string, OrderBody['history']>();

  function check(order: OrderBody): void {
    const { id, totalCents, items, history } = order;
    const sum = items.reduce((total, { quantity, unitPriceCents }) => total + quantity * unitPriceCents, 0);
    if (sum !== totalCents) journal.breach('Totals equal their lines', `order ${id}: ${totalCents}, its lines ${sum}`);
    if (!isPossibleHistory(history.map(({ status }) => status))) {
      journal.breach('History is a path of the transition table', `order ${id}: ${words(history)}`);
    }
    // Code from before shows the runs before it, too.
    const current = history.slice(history.findLastIndex(({ status }) => status === 'pending'));
    const run = runKey(id, current);
    const before = shown.get(run) ?? [];
    if (!agree(before, current)) {
      journal.breach('What was shown once stays true', `order ${id}: ${words(before)}; then ${words(current)}`);
    }
    if (current.length > before.length) shown.set(run, current);
  }

  return {
    intents,
    enter: (wanted) => {
      const intent: Intent = { ...wanted, outcome: 'unknown' };
      intents.push(intent);
      return intent;
    },
    acknowledged: () => intents.filter(({ outcome }) => typeof outcome === 'object').length,
    check,
    shown,
  };
}

type History = { status: string; at: string }[];

/** A run of an order, which is known from outside by the moment that it began. */
export function runKey(orderId: string, history: History): string {
  return `${orderId} ${history[0]?.at}`;
}

/** Answers may overtake each other, so either history may be the older one. */
export function agree(a: History, b: History): boolean {
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  return shorter.every(({ status, at }, index) => status === longer[index]?.status && at === longer[index]?.at);
}

function words(history: History): string {
  return history.map(({ status, at }) => `${status} ${at}`).join(', ');
}

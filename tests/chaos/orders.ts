import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderBody } from '../../src/schema/orders.ts';
import type { Answer } from '../support/client.ts';
import type { Client } from './client.ts';
import type { Crowd, Customer } from './crowd.ts';
import type { Expectations, Intent } from './expectations.ts';
import type { Member } from './fleet.ts';
import type { Journal, Target } from './journal.ts';

export type PlaceOptions = {
  /** With an `Idempotency-Key`, and again and again until there is an answer. */
  idempotent?: boolean;
  /** A product that has to be in it. */
  product?: string;
  /** Where to, at first; anywhere by default. */
  api?: Member;
  /** How many times at the same moment, under the same key. */
  copies?: number;
};

/** Places an order; null when it was refused, or when nobody knows. */
export type PlaceOrder = (options?: PlaceOptions) => Promise<{ order: OrderBody; customer: Customer } | null>;

type Needs = {
  client: Client;
  crowd: Crowd;
  expectations: Expectations;
  journal: Journal;
  /** Ends repeats that are under way. */
  signal: AbortSignal;
};

type OrderAnswer = Answer<OrderBody & { code: string }>;

const retryAfterMs = 500;
const retriesMax = 60;

/** Makes the one way in which orders are placed: every intent and its outcome is an expectation. */
export function createPlaceOrder({ client, crowd, expectations, journal, signal }: Needs): PlaceOrder {
  return async ({ idempotent = false, product, api, copies = 1 } = {}) => {
    const customer = crowd.anyone();
    const items = crowd.fillBasket(customer, product);
    const intent = expectations.enter({ customerId: customer.id, ...items[0], idempotent });
    const headers: Record<string, string> = idempotent ? { 'Idempotency-Key': randomUUID() } : {};

    async function send(at?: Member): Promise<OrderAnswer | null> {
      const sentAt = Date.now();
      const answer = await client<OrderAnswer['body']>({
        method: 'POST',
        path: '/api/orders',
        token: customer.token,
        body: { items },
        headers,
        expected: [201, 409],
        ...(at ? { api: at } : {}),
      });
      noteDuration(journal, sentAt);
      return answer && isSettled(answer) ? answer : null;
    }

    async function sendUntilSettled(): Promise<OrderAnswer | null> {
      for (let retries = 0; retries < retriesMax && !signal.aborted; retries += 1) {
        const answer = await send();
        if (answer) return answer;
        await sleep(retryAfterMs);
      }
      if (!signal.aborted) journal.breach('A repeat is answered in the end', JSON.stringify(intent));
      return null;
    }

    const answers = await Promise.all(idempotent ? Array.from({ length: copies }, sendUntilSettled) : [send(api)]);
    const placed = answers.flatMap((answer) => (answer?.status === 201 ? [answer.body] : []));
    for (const order of placed) expectations.check(order);
    settle(intent, answers, placed, journal);
    const [order] = placed;
    return order ? { order, customer } : null;
  };
}

/** Whether an answer says what became of the order. */
function isSettled({ status, body }: OrderAnswer): boolean {
  return status !== 503 && body.code !== 'idempotency_in_progress';
}

function settle(intent: Intent, answers: (OrderAnswer | null)[], placed: OrderBody[], journal: Journal): void {
  const [first, ...others] = placed;
  if (first) intent.outcome = { orderId: first.id };
  else if (answers.every((answer) => answer !== null)) intent.outcome = 'refused';
  if (others.some((other) => !agreeOnShared(other, first))) {
    journal.breach('A repeat gets the first answer', placed.map((order) => JSON.stringify(order)).join(', '));
  }
}

/** Whether two answers are the same, but for members that only one of them has: code from before knows fewer. */
function agreeOnShared(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
  const members = new Map(Object.entries(b));
  return Object.entries(a).every(([name, value]) => !members.has(name) || agreeOnShared(value, members.get(name)));
}

function noteDuration(journal: Journal, sentAt: number): void {
  const inForce = (target: Target) =>
    journal.affecting(target, sentAt, sentAt).some(({ endedAt }) => endedAt === null || endedAt > sentAt);
  if (inForce('redis')) journal.took('order without Redis', Date.now() - sentAt);
  else if (inForce('log')) journal.took('order with a log unread', Date.now() - sentAt);
  else if (journal.isQuiet()) journal.took('order', Date.now() - sentAt);
}

import { lifecycle, type OrderStatus, restoresMax } from '../../src/schema/orders.ts';
import type { BookingIntent } from './catalogue.ts';
import { agree, type Expectations, type Intent, runKey } from './expectations.ts';
import { isPossibleHistory } from './history.ts';
import type { FaultRecord, Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { Delivery } from './mail-server.ts';
import type { Records, StoredMail, StoredOrder, StoredProduct } from './records.ts';
import { orderStatusIntervalMs } from './shop.ts';

type Breach = Journal['breach'];

/**
 * Stock and live orders of a product always add up to what was booked, and to what it began with where only orders change
 * it. May be asked at any time.
 */
export function checkStock(products: StoredProduct[], units: ReadonlyMap<string, number>, breach: Breach): void {
  for (const { id, stock, ordered, booked } of products) {
    if (booked !== null && stock + ordered !== booked) {
      breach(
        'Stock and live orders are the sum of the stock changes',
        `product ${id}: ${stock} + ${ordered}, ${booked}`,
      );
    }
    if (stock < 0) breach('Stock is never negative', `product ${id}: ${stock}`);
    const began = units.get(id);
    if (began !== undefined && stock + ordered !== began) {
      breach('Stock and live orders add up', `product ${id}: ${stock} + ${ordered} instead of ${began}`);
    }
  }
}

/** Every change of stock that was acknowledged is booked, once, and none that was refused. */
export function checkBookings({ bookings }: Records, intents: readonly BookingIntent[], breach: Breach): void {
  const byNote = Map.groupBy(bookings, ({ note }) => note);
  for (const { note, outcome } of intents) {
    const ids = (byNote.get(note) ?? []).map(({ id }) => id);
    const text = `${note}, ${JSON.stringify(outcome)}: booked as ${ids.join(', ') || 'nothing'}`;
    if (ids.length > 1) breach('A stock change with a key is booked once at most', text);
    if (outcome === 'refused' && ids.length > 0) breach('A refused stock change books nothing', text);
    if (typeof outcome === 'object' && !ids.includes(outcome.id)) breach('No stock change is lost', text);
  }
}

/** Every order that was acknowledged is there, once, and no order is there that nobody wanted. */
export function checkIntents({ orders, keys }: Records, intents: Intent[], breach: Breach): void {
  const byBasket = Map.groupBy(orders, ({ customerId, items: [first] }) => basket({ customerId, ...first }));
  for (const intent of intents) {
    const found = (byBasket.get(basket(intent)) ?? []).map(({ id }) => id);
    const text = `${JSON.stringify(intent)}: stored as ${found.join(', ') || 'nothing'}`;
    if (found.length > 1) breach(`An intent ${intent.idempotent ? 'with a key ' : ''}makes one order at most`, text);
    if (intent.outcome === 'refused' && found.length > 0) breach('A refused order leaves nothing', text);
    if (typeof intent.outcome === 'object' && !found.includes(intent.outcome.orderId)) {
      breach('No acknowledged order is lost', text);
    }
  }
  const wanted = new Set(intents.map(basket));
  for (const [key, found] of byBasket) {
    if (!wanted.has(key)) breach('No order is there that nobody wanted', found.map(({ id }) => id).join(', '));
  }

  const answered = intents.filter(({ idempotent, outcome }) => idempotent && typeof outcome === 'object').length;
  if (keys !== answered) breach('Each key that made an order is on record', `${keys} records, ${answered} orders`);
}

function basket({ customerId, productId, quantity }: { customerId: string; productId?: string; quantity?: number }) {
  return `${customerId} ${productId} ${quantity}`;
}

/** Each order by itself: its total, its history, and that it has come to its end. */
export function checkOrders(orders: StoredOrder[], shown: Expectations['shown'], breach: Breach): void {
  const runs = new Set<string>();
  for (const { id, status, totalCents, items, history } of orders) {
    const sum = items.reduce((total, { quantity, unitPriceCents }) => total + quantity * unitPriceCents, 0);
    if (sum !== totalCents) breach('Totals equal their lines', `order ${id}: ${totalCents}, its lines ${sum}`);

    const statuses = history.map((entry) => entry.status);
    if (!isPossibleHistory(statuses) || statuses.at(-1) !== status || !runsCount(history)) {
      breach('History is a path of the transition table', `order ${id}, ${status}: ${JSON.stringify(history)}`);
    }
    if (lifecycle[status].next !== null) breach('Every order comes to its end', `order ${id} is ${status}`);

    for (const run of Map.groupBy(history, (entry) => entry.run).values()) {
      const stored = run.map((entry) => ({ status: entry.status, at: new Date(entry.at).toISOString() }));
      runs.add(runKey(id, stored));
      const before = shown.get(runKey(id, stored)) ?? [];
      if (before.length > stored.length || !agree(before, stored)) {
        breach(
          'What was shown once stays true',
          `order ${id}: ${JSON.stringify(before)}; then ${JSON.stringify(stored)}`,
        );
      }
    }
    const restores = (history.at(-1)?.run ?? 1) - 1;
    if (restores > restoresMax) breach('An order is restored 5 times at most', `order ${id}: ${restores}`);
  }
  for (const run of shown.keys()) if (!runs.has(run)) breach('What was shown once stays true', `${run}: not stored`);
}

/** Runs count from 1, and each begins with `pending`. */
function runsCount(history: StoredOrder['history']): boolean {
  let expected = 0;
  return history.every(({ run, status }) => {
    if (status === 'pending') expected += 1;
    return run === expected;
  });
}

/** Nothing moves an order on while it is on hold; it may be cancelled and restored. */
export function checkHolds(orders: StoredOrder[], breach: Breach): void {
  for (const { id, history, handled } of orders) {
    for (const [index, { action, at: heldAt }] of handled.entries()) {
      if (action !== 'order.held') continue;
      const releasedAt = handled.slice(index).find((entry) => entry.action === 'order.released')?.at;
      const moved = history.filter(
        ({ status, at }) =>
          status !== 'pending' &&
          status !== 'cancelled' &&
          at > heldAt &&
          at < (releasedAt ?? Number.POSITIVE_INFINITY),
      );
      if (moved.length > 0) breach('An order on hold does not move', `order ${id}: ${JSON.stringify(moved)}`);
    }
  }
}

/** How much later than due each step was taken, in ms. */
export function lateness({ history }: StoredOrder): { dueAt: number; lateMs: number; at: number }[] {
  const steps: OrderStatus[] = ['pending', 'processing', 'shipped', 'delivered'];
  return history.flatMap(({ run, status, at }) => {
    const start = history.find((entry) => entry.run === run)?.at ?? at;
    const dueAt = start + steps.indexOf(status) * orderStatusIntervalMs;
    return status === 'cancelled' || status === 'pending' ? [] : [{ dueAt, lateMs: at - dueAt, at }];
  });
}

/** Until when a fault excuses what is late; one that another server takes over from, no longer than that may take. */
function endOfExcuse({ startedAt, recoveredAt, refuses: { within } }: FaultRecord, limits: Limits): number {
  const recovered = recoveredAt ?? Number.POSITIVE_INFINITY;
  return within === undefined ? recovered : Math.min(recovered, startedAt + limits[within]);
}

/** A step is later than 2 s only if Postgres or Redis was away meanwhile; of the workers there is always one. */
export function checkLateness(orders: StoredOrder[], { faults, breach }: Journal, limits: Limits): void {
  const excuses = faults
    .filter(({ target }) => target === 'postgres' || target === 'redis')
    .map((fault) => ({ ...fault, until: endOfExcuse(fault, limits) }));
  for (const order of orders) {
    // What staff have moved, held or released is due when they say.
    if (order.handled.length > 0) continue;
    for (const { dueAt, lateMs, at } of lateness(order)) {
      const excused = excuses.some(({ startedAt, until }) => startedAt <= at && until >= dueAt);
      if (lateMs > limits.latenessMs && !excused) {
        breach(
          'No step is later than 2 s',
          `order ${order.id}: ${Math.round(lateMs)} ms, at ${new Date(at).toISOString()}`,
        );
      }
    }
  }
}

/** What the outbox and the mail server tell of the mails. */
export type MailTally = { owed: number; once: number; repeated: number; copies: number };

/** One row of the outbox and one message for each status that an order entered, except in the window that SMTP leaves open. */
export function checkMails(
  { orders, mails }: Records,
  deliveries: Delivery[],
  workersKilledAt: number[],
  { recordingMs }: Limits,
  breach: Breach,
): MailTally {
  const owed = new Set(orders.flatMap(({ id, history }) => history.map((entry) => mailKey({ orderId: id, ...entry }))));
  const outbox = new Map<string, StoredMail>();
  for (const mail of mails) {
    const key = mailKey(mail);
    if (outbox.has(key) || !owed.has(key)) breach('One row of the outbox for each status, and no other', key);
    if (mail.state !== 'sent') breach('Every mail goes out', `${key} is ${mail.state}`);
    outbox.set(key, mail);
  }
  for (const key of owed)
    if (!outbox.has(key)) breach('One row of the outbox for each status, and no other', `${key}: none`);

  const received = Map.groupBy(deliveries, mailKey);
  const ids = new Map<string, string>();
  for (const [key, copies] of received) {
    if (!outbox.has(key)) breach('No message without its row of the outbox', key);
    for (const { messageId } of copies) {
      if ((ids.get(messageId) ?? key) !== key) breach('A Message-ID names one mail', `${messageId}: ${key}`);
      ids.set(messageId, key);
    }
    if (new Set(copies.map(({ messageId }) => messageId)).size > 1) breach('A repeat has the same Message-ID', key);
    const inWindow = ({ acknowledged, at }: Delivery) =>
      !acknowledged || workersKilledAt.some((killedAt) => at <= killedAt && killedAt - at < recordingMs);
    if (!copies.slice(0, -1).every(inWindow)) {
      breach('A mail is repeated in the SMTP window only', `${key}: ${JSON.stringify(copies)}`);
    }
  }
  for (const key of outbox.keys()) if (!received.has(key)) breach('Every mail goes out', `${key} never came`);

  const counts = [...received.values()].map(({ length }) => length);
  return {
    owed: owed.size,
    once: counts.filter((count) => count === 1).length,
    repeated: counts.filter((count) => count > 1).length,
    copies: deliveries.length - received.size,
  };
}

function mailKey({ orderId, run, status }: { orderId: string; run: number; status: string }): string {
  return `${orderId} ${run} ${status}`;
}

/** How long each mail took from its status to the mail server's first keeping it, in ms. */
export function mailDelays(
  mails: StoredMail[],
  deliveries: Delivery[],
  { affecting, breach }: Journal,
  { mailMs, settledMs }: Limits,
): number[] {
  const firstAt = new Map<string, number>();
  for (const delivery of deliveries) if (!firstAt.has(mailKey(delivery))) firstAt.set(mailKey(delivery), delivery.at);
  return mails.flatMap((mail) => {
    const at = firstAt.get(mailKey(mail));
    if (at === undefined) return [];
    const delayMs = at - mail.createdAt;
    const away = [...affecting('mail server', mail.createdAt, at), ...affecting('postgres', mail.createdAt, at)];
    if (delayMs > (away.length > 0 ? settledMs : mailMs)) {
      breach('A mail is out within 30 s, or 60 s with its server or Postgres down', `${mailKey(mail)}: ${delayMs} ms`);
    }
    return [delayMs];
  });
}

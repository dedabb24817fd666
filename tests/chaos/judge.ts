import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalogue } from './catalogue.ts';
import type { Expectations, Intent } from './expectations.ts';
import {
  checkBookings,
  checkHolds,
  checkIntents,
  checkLateness,
  checkMails,
  checkOrders,
  checkStock,
  lateness,
  type MailTally,
  mailDelays,
} from './invariants.ts';
import { type Journal, percentile } from './journal.ts';
import type { Limits } from './limits.ts';
import { checkLists } from './lists.ts';
import { type Records, readRecords } from './records.ts';
import type { ChaosShop } from './shop.ts';
import { type ChaosWebhook, checkWebhook, type WebhookTally } from './webhook.ts';

/** What was found when all was quiet again. Durations are in ms. */
export type Verdict = {
  intents: Intent[];
  records: Records;
  mails: MailTally;
  /** Null where there was none. */
  webhook: WebhookTally | null;
  mailDelaysMs: number[];
  latenessMs: number[];
};

type Evidence = {
  shop: ChaosShop;
  expectations: Expectations;
  /** What the products of the run began with, and what was booked of them. */
  catalogue: Pick<Catalogue, 'units' | 'bookings'>;
  webhook: ChaosWebhook | null;
  adminToken: string;
  journal: Journal;
  limits: Limits;
};

/** Lists follow the stock that orders change within a second. */
const listsFollowMs = 1_000;

/** Holds everything that is left against every promise; what is broken goes into the journal. */
export async function judge(evidence: Evidence): Promise<Verdict> {
  const { shop, expectations, catalogue, webhook, adminToken, journal, limits } = evidence;
  const { breach } = journal;
  const { fleet, db, mailServer, receiver } = shop;
  await sleep(listsFollowMs);
  await checkLists(fleet.serving(), adminToken, breach);

  const records = await readRecords(db);
  const products = records.products.map((product) => ({ ...product, booked: product.booked ?? 0 }));
  checkStock(products, catalogue.units, breach);
  checkBookings(records, catalogue.bookings, breach);
  checkIntents(records, expectations.intents, breach);
  checkOrders(records.orders, expectations.shown, breach);
  checkLateness(records.orders, journal, limits);
  checkHolds(records.orders, breach);
  for (const circumstance of ['without Redis', 'with a log unread'] as const) {
    const p99Ms = percentile(journal.durationsMs(`order ${circumstance}`), 0.99);
    if (p99Ms > limits.orderMs) breach(`Orders take less than 1 s ${circumstance}`, `p99 ${p99Ms} ms`);
  }
  const expected = journal.faults.flatMap(({ errors }) => errors ?? []);
  for (const complaint of fleet.complaints()) {
    if (expected.some((errors) => errors.test(complaint))) continue;
    breach('No process meets an error that is not handled', complaint);
  }
  return {
    intents: expectations.intents,
    records,
    mails: checkMails(records, mailServer.deliveries, fleet.workersKilledAt, limits, breach),
    webhook: webhook && checkWebhook(records, receiver.receptions, webhook.gaps, breach),
    mailDelaysMs: mailDelays(records.mails, mailServer.deliveries, journal, limits),
    latenessMs: records.orders.flatMap((order) =>
      order.handled.length > 0 ? [] : lateness(order).map(({ lateMs }) => lateMs),
    ),
  };
}

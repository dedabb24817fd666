import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalogue } from './catalogue.ts';
import type { Crowd } from './crowd.ts';
import type { Customers } from './customers.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';

export type Load = {
  /** Actions that have begun and not ended. */
  underWay: () => number;
  /** Begins no more actions, and waits for those under way. */
  stop: () => Promise<void>;
};

type Needs = {
  crowd: Crowd;
  customers: Customers;
  catalogue: Catalogue;
  /** Whether staff are at work, too, which code from before does not know. */
  staff: boolean;
  /** Actions per second. */
  rate: number;
  random: Random;
  journal: Journal;
};

/**
 * Begins `rate` actions a second on average, at random moments, however long the answers take (an open loop): a shop
 * that stands still is asked as much as one that does not.
 */
export function startLoad({ crowd, customers, catalogue, staff, rate, random, journal }: Needs): Load {
  type Share = [share: number, action: () => Promise<unknown>];
  const handling: Share[] = [
    [4, customers.move],
    [3, customers.hold],
    [3, customers.release],
    [2, customers.redirect],
  ];
  const shares: Share[] = [
    [14, customers.order],
    [16, customers.orderWithKey],
    [1, customers.rush],
    [20, customers.readOrder],
    [7, customers.listOrders],
    [7, customers.cancel],
    [5, customers.remove],
    [6, customers.restore],
    [8, customers.browse],
    [4, customers.readProduct],
    [2, crowd.register],
    [3, catalogue.edit],
    [1, catalogue.withdraw],
    [2, catalogue.reprice],
    [4, catalogue.book],
    [1, catalogue.overwrite],
    [1, catalogue.listCustomers],
    ...(staff ? handling : []),
  ];
  const deck = shares.flatMap(([share, action]) => Array.from({ length: share }, () => action));
  const underWay = new Set<Promise<unknown>>();
  let stopping = false;

  function begin(): void {
    const action = random
      .pick(deck)()
      .catch((error: Error) => journal.breach('The run itself does not fail', error.stack ?? error.message))
      .finally(() => underWay.delete(action));
    underWay.add(action);
  }

  async function run(): Promise<void> {
    for (let dueAt = performance.now(); !stopping; ) {
      // Exponential pauses make independent callers; one that comes late makes up for it.
      dueAt += (-Math.log(1 - random.next()) * 1_000) / rate;
      await sleep(Math.max(0, dueAt - performance.now()));
      begin();
    }
  }

  const running = run();
  return {
    underWay: () => underWay.size,
    stop: async () => {
      stopping = true;
      await running;
      await Promise.all(underWay);
    },
  };
}

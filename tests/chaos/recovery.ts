import { eventually } from '../support/wait.ts';
import type { FaultRecord, Journal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { PlaceOrder } from './orders.ts';
import { countLateOrders, countUnfinished } from './records.ts';
import type { ChaosShop } from './shop.ts';

type Needs = { shop: ChaosShop; placeOrder: PlaceOrder; journal: Journal; limits: Limits; signal: AbortSignal };

/**
 * Waits until the shop is well again: as many APIs as there should be take an order in less than a second, the mails of
 * these orders have come, and no order is later than it may be. Notes the moment in the fault's record.
 */
export async function awaitRecovery(
  fault: FaultRecord,
  { shop, placeOrder, journal, limits, signal }: Needs,
): Promise<void> {
  const until = (condition: () => unknown) =>
    eventually(async () => signal.aborted || (await condition()), { withinMs: 6 * limits.recoveryMs, everyMs: 50 });
  const endedAt = fault.endedAt ?? Date.now();
  const steps: string[] = [];
  const noteStep = (step: string) => steps.push(`${step} after ${Date.now() - endedAt} ms`);
  let orderIds: string[] | null = null;
  try {
    await until(async () => {
      orderIds = await takeOrders(shop, placeOrder, limits);
      return orderIds;
    });
    noteStep('orders taken');
    await until(() => orderIds?.every((id) => hasCome(shop, id)));
    noteStep('their mails come');
    await until(async () => (await countLateOrders(shop.db, limits.latenessMs)) === 0);
    noteStep('no order late');
  } catch (error) {
    journal.breach('The shop recovers from every fault', `${fault.kind}: ${[...steps, error].join(', ')}`);
  }
  signal.throwIfAborted();
  fault.recoveredAt = Date.now();
  if (fault.recoveredAt - endedAt > limits.recoveryMs) {
    journal.breach('The shop recovers within 10 s', `${fault.kind}: ${steps.join(', ')}`);
  }
}

async function takeOrders({ fleet }: ChaosShop, placeOrder: PlaceOrder, limits: Limits): Promise<string[] | null> {
  const apis = fleet.serving();
  if (apis.length < fleet.apis) return null;
  const startedAt = Date.now();
  const placed = await Promise.all(apis.map((api) => placeOrder({ api })));
  const ids = placed.flatMap((each) => each?.order.id ?? []);
  return ids.length === apis.length && Date.now() - startedAt < limits.orderMs ? ids : null;
}

function hasCome({ mailServer }: ChaosShop, orderId: string): boolean {
  return mailServer.deliveries.some((mail) => mail.orderId === orderId && mail.acknowledged);
}

/** Waits until nothing is left to do: every order in a final state, every mail and delivery out. */
export async function awaitRest({ shop, journal, limits, signal }: Omit<Needs, 'placeOrder'>): Promise<void> {
  try {
    await eventually(
      async () => {
        const { orders, mails, deliveries } = await countUnfinished(shop.db);
        if (orders + mails + deliveries > 0 && !signal.aborted)
          throw new Error(`${orders} orders, ${mails} mails and ${deliveries} deliveries are left`);
        return true;
      },
      { withinMs: limits.settledMs, everyMs: 200 },
    );
  } catch (error) {
    journal.breach('Nothing is stuck after the last fault', String(error));
  }
  signal.throwIfAborted();
}

import type { Database } from '../db/client.ts';
import { withTransaction } from '../db/transaction.ts';
import { ShopError } from '../errors.ts';
import type { Lane } from '../lane.ts';
import { createTracedLane } from '../traced-lane.ts';
import { type OrderRequest, type OrderTerms, type Placement, placeOrders } from './place-orders.ts';

/** Two lanes let one batch decide while another commits; more would wait for each other's locks. */
const lanes = 2;
const batchSizeMax = 64;
/** Contract, "Wire conventions": more than 1 000 orders waiting in a process are answered 503. */
const waitingMax = 1_000;

/**
 * Places orders by group commit: those that arrive while a batch is being written share the next transaction.
 * A batch that fails as a whole is done again one order at a time, so that a bad one fails alone.
 * @param terms those of every order; `now` is asked for each batch
 * @param onBatch hears how many orders each batch has
 */
export function createOrderLane(
  db: Database,
  terms: Omit<OrderTerms, 'now'> & { now: () => Date },
  onBatch: (orders: number) => void,
): Lane<OrderRequest, Placement> {
  const place = (requests: OrderRequest[], endsAt: number) =>
    withTransaction(db, (tx) => placeOrders(tx, requests, { ...terms, now: terms.now() }), endsAt);

  async function placeAlone(request: OrderRequest, endsAt: number): Promise<Placement | Error> {
    try {
      const [outcome] = await place([request], endsAt);
      return outcome ?? new Error('placeOrders gave no outcome');
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  return createTracedLane('place orders', {
    lanes,
    batchSizeMax,
    waitingMax,
    run: async (batch, endsAt) => {
      onBatch(batch.length);
      try {
        return await place(batch, endsAt);
      } catch (error) {
        if (batch.length === 1 || (error instanceof ShopError && error.code === 'unavailable')) throw error;
        const outcomes = [];
        for (const request of batch) outcomes.push(await placeAlone(request, endsAt));
        return outcomes;
      }
    },
  });
}

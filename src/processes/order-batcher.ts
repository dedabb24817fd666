import { type OrderRequest, type Placement, type PlacingTerms, placeOrders } from '../domain/orders/place.ts';
import { ShopError } from '../errors.ts';
import type { Batcher } from '../lib/batcher.ts';
import { databaseWaitMsMax } from '../lib/deadline.ts';
import type { ApiServices } from '../services.ts';
import { createTracedBatcher } from '../telemetry/traced-batcher.ts';

/** Two let one batch decide while another commits; more would wait for each other's locks. */
const batchesMax = 2;
const batchSizeMax = 64;
/** One more is answered 503 (SECURITY.md, "Limits"). */
const waitingMax = 1_000;

/**
 * Places orders in batches: those that arrive while one is being written share the next transaction.
 * A batch that fails as a whole is done again one order at a time, so that a bad one fails alone.
 * @param terms those of every order
 * @param onBatch hears how many orders each batch has
 */
export function createOrderBatcher(
  transaction: ApiServices['transaction'],
  terms: PlacingTerms,
  onBatch: (orders: number) => void,
): Batcher<OrderRequest, Placement> {
  const place = (requests: OrderRequest[], endsAt: number) =>
    transaction((tx) => placeOrders(tx, requests, terms), endsAt);

  async function placeAlone(request: OrderRequest, endsAt: number): Promise<Placement | Error> {
    try {
      const [outcome] = await place([request], endsAt);
      return outcome ?? new Error('placeOrders gave no outcome');
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  return createTracedBatcher('place orders', {
    batchesMax,
    batchSizeMax,
    waitingMax,
    deadlineMs: databaseWaitMsMax,
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

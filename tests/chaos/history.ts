import { lifecycle, type OrderStatus } from '../../src/schema/orders.ts';

/** Whether an order may have entered these statuses one after the other, over any number of runs. */
export function isPossibleHistory(statuses: readonly OrderStatus[]): boolean {
  return statuses.length > 0 && statuses.every((status, index) => mayFollow(statuses[index - 1], status));
}

function mayFollow(before: OrderStatus | undefined, status: OrderStatus): boolean {
  if (before === undefined) return status === 'pending';
  const { next, cancellable, deletable, restorable } = lifecycle[before];
  if (status === 'cancelled') return before !== 'cancelled' && (cancellable || deletable);
  return status === next || (status === 'pending' && restorable);
}

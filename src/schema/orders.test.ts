import { describe, expect, test } from 'bun:test';
import { lifecycle, type OrderStatus, orderStatuses, undeliveredStatuses } from './orders.ts';

/** Where an order can go from a status, by time or by somebody's wish. */
function waysFrom(status: OrderStatus): OrderStatus[] {
  const { next, cancellable, deletable, restorable } = lifecycle[status];
  const ways: OrderStatus[] = next ? [next] : [];
  if ((cancellable || deletable) && status !== 'cancelled') ways.push('cancelled');
  if (restorable) ways.push('pending');
  return ways;
}

function reachableFrom(start: OrderStatus): Set<OrderStatus> {
  const reached = new Set([start]);
  for (const status of reached) for (const next of waysFrom(status)) reached.add(next);
  return reached;
}

describe('lifecycle', () => {
  describe('when an order is pending', () => {
    test('can come to every status', () => {
      expect([...reachableFrom('pending')].sort()).toEqual([...orderStatuses].sort());
    });

    test('is delivered by time alone, step by step', () => {
      const path: OrderStatus[] = [];
      for (let status: OrderStatus | null = 'pending'; status; status = lifecycle[status].next) path.push(status);
      expect(path).toEqual(['pending', 'processing', 'shipped', 'delivered']);
    });
  });

  describe('when a status is final', () => {
    test('delivered leads nowhere at all', () => {
      expect(waysFrom('delivered')).toBeEmpty();
    });

    test('cancelled leads nowhere but to a new run', () => {
      expect(waysFrom('cancelled')).toEqual(['pending']);
    });
  });

  describe('when somebody wants to end an order', () => {
    test('can be cancelled from pending and processing only', () => {
      expect(orderStatuses.filter((status) => lifecycle[status].cancellable)).toEqual(['pending', 'processing']);
    });

    test('can be deleted from everywhere but delivered', () => {
      expect(orderStatuses.filter((status) => !lifecycle[status].deletable)).toEqual(['delivered']);
    });

    test('can be restored from cancelled only, which is what a deleted one is, too', () => {
      expect(orderStatuses.filter((status) => lifecycle[status].restorable)).toEqual(['cancelled']);
    });
  });
});

describe('undeliveredStatuses', () => {
  describe('when a customer wants to leave', () => {
    test('are those that keep the account open', () => {
      expect(undeliveredStatuses).toEqual(['pending', 'processing', 'shipped']);
    });
  });
});

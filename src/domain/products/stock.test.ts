import { describe, expect, test } from 'bun:test';
import { ShopError } from '../../errors.ts';
import { type LockedProduct, takeStock } from './stock.ts';

function lockedProducts(stock: Record<string, number>): Map<string, LockedProduct> {
  const rows = Object.entries(stock).map(([id, units]) => ({
    id,
    sku: null,
    name: `Product ${id}`,
    priceCents: 100,
    stock: units,
  }));
  return new Map(rows.map((row) => [row.id, row]));
}

const stockOf = (taken: Map<string, LockedProduct>) =>
  Object.fromEntries([...taken].map(([id, { stock }]) => [id, stock]));

function refusalOf(work: () => void): ShopError {
  try {
    work();
  } catch (error) {
    if (error instanceof ShopError) return error;
    throw error;
  }
  throw new Error('Nothing was refused.');
}

describe('takeStock', () => {
  describe('when there is enough', () => {
    test('takes each line, down to the last unit', () => {
      const stock = lockedProducts({ mug: 3, pot: 5, pan: 1 });
      takeStock(stock, [
        { productId: 'mug', quantity: 3 },
        { productId: 'pot', quantity: 1 },
      ]);
      expect(stockOf(stock)).toEqual({ mug: 0, pot: 4, pan: 1 });
    });
  });

  describe('when there is not', () => {
    test('names every short line, and takes nothing', () => {
      const stock = lockedProducts({ mug: 3, pot: 5, pan: 0 });
      const refusal = refusalOf(() =>
        takeStock(stock, [
          { productId: 'pot', quantity: 5 },
          { productId: 'mug', quantity: 4 },
          { productId: 'pan', quantity: 1 },
        ]),
      );
      expect(refusal.code).toBe('insufficient_stock');
      expect(refusal.details.errors).toEqual([
        { productId: 'mug', requested: 4, available: 3 },
        { productId: 'pan', requested: 1, available: 0 },
      ]);
      expect(stockOf(stock)).toEqual({ mug: 3, pot: 5, pan: 0 });
    });
  });

  describe('when a product is not there', () => {
    test('says so before it counts, and takes nothing', () => {
      const stock = lockedProducts({ mug: 3 });
      const refusal = refusalOf(() =>
        takeStock(stock, [
          { productId: 'mug', quantity: 4 },
          { productId: 'pot', quantity: 1 },
        ]),
      );
      expect(refusal.code).toBe('unknown_product');
      expect(refusal.details.errors).toMatchObject([{ productId: 'pot' }]);
      expect(stockOf(stock)).toEqual({ mug: 3 });
    });
  });
});

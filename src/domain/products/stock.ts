import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { anyUuidUncounted, type Column, clockMs, integers, statement, uuids } from '../../db/sql.ts';
import { ShopError } from '../../errors.ts';
import type { OrderLine } from '../../schema/orders.ts';

/** What an order needs to know of a product, read under its lock. */
export type LockedProduct = { id: string; sku: string | null; name: string; priceCents: number; stock: number };

/** Products under lock: those that are not deleted, and when the last one was locked, by Postgres' clock. */
export type LockedProducts = { products: Map<string, LockedProduct>; lockedAt: Date };

type LockedRow = {
  id: string;
  sku: string | null;
  name: string;
  price_cents: number;
  stock: number;
  deleted: boolean;
  locked_ms: string;
};

// The clock is read above the lock, because below it the reading would be older than the wait.
const lock = statement<{ ids: string[] }>(
  ({ ids }) => sql`
    with locked as (
      select id, sku, name, price_cents, stock, deleted_at is not null as deleted from products
      where id = ${anyUuidUncounted(ids)} order by id for no key update
    )
    select *, ${clockMs} as locked_ms from locked`,
);

/**
 * Locks products for the rest of the transaction, in the order of their ids always, so that no two transactions
 * wait for each other.
 * @returns those that exist and are not deleted; `lockedAt` says nothing when none exists
 */
export async function lockProducts(tx: Transaction, ids: Iterable<string>): Promise<LockedProducts> {
  const rows = await tx.execute<LockedRow>(lock({ ids: [...ids] }));
  const products = new Map<string, LockedProduct>();
  let lockedMs = 0;
  for (const { id, sku, name, price_cents: priceCents, stock, deleted, locked_ms } of rows) {
    if (!deleted) products.set(id, { id, sku, name, priceCents, stock });
    lockedMs = Math.max(lockedMs, Number(locked_ms));
  }
  return { products, lockedAt: new Date(lockedMs) };
}

/**
 * Takes what `lines` ask for out of stock, all of it or nothing. Changes `products`, not the database.
 * @throws {ShopError} `unknown_product`, `insufficient_stock` naming every line that cannot be had
 */
export function takeStock(products: Map<string, LockedProduct>, lines: OrderLine[]): void {
  const unknown = lines.filter((line) => !products.has(line.productId));
  if (unknown.length > 0) {
    throw new ShopError('unknown_product', 'The order names products that the shop does not have.', {
      errors: unknown.map(({ productId }) => ({
        path: 'items',
        message: `There is no product ${productId}.`,
        productId,
      })),
    });
  }
  const wanted = lines.flatMap(({ productId, quantity }) => {
    const product = products.get(productId);
    return product ? [{ productId, quantity, product }] : [];
  });
  const short = wanted.filter(({ product, quantity }) => product.stock < quantity);
  if (short.length > 0) {
    throw new ShopError('insufficient_stock', 'The shop does not have enough of every product.', {
      errors: short.map(({ productId, quantity, product }) => ({
        productId,
        requested: quantity,
        available: product.stock,
      })),
    });
  }
  for (const { product, quantity } of wanted) product.stock -= quantity;
}

/** How many units of a product come into stock, or go out of it when negative. */
export type StockChange = { productId: string; units: number };

/** What comes back into stock with an order's lines. */
export function returned(lines: OrderLine[]): StockChange[] {
  return lines.map(({ productId, quantity }) => ({ productId, units: quantity }));
}

/** What goes out of stock with an order's lines. */
export function taken(lines: OrderLine[]): StockChange[] {
  return lines.map(({ productId, quantity }) => ({ productId, units: -quantity }));
}

/** Such changes as columns. */
type StockChangeColumns = { productIds: Column<string>; units: Column<number> };

export function columnsOfStockChanges(changes: StockChange[]) {
  return { productIds: changes.map(({ productId }) => productId), units: changes.map(({ units }) => units) };
}

/**
 * The one statement that changes stock, of products that this transaction has locked; no product may be named twice. What
 * is no order's books with it: `newStockChanges`.
 */
export function stockChanged({ productIds, units }: StockChangeColumns, at: SQL): SQL {
  return sql`
    update products set stock = stock + change.units, version = version + 1, updated_at = ${at}
    from unnest(${uuids(productIds)}, ${integers(units)}) as change(product_id, units)
    where products.id = change.product_id`;
}

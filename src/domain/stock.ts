import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { anyUuid, integers, timestamp, uuids } from '../db/sql.ts';
import { products } from '../db/tables.ts';
import { ShopError } from '../errors.ts';
import type { OrderLine } from '../schema/orders.ts';

/** What an order needs to know of a product, read under its lock. */
export type Shelf = { id: string; name: string; priceCents: number; stock: number };

/**
 * Locks products for the rest of the transaction, in the order of their ids whoever asks, so that no two transactions
 * wait for each other, and returns those that exist and are not deleted.
 */
export async function lockShelves(tx: Transaction, ids: Iterable<string>): Promise<Map<string, Shelf>> {
  const rows = await tx
    .select({
      id: products.id,
      name: products.name,
      priceCents: products.priceCents,
      stock: products.stock,
      deletedAt: products.deletedAt,
    })
    .from(products)
    .where(sql`${products.id} = ${anyUuid([...ids])}`)
    .orderBy(products.id)
    .for('no key update');
  return new Map(rows.filter((row) => row.deletedAt === null).map((row) => [row.id, row]));
}

/**
 * Takes what `lines` ask for off the shelves, all of it or nothing. Changes `shelves`, not the database.
 * @throws {ShopError} `unknown_product`, `insufficient_stock` naming every line that cannot be had
 */
export function takeFromShelves(shelves: Map<string, Shelf>, lines: OrderLine[]): void {
  const unknown = lines.filter((line) => !shelves.has(line.productId));
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
    const shelf = shelves.get(productId);
    return shelf ? [{ productId, quantity, shelf }] : [];
  });
  const short = wanted.filter(({ shelf, quantity }) => shelf.stock < quantity);
  if (short.length > 0) {
    throw new ShopError('insufficient_stock', 'The shop does not have enough of every product.', {
      errors: short.map(({ productId, quantity, shelf }) => ({
        productId,
        requested: quantity,
        available: shelf.stock,
      })),
    });
  }
  for (const { shelf, quantity } of wanted) shelf.stock -= quantity;
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

/** The one statement that changes stock, of products that this transaction has locked; no product may be named twice. */
export function stockChanged(changes: StockChange[], now: Date): SQL {
  return sql`
    update products set stock = stock + change.units, version = version + 1, updated_at = ${timestamp(now)}
    from unnest(
      ${uuids(changes.map((change) => change.productId))},
      ${integers(changes.map((change) => change.units))}
    ) as change(product_id, units)
    where products.id = change.product_id`;
}

import { sql } from 'drizzle-orm';
import type { Transaction } from '../../db/client.ts';
import { anyUuid, dateAtMicros, texts } from '../../db/sql.ts';
import { type ProductRow, products } from '../../db/tables.ts';
import { newId } from '../../lib/ids.ts';
import type { ProductImport } from '../../schema/product-imports.ts';
import { system } from '../customers/actor.ts';
import { hasOtherFields, lockWithClock, type Written, writeProducts } from './batch.ts';
import { productColumns } from './rows.ts';

/** What became of a product of a file, why it was refused, or what its reader should know. */
export type ImportOutcome = { outcome: 'created' | 'updated' | 'unchanged' | 'refused'; says: string | null };

type Decision = ImportOutcome & { written: Written | null };

/**
 * Writes a part of a file, in one transaction: each product replaces the one with its id, or else its SKU, or is made, with
 * the id and the moments that the file gives. Stock is only set where a product is made. A part that was written
 * already changes nothing.
 * @returns what became of each
 */
export async function importProducts(
  tx: Transaction,
  given: ProductImport[],
  currency: string,
): Promise<ImportOutcome[]> {
  const ids = given.flatMap(({ id }) => id ?? []);
  const skus = given.flatMap(({ sku }) => sku ?? []);
  const { rows, atMicros } = await lockWithClock(
    tx,
    tx
      .select(productColumns)
      .from(products)
      .where(
        sql`${products.id} = ${anyUuid(ids)} or (${products.sku} = any(${texts(skus)}) and ${products.sku} is not null and ${products.deletedAt} is null)`,
      )
      .orderBy(products.id)
      .for('no key update'),
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const bySku = new Map(rows.flatMap((row) => (row.sku === null || row.deletedAt ? [] : [[row.sku, row] as const])));
  const now = dateAtMicros(atMicros);
  const taken = new Set<string>();

  function decide(product: ProductImport): Decision {
    const { id, sku, stock, currency: priced, createdAt, updatedAt, deletedAt: _, ...others } = product;
    if (priced && priced !== currency)
      return refused(`its price is in ${priced}, and the shop's currency is ${currency}`);
    if (!id && !sku) return refused('it has neither an id nor a SKU to be known by');
    const found = (id && byId.get(id)) || (sku && bySku.get(sku)) || null;
    if (found?.deletedAt) return refused('the product is deleted: restore it first');
    const holder = sku ? bySku.get(sku) : undefined;
    if (holder && holder !== found) return refused('another product has this SKU');
    const names = [found?.id ?? id, sku].filter((name): name is string => typeof name === 'string');
    if (names.some((name) => taken.has(name))) return refused('the product is in the file twice');
    for (const name of names) taken.add(name);
    const fields = { ...others, sku };
    if (!found) {
      if (stock === undefined) return refused('stock is needed for a new product');
      const madeAt = createdAt ?? now;
      const moments = { createdAt: madeAt, updatedAt: updatedAt ?? madeAt, deletedAt: null };
      const after: ProductRow = { ...fields, id: id ?? newId(now), stock, version: 1, ...moments };
      return { outcome: 'created', says: null, written: { before: null, after } };
    }
    const says =
      stock === undefined || stock === found.stock
        ? null
        : `stock is ${found.stock} here, ${stock} in the file: not set`;
    const after = { ...found, ...fields };
    if (!hasOtherFields(found, after)) return { outcome: 'unchanged', says, written: null };
    return { outcome: 'updated', says, written: { before: found, after } };
  }

  const decisions = given.map(decide);
  await writeProducts(
    tx,
    decisions.flatMap(({ written }) => written ?? []),
    system,
    atMicros,
  );
  return decisions.map(({ outcome, says }) => ({ outcome, says }));
}

function refused(says: string): Decision {
  return { outcome: 'refused', says, written: null };
}

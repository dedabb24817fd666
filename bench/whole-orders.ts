import postgres from 'postgres';
import { stockAtFirst } from './catalogue.ts';

/** What every order of the works has: two lines, three pieces in all, one entry of history, one mail. */
const owed = { items: 2, pieces: 3, history: 1, mails: 1 };

/**
 * Counts what was written, so that nobody is compared with one that wrote less.
 * @throws when an order lacks anything, or there is none
 */
export async function expectWholeOrders(name: string, databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1 });
  const [found] = await sql<{ orders: number; items: number; pieces: number; history: number; mails: number }[]>`
    select (select count(*)::int from orders) as orders,
      (select count(*)::int from order_items) as items,
      (select sum(${stockAtFirst}::bigint - stock)::int from products) as pieces,
      (select count(*)::int from order_history) as history,
      (select count(*)::int from mails) as mails`;
  await sql.end();
  const orders = found?.orders ?? 0;
  const expected = { orders, ...Object.fromEntries(Object.entries(owed).map(([what, each]) => [what, each * orders])) };
  if (orders === 0 || !Bun.deepEquals(found, expected)) {
    throw new Error(`${name} did not write all that ${orders} orders owe: ${JSON.stringify(found)}`);
  }
}

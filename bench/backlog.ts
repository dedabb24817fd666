import postgres from 'postgres';
import { customerCount, customerId, productCount, productId } from './catalogue.ts';

/** What the orders of a backlog wait for: their next step, or the mail of the one they have taken. */
export type Waiting = 'steps' | 'mails';

const secondLine = `number % ${productCount} + 1`;

/** Adds so many pending orders of two lines, with their history and mails, as a few statements. */
export async function makeBacklog(databaseUrl: string, count: number, waiting: Waiting): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  const dueAt =
    waiting === 'steps' ? `now() - (1 - number / ${count}.0) * interval '10 minutes'` : "now() + interval '1 hour'";
  const mailState = waiting === 'mails' ? "'queued', now(), null::timestamptz" : "'sent', null::timestamptz, now()";
  try {
    await sql.begin(async (tx) => {
      // The rows fit together by construction, so the triggers that check it are left out.
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(`
        create temporary table backlog on commit drop as
        select number, uuidv7(interval '-1 hour') as id, ${customerId(`number % ${customerCount} + 1`)} as customer_id,
          ${productId(`(number::bigint * 7919) % ${productCount} + 1`)} as first, ${productId(secondLine)} as second
        from generate_series(1, ${count}) as number`);
      await tx.unsafe(`
        insert into orders (id, customer_id, status, total_cents, currency, next_status_at, created_at, updated_at)
        select backlog.id, customer_id, 'pending', a.price_cents + 2 * b.price_cents, 'USD', ${dueAt},
          now() - interval '1 hour', now() - interval '1 hour'
        from backlog join products a on a.id = first join products b on b.id = second`);
      await tx.unsafe(`
        insert into order_items (order_id, product_id, position, name, quantity, unit_price_cents)
        select backlog.id, products.id, position, name, position + 1, price_cents
        from backlog, lateral (values (first, 0), (second, 1)) as line (product_id, position), products
        where products.id = line.product_id
        on conflict do nothing`);
      await tx`
        insert into order_history (order_id, run, status, at)
        select id, 1, 'pending', now() - interval '1 hour' from backlog`;
      await tx.unsafe(`
        insert into mails (id, order_id, run, status, created_at, state, due_at, sent_at)
        select uuidv7(), id, 1, 'pending', now(), ${mailState} from backlog`);
    });
    await sql`vacuum analyze`;
    await sql`checkpoint`;
  } finally {
    await sql.end();
  }
}

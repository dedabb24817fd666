import { expect } from 'bun:test';
import type { MailSink } from '../support/mail-sink.ts';
import { eventually } from '../support/wait.ts';
import type { ShopState } from './state.ts';
import type { World } from './world.ts';

// An order's history: runs that were ended, then one that goes on, has arrived, or was ended too.
const endedRun = 'pending( processing( shipped)?)? cancelled';
const openRun = 'pending( processing( shipped( delivered)?)?)?';
const possibleHistory = `^(${endedRun} )*(${endedRun}|${openRun})$`;
const sequence = ['pending', 'processing', 'shipped', 'delivered', 'cancelled'];

const mailMsMax = 20_000;

/** What has to be true of the tables at any instant, as far as it is not: the promise, and the id it is broken for. */
export async function brokenPromises({ shop, word }: World): Promise<string[]> {
  const rows = await shop.db<{ promise: string; id: string }[]>`
    with
      buyers as (select id, deleted_at from customers where email like ${`%@${word}.example.com`}),
      placed as (
        select orders.*, buyers.deleted_at is not null as buyer_left
        from orders join buyers on buyers.id = customer_id
      ),
      steps as (
        select order_history.*, array_position(${sequence}::text[], order_history.status) as place
        from order_history join placed on placed.id = order_id
      ),
      histories as (
        select order_id, string_agg(status, ' ' order by run, place) as history,
          (array_agg(status order by run desc, place desc))[1] as last
        from steps group by order_id
      ),
      owed as (
        select order_id, mails.run, mails.status, count(*) as copies
        from mails join placed on placed.id = order_id
        group by order_id, mails.run, mails.status
      )
    select 'no stock is below zero' as promise, id from products where name like ${`${word} %`} and stock < 0
    union all
    select 'stock and live orders are the sum of the stock changes', id from products
    where name like ${`${word} %`} and stock + (
      select coalesce(sum(quantity), 0) from order_items join orders on orders.id = order_id
      where product_id = products.id and orders.status <> 'cancelled' and orders.deleted_at is null
    ) <> (select coalesce(sum(change), 0) from stock_changes where product_id = products.id)
    union all
    select 'a booking says what stock it left', id from (
      select stock_changes.*, lag(stock_after) over mine as before, row_number() over mine as place from stock_changes
      where product_id in (select id from products where name like ${`${word} %`})
        and product_id not in (select product_id from order_items)
      window mine as (partition by product_id order by id)
    ) as booked where stock_after <> case place when 1 then 0 else before end + change
    union all
    select 'a total equals its lines', id from placed
    where total_cents <> (select sum(quantity::bigint * unit_price_cents) from order_items where order_id = placed.id)
    union all
    select 'nobody leaves with orders on their way', id from placed
    where buyer_left and deleted_at is null and status in ('pending', 'processing', 'shipped')
    union all
    select 'the history of an order is possible', order_id from histories where history !~ ${possibleHistory}
    union all
    select 'an order is where its history says', id from placed left join histories on order_id = id
    where last is distinct from status
    union all
    select 'one mail is owed for every status of a run', coalesce(steps.order_id, owed.order_id)
    from steps full join owed using (order_id, run, status)
    where steps.order_id is null or copies is distinct from 1`;
  return rows.map(({ promise, id }) => `${promise}: ${id}`);
}

/** The units of each product in stock and in live orders, by id. Only the product's own `PUT` and bookings may change them. */
export async function unitsInWorld({ shop, word }: World): Promise<Map<string, number>> {
  const rows = await shop.db<{ id: string; units: number }[]>`
    select products.id, (stock + coalesce(sum(quantity) filter (
      where orders.status <> 'cancelled' and orders.deleted_at is null
    ), 0))::int as units
    from products left join order_items on product_id = products.id left join orders on orders.id = order_id
    where products.name like ${`${word} %`}
    group by products.id`;
  return new Map(rows.map(({ id, units }) => [id, units]));
}

/** Waits for the mails that a world is to send, and expects one of each. */
export async function expectEveryMailOnce({ shop, names }: World, state: ShopState): Promise<void> {
  const owed = Object.entries(state.orders).flatMap(([name, { history }]) => {
    let run = 0;
    return history.map((status) => {
      if (status === 'pending') run += 1;
      return mailKey(names.idOf(name), String(run), status);
    });
  });
  const ids = new Set(Object.keys(state.orders).map(names.idOf));
  const arrived = () => mailKeys(shop.mail).filter((key) => ids.has(key.slice(0, key.indexOf(' '))));
  await eventually(() => new Set(arrived()).size >= owed.length, { withinMs: mailMsMax });
  expect(arrived().sort()).toEqual(owed.sort());
}

/** Which order, run and status each message at the mail server speaks of. */
export function mailKeys({ messages }: MailSink): string[] {
  return messages.flatMap(({ headers }) =>
    headers['x-mail-kind'] === 'order_status'
      ? mailKey(headers['x-order-id'], headers['x-order-run'], headers['x-order-status'])
      : [],
  );
}

function mailKey(...parts: (string | undefined)[]): string {
  return parts.join(' ');
}

with lines as materialized (
  select products.id, name, price_cents, wanted.quantity, wanted.position
  from products
  join (values
    (('01900000-0000-7000-8000-' || (100000000000 + :first))::uuid, 1, 0),
    (('01900000-0000-7000-8000-' || (100000000000 + :second))::uuid, 2, 1)
  ) as wanted (id, quantity, position) on wanted.id = products.id
  where deleted_at is null and stock >= wanted.quantity
  order by products.id
  for no key update of products
), new_order as (
  insert into orders (id, customer_id, status, run, total_cents, currency, next_status_at, created_at, updated_at)
  select uuidv7(), ('01900000-0000-7000-9000-' || (100000000000 + :customer))::uuid, 'pending', 1,
    sum(price_cents * quantity), 'USD', now() + interval '1 hour', now(), now()
  from lines
  having count(*) = 2
  returning id
), new_items as (
  insert into order_items (order_id, product_id, position, name, quantity, unit_price_cents)
  select new_order.id, lines.id, position, name, quantity, price_cents from new_order, lines
), new_history as (
  insert into order_history (order_id, run, status, at) select id, 1, 'pending', now() from new_order
), new_mail as (
  insert into mails (id, order_id, run, status, created_at, due_at)
  select uuidv7(), id, 1, 'pending', now(), now() + interval '5 seconds' from new_order
)
update products set stock = stock - lines.quantity, version = version + 1, updated_at = now()
from lines, new_order
where products.id = lines.id;

\set product random(1, :products)
select id, name, description, price_cents, stock, version, created_at, updated_at, deleted_at
from products where id = ('01900000-0000-7000-8000-' || (100000000000 + :product))::uuid;

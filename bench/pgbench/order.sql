\set customer random(1, :customers)
\set first random(1, :products)
\set second (:first - 1 + random(1, :products - 1)) % :products + 1

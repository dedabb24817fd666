-- In batches, each a transaction of its own: the parameter is the id behind which one begins, its answer where it ends.
-- Orders that come meanwhile have a number by the column's default. Where ids of several orders lead to one number, the
-- first order has it, and the others get one at random.
WITH batch AS MATERIALIZED (
  SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT 500
), bare AS MATERIALIZED (
  SELECT orders.id FROM orders JOIN batch USING (id) WHERE number IS NULL ORDER BY orders.id FOR NO KEY UPDATE OF orders
), numbered AS MATERIALIZED (
  SELECT id, CASE
    WHEN row_number() OVER (PARTITION BY order_number(id) ORDER BY id) = 1
      AND NOT EXISTS (SELECT FROM orders AS other WHERE other.number = order_number(bare.id))
    THEN order_number(id) ELSE order_number(gen_random_uuid()) END AS number
  FROM bare
), changed AS (
  UPDATE orders SET number = numbered.number FROM numbered WHERE orders.id = numbered.id
)
SELECT id AS "last" FROM batch ORDER BY id DESC LIMIT 1;

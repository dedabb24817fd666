-- In batches, each a transaction of its own: the parameter is the id behind which one begins, its answer where it ends.
-- What a product has had before its first booking: stock plus units in live orders. One statement sees one moment, and
-- since the migration before, whoever changes the one side changes the other with it, so no row is locked, and what has
-- its entry already lacks nothing.
WITH batch AS MATERIALIZED (
  SELECT id, stock FROM products WHERE id > $1 ORDER BY id LIMIT 500
), ordered AS MATERIALIZED (
  SELECT product_id, sum(quantity) AS units FROM order_items JOIN orders ON orders.id = order_id
  WHERE product_id IN (SELECT id FROM batch) AND orders.status <> 'cancelled' AND orders.deleted_at IS NULL
  GROUP BY product_id
), booked AS MATERIALIZED (
  SELECT product_id, sum(change) AS units FROM stock_changes WHERE product_id IN (SELECT id FROM batch) GROUP BY product_id
), missing AS (
  SELECT batch.id, stock, stock + coalesce(ordered.units, 0) - coalesce(booked.units, 0) AS change
  FROM batch LEFT JOIN ordered ON ordered.product_id = batch.id LEFT JOIN booked ON booked.product_id = batch.id
), opened AS (
  INSERT INTO stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
  SELECT uuid_v7(), id, change, 'opening', stock, 'system', date_trunc('milliseconds', clock_timestamp())
  FROM missing WHERE change <> 0
)
SELECT id AS "last" FROM batch ORDER BY id DESC LIMIT 1;

-- In batches, each a transaction of its own: the parameter is the id behind which one begins, its answer where it ends.
-- Whoever changes a product meanwhile writes the new form already; rows are locked in the order of ids, as orders do it.
WITH batch AS MATERIALIZED (
  SELECT id, search_vector(name, description) AS folded FROM products WHERE id > $1 ORDER BY id LIMIT 500
), stale AS MATERIALIZED (
  SELECT products.id FROM products JOIN batch USING (id) WHERE search IS DISTINCT FROM folded
  ORDER BY id FOR NO KEY UPDATE OF products
), changed AS (
  UPDATE products SET search = search_vector(name, description) WHERE id IN (SELECT id FROM stale)
), met AS (
  INSERT INTO product_words
  SELECT DISTINCT word COLLATE "C" FROM batch CROSS JOIN unnest(tsvector_to_array(folded)) AS words (word)
  WHERE NOT EXISTS (SELECT FROM product_words AS known WHERE known.word = words.word COLLATE "C")
)
SELECT id AS "last" FROM batch ORDER BY id DESC LIMIT 1;

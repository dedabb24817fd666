\set customer random(1, :customers)
\set first 1
\set second 2

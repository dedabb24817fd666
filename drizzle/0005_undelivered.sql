-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "orders_undelivered_idx" ON "orders" USING btree ("customer_id") WHERE "orders"."status" in ('pending', 'processing', 'shipped') and "orders"."deleted_at" is null;

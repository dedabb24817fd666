-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "orders_live_idx" ON "orders" USING btree ("id") WHERE "orders"."deleted_at" is null;--> statement-breakpoint
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "orders_cancelled_idx" ON "orders" USING btree ("id") WHERE "orders"."status" = 'cancelled' and "orders"."deleted_at" is null;--> statement-breakpoint
-- A fifth of a table, the default, is a million dead orders. What is vacuumed early is vacuumed in little time; what is
-- only added to is vacuumed for the map of pages that an index-only scan need not look at; counts and estimates are as
-- good as the last analysis. No reader or writer waits for these settings.
ALTER TABLE "orders" SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
ALTER TABLE "order_items" SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);--> statement-breakpoint
ALTER TABLE "order_history" SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);--> statement-breakpoint
ALTER TABLE "mails" SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
ALTER TABLE "idempotency_records" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);--> statement-breakpoint
-- Room on each page for the next version of a row: a stock update then stays on its page, touches no index, and the next
-- reader of the page clears it away. It counts for pages that are filled from now on.
ALTER TABLE "products" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
-- What waits in the list already is merged by the next vacuum.
ALTER INDEX "products_search_idx" SET (fastupdate = false);

-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "orders_created_idx" ON "orders" USING btree ("created_at","id");--> statement-breakpoint
-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "orders_held_idx" ON "orders" USING btree ("id") WHERE "orders"."hold_since" is not null and "orders"."status" in ('pending', 'processing', 'shipped');--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "sales_days" (
	"day" date PRIMARY KEY NOT NULL,
	"orders" bigint NOT NULL,
	"units" bigint NOT NULL,
	"total_cents" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "sales_products" (
	"day" date NOT NULL,
	"product_id" uuid NOT NULL,
	"units" bigint NOT NULL,
	"total_cents" bigint NOT NULL,
	CONSTRAINT "sales_products_day_product_id_pk" PRIMARY KEY("day","product_id")
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "sales_marks" (
	"day" date NOT NULL
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "sales_marks_day_idx" ON "sales_marks" USING btree ("day");--> statement-breakpoint
-- Marks a day that is over when an order of it comes, goes, or comes back, whoever writes it, processes of the release before
-- too: as the owner, because they may know nothing of the table. Once for each transaction, by its own mark alone: that of
-- another one may be deleted by a count that does not see this order yet.
CREATE OR REPLACE FUNCTION orders_mark_day() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  INSERT INTO sales_marks (day)
  SELECT DISTINCT touched.day FROM (
    SELECT (NEW.created_at AT TIME ZONE 'UTC')::date AS day
    UNION ALL
    SELECT (OLD.created_at AT TIME ZONE 'UTC')::date WHERE TG_OP = 'UPDATE'
  ) AS touched
  WHERE touched.day < (now() AT TIME ZONE 'UTC')::date
    AND NOT EXISTS (
      SELECT FROM sales_marks WHERE sales_marks.day = touched.day AND sales_marks.xmin = pg_current_xact_id()::xid
    );
  RETURN NULL;
END $$;--> statement-breakpoint
-- Most orders are placed today, which is in no count yet, and cost no call.
CREATE TRIGGER "orders_mark_placed" AFTER INSERT ON "orders"
FOR EACH ROW WHEN (NEW.created_at < date_trunc('day', now(), 'UTC')) EXECUTE FUNCTION orders_mark_day();--> statement-breakpoint
CREATE TRIGGER "orders_mark_changed" AFTER UPDATE OF "status", "deleted_at", "created_at", "total_cents" ON "orders"
FOR EACH ROW WHEN (
  ((OLD.status = 'cancelled') <> (NEW.status = 'cancelled') OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)
    OR OLD.created_at <> NEW.created_at OR OLD.total_cents <> NEW.total_cents)
  AND least(OLD.created_at, NEW.created_at) < date_trunc('day', now(), 'UTC')
) EXECUTE FUNCTION orders_mark_day();

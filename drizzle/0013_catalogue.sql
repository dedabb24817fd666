-- What products are found and shown by. The code before names its columns, so it sees nothing.
ALTER TABLE "products"
	ADD COLUMN IF NOT EXISTS "sku" text,
	ADD COLUMN IF NOT EXISTS "tags" text[] DEFAULT '{}' NOT NULL,
	ADD COLUMN IF NOT EXISTS "images" jsonb DEFAULT '[]' NOT NULL;--> statement-breakpoint
-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX IF NOT EXISTS "products_sku_key" ON "products" USING btree ("sku") WHERE "products"."deleted_at" is null and "products"."sku" is not null;--> statement-breakpoint
-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "products_tags_idx" ON "products" USING gin ("tags") WITH (fastupdate=false) WHERE "products"."deleted_at" is null;--> statement-breakpoint
ALTER TABLE "order_items" ADD COLUMN IF NOT EXISTS "sku" text;--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "stock_changes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"product_id" uuid NOT NULL CONSTRAINT "stock_changes_product_id_products_id_fk" REFERENCES "public"."products"("id") ON DELETE no action ON UPDATE no action,
	"change" bigint NOT NULL,
	"reason" text NOT NULL,
	"note" text,
	"stock_after" integer NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "stock_changes_change_check" CHECK ("stock_changes"."change" <> 0),
	CONSTRAINT "stock_changes_reason_check" CHECK ("stock_changes"."reason" in ('created', 'edited', 'opening', 'received', 'returned', 'damaged', 'count', 'correction')),
	CONSTRAINT "stock_changes_actor_kind_check" CHECK ("stock_changes"."actor_kind" in ('customer', 'admin', 'key', 'system')),
	CONSTRAINT "stock_changes_actor_check" CHECK (("stock_changes"."actor_id" is null) = ("stock_changes"."actor_kind" = 'system'))
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "stock_changes_product_idx" ON "stock_changes" USING btree ("product_id","id");--> statement-breakpoint
-- What is only added to is vacuumed for the map of pages that an index-only scan need not look at.
ALTER TABLE "stock_changes" SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);--> statement-breakpoint
-- Books what processes of the release before do to a product's stock, which write no bookings: as the owner, because they
-- may know nothing of the table. Orders of any release book nothing. This release books by itself, so that this can go in
-- a later one, when nothing is left that needs it.
CREATE OR REPLACE FUNCTION products_book_stock() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  before integer := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    before := OLD.stock;
  ELSIF EXISTS (SELECT FROM stock_changes WHERE product_id = NEW.id) THEN
    RETURN NULL;
  END IF;
  INSERT INTO stock_changes (id, product_id, change, reason, stock_after, actor_kind, created_at)
  VALUES (uuid_v7(), NEW.id, NEW.stock - before, CASE TG_OP WHEN 'UPDATE' THEN 'edited' ELSE 'created' END, NEW.stock,
    'system', date_trunc('milliseconds', clock_timestamp()));
  RETURN NULL;
END $$;--> statement-breakpoint
-- At the commit, when a product's own booking is there if it has one.
CREATE CONSTRAINT TRIGGER "products_book_created" AFTER INSERT ON "products" DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.stock <> 0) EXECUTE FUNCTION products_book_stock();--> statement-breakpoint
-- By what the statement names: a whole product is replaced with its name, which orders and bookings leave alone.
CREATE TRIGGER "products_book_edited" AFTER UPDATE OF "name" ON "products"
FOR EACH ROW WHEN (OLD.stock <> NEW.stock) EXECUTE FUNCTION products_book_stock();

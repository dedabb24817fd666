CREATE TABLE IF NOT EXISTS "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"scopes" text[] NOT NULL,
	"key_hash" text NOT NULL,
	"created_by" uuid NOT NULL CONSTRAINT "api_keys_created_by_customers_id_fk" REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS "api_keys_hash_key" ON "api_keys" USING btree ("key_hash");--> statement-breakpoint
-- A key may send an Idempotency-Key, too, and then stands where an account did.
ALTER TABLE "idempotency_records" DROP CONSTRAINT IF EXISTS "idempotency_records_customer_id_customers_id_fk";

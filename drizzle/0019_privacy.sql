-- Made by hand on large tables, see the changelog.
-- squawk-ignore-file require-concurrent-index-creation
ALTER TABLE "customers" ADD COLUMN IF NOT EXISTS "erased_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "customers_closed_idx" ON "customers" USING btree ("deleted_at") WHERE "customers"."deleted_at" is not null and "customers"."erased_at" is null;--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "mails_customer_idx" ON "mails" USING btree ("customer_id","kind","created_at") WHERE "mails"."customer_id" is not null;--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "api_keys_creator_idx" ON "api_keys" USING btree ("created_by","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "customers_any_email_idx" ON "customers" USING btree (lower("email" collate "C"));--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "customers_any_name_idx" ON "customers" USING btree ((lower("name") collate "C"));

-- The code before owes nothing but mails of orders, which have no address of their own.
ALTER TABLE "mails" ADD COLUMN IF NOT EXISTS "address" text;--> statement-breakpoint
-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "mails_account_due_idx" ON "mails" USING btree ("due_at") WHERE "mails"."due_at" is not null and "mails"."kind" <> 'order_status';--> statement-breakpoint
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "mails_customer_idx" ON "mails" USING btree ("customer_id","kind","created_at") WHERE "mails"."customer_id" is not null;--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "mail_tokens" (
	"customer_id" uuid NOT NULL CONSTRAINT "mail_tokens_customer_id_customers_id_fk" REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action,
	"kind" text NOT NULL,
	"mail_id" uuid NOT NULL CONSTRAINT "mail_tokens_mail_id_mails_id_fk" REFERENCES "public"."mails"("id") ON DELETE no action ON UPDATE no action,
	CONSTRAINT "mail_tokens_customer_id_kind_pk" PRIMARY KEY("customer_id","kind"),
	CONSTRAINT "mail_tokens_kind_check" CHECK ("mail_tokens"."kind" in ('password_reset', 'email_verification'))
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "mail_requests" (
	"address_hash" text NOT NULL,
	"kind" text NOT NULL,
	"asked_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "mail_requests_address_hash_kind_pk" PRIMARY KEY("address_hash","kind")
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "mail_requests_asked_idx" ON "mail_requests" USING btree ("asked_at");--> statement-breakpoint
-- Every row goes after a minute, so dead ones are cleared away early.
ALTER TABLE "mail_requests" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

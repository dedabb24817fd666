-- What the code before reads of a mail is there in all that it writes, and in all that this release writes.
-- squawk-ignore-file ban-drop-not-null
-- Nobody has confirmed an address so far.
ALTER TABLE "customers" ADD COLUMN IF NOT EXISTS "email_verified_at" timestamp (3) with time zone;--> statement-breakpoint
-- What is owed beside the mails of orders, which the code before writes alone.
ALTER TABLE "mails"
	ADD COLUMN IF NOT EXISTS "kind" text DEFAULT 'order_status' NOT NULL,
	ADD COLUMN IF NOT EXISTS "customer_id" uuid,
	ADD COLUMN IF NOT EXISTS "deferred_until" timestamp (3) with time zone,
	ALTER COLUMN "order_id" DROP NOT NULL,
	ALTER COLUMN "run" DROP NOT NULL,
	ALTER COLUMN "status" DROP NOT NULL,
	ADD CONSTRAINT "mails_customer_id_customers_id_fk" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action NOT VALID,
	ADD CONSTRAINT "mails_kind_check" CHECK ("mails"."kind" in ('order_status', 'password_reset', 'email_verification', 'password_changed', 'email_changed', 'webhook_disabled')) NOT VALID,
	ADD CONSTRAINT "mails_subject_check" CHECK (case "mails"."kind" when 'order_status' then num_nulls("mails"."order_id", "mails"."run", "mails"."status") = 0 else "mails"."customer_id" is not null end) NOT VALID;--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "unconfirmed_mails" (
	"mail_id" uuid PRIMARY KEY NOT NULL,
	"address_hash" text NOT NULL,
	"claimed_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "unconfirmed_mails_address_idx" ON "unconfirmed_mails" USING btree ("address_hash","claimed_at");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "unconfirmed_mails_claimed_idx" ON "unconfirmed_mails" USING btree ("claimed_at");

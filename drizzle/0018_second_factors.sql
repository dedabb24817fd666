CREATE TABLE IF NOT EXISTS "second_factors" (
	"customer_id" uuid PRIMARY KEY NOT NULL CONSTRAINT "second_factors_customer_id_customers_id_fk" REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"confirmed_at" timestamp (3) with time zone,
	"last_step" bigint
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "recovery_codes" (
	"customer_id" uuid NOT NULL CONSTRAINT "recovery_codes_customer_id_customers_id_fk" REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action,
	"code_hash" text NOT NULL,
	CONSTRAINT "recovery_codes_customer_id_code_hash_pk" PRIMARY KEY("customer_id","code_hash")
);

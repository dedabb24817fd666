CREATE TABLE IF NOT EXISTS "webhooks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"url" text NOT NULL,
	"events" text[] NOT NULL,
	"description" text,
	"secret" text NOT NULL,
	"previous_secret" text,
	"previous_secret_until" timestamp (3) with time zone,
	"failing_since" timestamp (3) with time zone,
	"disabled_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "webhooks_events_check" CHECK (cardinality("webhooks"."events") > 0),
	CONSTRAINT "webhooks_previous_check" CHECK (("webhooks"."previous_secret" is null) = ("webhooks"."previous_secret_until" is null))
);
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "webhook_deliveries" (
	"id" uuid PRIMARY KEY DEFAULT uuid_v7() NOT NULL,
	"webhook_id" uuid NOT NULL CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk" REFERENCES "public"."webhooks"("id") ON DELETE no action ON UPDATE no action,
	"type" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"occurrence" integer NOT NULL,
	"data" json NOT NULL,
	"state" text DEFAULT 'queued' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_error" text,
	"due_at" timestamp (3) with time zone,
	"deferred_until" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"sent_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_event_key" UNIQUE("webhook_id","type","subject_id","occurrence"),
	CONSTRAINT "webhook_deliveries_type_check" CHECK ("webhook_deliveries"."type" in ('order.pending', 'order.processing', 'order.shipped', 'order.delivered', 'order.cancelled', 'product.created', 'product.updated', 'product.deleted', 'product.restored', 'stock.changed', 'webhook.test')),
	CONSTRAINT "webhook_deliveries_state_check" CHECK ("webhook_deliveries"."state" in ('queued', 'sending', 'sent', 'failed'))
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "webhook_deliveries_due_idx" ON "webhook_deliveries" USING btree ("webhook_id","due_at") WHERE "webhook_deliveries"."due_at" is not null;--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "webhook_deliveries_webhook_idx" ON "webhook_deliveries" USING btree ("webhook_id","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "webhook_deliveries_state_idx" ON "webhook_deliveries" USING btree ("state","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "webhook_deliveries_sent_idx" ON "webhook_deliveries" USING btree ("sent_at") WHERE "webhook_deliveries"."sent_at" is not null;--> statement-breakpoint
-- Every row comes, is changed a few times, and goes after a while, so dead ones are cleared away early.
ALTER TABLE "webhook_deliveries" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);--> statement-breakpoint
-- The mails that tell of one.
ALTER TABLE "mails" ADD COLUMN IF NOT EXISTS "webhook_id" uuid;

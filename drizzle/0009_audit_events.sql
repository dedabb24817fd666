CREATE TABLE IF NOT EXISTS "audit_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"action" text NOT NULL,
	"subject_kind" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"changes" jsonb NOT NULL,
	"request_id" text,
	CONSTRAINT "audit_events_actor_kind_check" CHECK ("audit_events"."actor_kind" in ('customer', 'admin', 'key', 'system')),
	CONSTRAINT "audit_events_actor_check" CHECK (("audit_events"."actor_id" is null) = ("audit_events"."actor_kind" = 'system'))
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "audit_events_actor_idx" ON "audit_events" USING btree ("actor_id","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "audit_events_actor_action_idx" ON "audit_events" USING btree ("actor_id","action","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "audit_events_subject_idx" ON "audit_events" USING btree ("subject_id","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "audit_events_action_idx" ON "audit_events" USING btree ("action","id");--> statement-breakpoint
-- What is only added to is vacuumed for the map of pages that an index-only scan need not look at.
ALTER TABLE "audit_events" SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

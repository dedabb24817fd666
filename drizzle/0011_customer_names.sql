-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "customers_name_idx" ON "customers" USING btree ((lower("name") collate "C")) WHERE "customers"."deleted_at" is null;

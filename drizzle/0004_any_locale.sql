-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX IF NOT EXISTS "customers_email_ascii_key" ON "customers" USING btree (lower("email" collate "C")) WHERE "customers"."deleted_at" is null;

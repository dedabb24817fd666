-- Made by hand on large tables, see the changelog.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX IF NOT EXISTS "customers_admins_idx" ON "customers" USING btree ("id") WHERE "customers"."role" = 'admin' and "customers"."deleted_at" is null;

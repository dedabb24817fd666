-- A program's key may send an Idempotency-Key, too, and is no row of "customers".
ALTER TABLE "idempotency_records" DROP CONSTRAINT IF EXISTS "idempotency_records_customer_id_customers_id_fk";

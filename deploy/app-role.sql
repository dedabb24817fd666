-- Makes `shop_app`, the role of the API and the worker: it reads and writes rows, and can do nothing else. For psql 15 or
-- newer, as the role that owns the tables and runs the migrations, before or after them, as often as you like; the
-- password comes from POSTGRES_APP_PASSWORD.
\set ON_ERROR_STOP on
\getenv app_password POSTGRES_APP_PASSWORD
select 'create role shop_app' where not exists (select from pg_roles where rolname = 'shop_app') \gexec
alter role shop_app login password :'app_password';
select format('revoke temporary on database %I from public', current_database()) \gexec
select format('grant connect on database %I to shop_app', current_database()) \gexec
revoke create on schema public from public;
grant usage on schema public to shop_app;
grant select, insert, update, delete on all tables in schema public to shop_app;
grant usage on all sequences in schema public to shop_app;
alter default privileges in schema public grant select, insert, update, delete on tables to shop_app;
alter default privileges in schema public grant usage on sequences to shop_app;
-- Where the migrations are listed; an API looks whether it has all that it knows.
create schema if not exists drizzle;
grant usage on schema drizzle to shop_app;
grant select on all tables in schema drizzle to shop_app;
alter default privileges in schema drizzle grant select on tables to shop_app;

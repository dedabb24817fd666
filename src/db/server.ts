import { getTableName, is, sql } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import type { Reader } from './client.ts';
import * as schema from './tables.ts';

/** The oldest Postgres that the suites run on. */
export const postgresMajorMin = 15;

const tableNames = Object.values(schema).flatMap((value) => (is(value, PgTable) ? [getTableName(value)] : []));

/** What the sessions must have, because it changes what is stored or found; the server's name for it, and a test. */
const settings: Record<string, (value: string) => boolean> = {
  client_encoding: (value) => value === 'UTF8',
  DateStyle: (value) => value.startsWith('ISO'),
  TimeZone: (value) => ['UTC', 'Etc/UTC', 'GMT'].includes(value),
  standard_conforming_strings: (value) => value === 'on',
  array_nulls: (value) => value === 'on',
  gin_fuzzy_search_limit: (value) => value === '0',
};

/** The database cannot hold this shop, or not as it is set up; somebody has to change that. */
export class UnfitDatabaseError extends Error {
  constructor(faults: string[]) {
    super(faults.join(' '));
    this.name = 'UnfitDatabaseError';
  }
}

/**
 * Only a database that encodes text as UTF-8 holds all of the shop's.
 * @throws {UnfitDatabaseError}
 */
export async function refuseEncoding(reader: Reader): Promise<void> {
  const [row] = await reader.execute<{ encoding: string }>(sql`select current_setting('server_encoding') as encoding`);
  if (row?.encoding !== 'UTF8') {
    throw new UnfitDatabaseError([
      `The database has the encoding ${row?.encoding}, and the shop needs UTF8: create it with encoding 'UTF8'.`,
    ]);
  }
}

/**
 * Looks whether text, settings and privileges are as the shop needs them, past whatever stands between it and Postgres.
 * @throws {UnfitDatabaseError} naming everything that is not
 */
export async function refuseUnfit(reader: Reader): Promise<void> {
  await refuseEncoding(reader);
  const found = await reader.execute<{ name: string; setting: string }>(sql`
    select name, setting from pg_settings
    where name = any(string_to_array(${Object.keys(settings).join(',')}, ','))`);
  const faults = found
    .filter(({ name, setting }) => !settings[name]?.(setting))
    .map(
      ({ name, setting }) => `${name} is ${setting} in the sessions of the shop: set it for the role or the pooler.`,
    );
  const lacking = await missingPrivileges(reader);
  faults.push(...lacking);
  // A schema that the role may not use is not on its path either.
  if (lacking.length === 0 && !(await findsTables(reader))) {
    faults.push('search_path leads elsewhere than to the tables of the schema public: reset it for the role.');
  }
  if (faults.length > 0) throw new UnfitDatabaseError(faults);
}

/** Tables that are not there yet are left out. */
async function missingPrivileges(reader: Reader): Promise<string[]> {
  const rows = await reader.execute<{ role: string; privilege: string; object: string }>(sql`
    with tables as (
      select pg_class.oid, nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where (nspname = 'public' and relname = any(string_to_array(${tableNames.join(',')}, ',')))
        or (nspname = 'drizzle' and relname = '__drizzle_migrations')
    ), privileges as (
      select privilege, format('table %I.%I', nspname, relname) as object, has_table_privilege(oid, privilege) as held
      from tables cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as privilege
      where nspname = 'public' or privilege = 'SELECT'
      union all
      select 'USAGE', format('schema %I', nspname), has_schema_privilege(oid, 'USAGE')
      from pg_namespace where nspname in ('public', 'drizzle')
    )
    select current_user::text as role, privilege, object from privileges where not held order by object, privilege`);
  return rows.map(({ role, privilege, object }) => `The role ${role} lacks ${privilege} on ${object}.`);
}

/** Whether the names of the tables mean those of the schema public; true while there are none. */
async function findsTables(reader: Reader): Promise<boolean> {
  const [row] = await reader.execute<{ found: boolean }>(sql`
    select coalesce(to_regclass('customers') = to_regclass('public.customers'), to_regclass('public.customers') is null) as found`);
  return row?.found === true;
}

/** The major version of a Postgres that is older than any the suites run on; undefined for others. */
export async function outdatedVersion(reader: Reader): Promise<number | undefined> {
  const [row] = await reader.execute<{ major: number }>(
    sql`select current_setting('server_version_num')::int / 10000 as major`,
  );
  return row && row.major < postgresMajorMin ? row.major : undefined;
}

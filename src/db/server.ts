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

/** What a database must be asked before it is worked with. */
export type ServerFacts = {
  encoding: string;
  major: number;
  /** `name=value` of each of `settings`, as the sessions of this pool have it. */
  settings: string[];
  /** A sentence for each privilege that the role lacks on a table that is there, or on its schema. */
  lacking: string[];
  /** Whether the names of the tables mean those of the schema public; true while there are none. */
  findsTables: boolean;
  /** The timeouts that do not hold in the sessions of this pool, because a pooler did not pass them on. */
  timeouts: string[];
};

/** Columns of a statement that reads the facts, past whatever stands between it and Postgres. */
export const serverFacts = sql`
  current_setting('server_encoding') as encoding, current_setting('server_version_num')::int / 10000 as major,
  array(
    select name || '=' || setting from pg_settings
    where name = any(string_to_array(${sql.raw(`'${Object.keys(settings).join(',')}'`)}, ','))
  ) as settings,
  array(
    with tables as (
      select pg_class.oid, nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where (nspname = 'public' and relname = any(string_to_array(${sql.raw(`'${tableNames.join(',')}'`)}, ',')))
        or (nspname = 'drizzle' and relname = '__drizzle_migrations')
    ), privileges as (
      select privilege, format('table %I.%I', nspname, relname) as object, has_table_privilege(oid, privilege) as held
      from tables cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as privilege
      where nspname = 'public' or privilege = 'SELECT'
      union all
      select 'USAGE', format('schema %I', nspname), has_schema_privilege(oid, 'USAGE')
      from pg_namespace where nspname in ('public', 'drizzle')
    )
    select format('The role %s lacks %s on %s.', current_user, privilege, object)
    from privileges where not held order by object, privilege
  ) as lacking,
  coalesce(to_regclass('customers') = to_regclass('public.customers'), to_regclass('public.customers') is null)
    as "findsTables",
  array(
    select name::text from pg_settings where setting = '0'
      and name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')
  ) as timeouts`;

/** Reads the facts by themselves, for callers that need no more. */
export async function readServerFacts(reader: Reader): Promise<ServerFacts> {
  const [row] = await reader.execute<ServerFacts>(sql`select ${serverFacts}`);
  if (!row) throw new Error('the server gave no row about itself');
  return row;
}

/**
 * Only a database that encodes text as UTF-8 holds all of the shop's.
 * @throws {UnfitDatabaseError}
 */
export function refuseEncoding({ encoding }: Pick<ServerFacts, 'encoding'>): void {
  if (encoding === 'UTF8') return;
  throw new UnfitDatabaseError([
    `The database has the encoding ${encoding}, and the shop needs UTF8: create it with encoding 'UTF8'.`,
  ]);
}

/**
 * Looks whether text, settings and privileges are as the shop needs them.
 * @throws {UnfitDatabaseError} naming everything that is not
 */
export function refuseUnfit(facts: ServerFacts): void {
  refuseEncoding(facts);
  const { lacking, findsTables } = facts;
  const faults = facts.settings
    .map((found) => found.split(/=(.*)/s))
    .filter(([name = '', setting = '']) => !settings[name]?.(setting))
    .map(([name, setting]) => `${name} is ${setting} in the sessions of the shop: set it for the role or the pooler.`);
  faults.push(...lacking);
  // A schema that the role may not use is not on its path either.
  if (lacking.length === 0 && !findsTables) {
    faults.push('search_path leads elsewhere than to the tables of the schema public: reset it for the role.');
  }
  if (faults.length > 0) throw new UnfitDatabaseError(faults);
}

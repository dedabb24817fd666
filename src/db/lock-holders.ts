import { sql } from 'drizzle-orm';
import type { Reader } from './client.ts';

type Holder = { pid: number; name: string; state: string; seconds: number; tables: string };

/**
 * Says which transactions have held locks on tables for longer than `ms`, for one who has just waited that long: who
 * comes later queues up behind them, so all that were in the way are among them.
 */
export async function describeLockHolders(reader: Reader, ms: number): Promise<string> {
  const holders = await reader.execute<Holder>(sql`
    select pid, coalesce(nullif(application_name, ''), backend_type) as name, state,
      extract(epoch from clock_timestamp() - xact_start)::int as seconds, tables
    from pg_stat_activity join (
      select pid, string_agg(distinct relname, ', ' order by relname) as tables
      from pg_locks join pg_class on pg_class.oid = relation
      where granted and relkind in ('r', 'p') and relnamespace <> 'pg_catalog'::regnamespace
        and database = (select oid from pg_database where datname = current_database())
      group by pid
    ) as held using (pid)
    where pid <> pg_backend_pid() and xact_start < clock_timestamp() - make_interval(secs => ${ms / 1_000})
    order by xact_start`);
  if (holders.length === 0) return 'by now nobody holds them whom this role may see';
  return holders
    .map(
      ({ pid, name, state, seconds, tables }) =>
        `process ${pid} (${name}, ${state}) began a transaction ${seconds} s ago and holds ${tables}`,
    )
    .join('; ');
}

import { and, eq, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { statementTime, texts, uuids } from '../../db/sql.ts';
import { type AuditEventRow, auditEvents } from '../../db/tables.ts';
import type { AuditAction, AuditEventQuery, AuditValue, Changes, SubjectKind } from '../../schema/audit-events.ts';
import type { Actor } from '../customers/actor.ts';
import { newestPage, type Page } from '../paging.ts';

/** What was done to a thing. */
export type AuditEvent = { action: AuditAction; subject: { kind: SubjectKind; id: string }; changes: Changes };

/** Of each field that an event may tell: whether its values may be told, too, or are personal or secret. */
type Telling<Row> = { [Field in keyof Row]?: 'values' | 'name' };

/**
 * What differs between two states of a thing, for an event.
 * @param before null when it has just been made: what it was made without is no change then
 */
export function differences<Row extends object>(telling: Telling<Row>, before: Row | null, after: Row): Changes {
  const changes: Changes = {};
  for (const [name, told] of Object.entries(telling)) {
    const field = name as keyof Row;
    const [from, to] = [toldValue(before?.[field]), toldValue(after[field])];
    if (from === to) continue;
    changes[name] = told === 'values' ? { from, to } : {};
  }
  return changes;
}

function toldValue(value: unknown): AuditValue {
  if (value instanceof Date) return value.toISOString();
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return null;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : JSON.stringify(value, inOneOrder);
}

/** The members of an object come in the order of their maker, which is no difference. */
function inOneOrder(_name: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Writes down who did something, in the transaction that does it. */
export async function writeEvent(tx: Transaction, actor: Actor, event: AuditEvent): Promise<void> {
  await writeEvents(tx, actor, [event]);
}

/** The same for what one request does to several things. */
export async function writeEvents(tx: Transaction, actor: Actor, events: AuditEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx.execute(sql`
    insert into audit_events (id, at, actor_kind, actor_id, action, subject_kind, subject_id, changes, request_id)
    select uuid_v7(${statementTime}), ${statementTime}, ${actor.kind}, ${actor.id}::uuid, event.action,
      event.subject_kind, event.subject_id, event.changes::jsonb, ${actor.requestId}
    from unnest(
      ${texts(events.map(({ action }) => action))},
      ${texts(events.map(({ subject }) => subject.kind))},
      ${uuids(events.map(({ subject }) => subject.id))},
      ${texts(events.map(({ changes }) => JSON.stringify(changes)))}
    ) as event(action, subject_kind, subject_id, changes)`);
}

/** A page of events, newest first. */
export async function listEvents(reader: Reader, query: AuditEventQuery): Promise<Page<AuditEventRow>> {
  const { actorId, subjectId, action } = query;
  const filters = and(
    actorId === undefined ? undefined : eq(auditEvents.actorId, actorId),
    subjectId === undefined ? undefined : eq(auditEvents.subjectId, subjectId),
    action && eq(auditEvents.action, action),
  );
  return newestPage(reader, query, auditEvents, and(filters, filters && withCustomPlan), (where, order, limit) =>
    reader.select().from(auditEvents).where(where).orderBy(order).limit(limit),
  );
}

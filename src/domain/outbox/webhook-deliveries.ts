import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { withCustomPlan } from '../../db/planning.ts';
import { clockMs, integers, later, statementTime, texts, uuids } from '../../db/sql.ts';
import { type WebhookDeliveryRow, webhookDeliveries, webhooks } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import { type DeliveryQuery, type EventType, everyEvent } from '../../schema/webhooks.ts';
import { deleteAged } from '../clean-up.ts';
import { newestPage, type Page } from '../paging.ts';
import { isLive, webhookOutbox } from './kinds.ts';
import { type Claim, claiming, sendAgain } from './outbox.ts';

/** How long a delivery that was made can be looked up. */
const sentKeptMs = 30 * 24 * 3_600_000;

/**
 * Something that webhooks are told of. `occurrence` says which time this happened to the subject, so that it is told
 * once: an order's run, a product's version. `data` is JSON, as it goes over the wire.
 */
export type ShopEvent = { type: EventType; subjectId: string; occurrence: number; data: unknown };

/**
 * The one way in which webhooks come to be owed something: a statement that writes a delivery of each event for each
 * webhook that wants it. What is on record already is passed over. Deliveries are due at once, for the relay.
 * @param events selects `type`, `subject_id`, `occurrence` and `data`
 */
export function deliveriesOf(events: SQL, at: SQL): SQL {
  return sql`insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, created_at, due_at)
      select ${webhooks.id}, event.type, event.subject_id, event.occurrence, event.data, ${at}, ${at}
      from (${events}) as event
      join ${webhooks} on ${isLive} and ${webhooks.events} && array[event.type, ${sql.raw(`'${everyEvent}'`)}]
      on conflict do nothing`;
}

/** Writes down that webhooks are owed events, in the transaction in which these happen. */
export async function tellWebhooks(tx: Transaction, events: ShopEvent[]): Promise<void> {
  if (events.length > 0) await tx.execute(deliveriesOf(selectEvents(events), statementTime));
}

/** What `deliveriesOf` takes, of events that are at hand. */
export function selectEvents(events: ShopEvent[]): SQL {
  return sql`
        select type, subject_id, occurrence, data::json from unnest(
          ${texts(events.map(({ type }) => type))},
          ${uuids(events.map(({ subjectId }) => subjectId))},
          ${integers(events.map(({ occurrence }) => occurrence))},
          ${texts(events.map(({ data }) => JSON.stringify(data)))}
        ) as event(type, subject_id, occurrence, data)`;
}

/** A delivery in a worker's hands, with what it takes to send it. */
export type DeliveryToSend = Claim & {
  type: EventType;
  data: unknown;
  createdAt: Date;
  /** When it was claimed, by Postgres' clock. */
  claimedAt: Date;
  /** `secrets` sign, the newest first; nothing may be sent to one that is not `live`. */
  webhook: { id: string; url: string; secrets: string[]; live: boolean; failing: boolean };
};

type ClaimedRow = {
  id: string;
  attempts: number;
  type: EventType;
  data: string;
  created_ms: string;
  claimed_ms: string;
  webhook_id: string;
  url: string;
  secret: string;
  previous_secret: string | null;
  live: boolean;
  failing: boolean;
};

/**
 * Takes unsent deliveries into a worker's hands for the length of a lease, in one statement.
 * @returns the deliveries by id, without those that are in others' hands or sent
 */
export async function claimDeliveries(tx: Transaction, ids: string[]): Promise<Map<string, DeliveryToSend>> {
  const rows = await tx.execute<ClaimedRow>(sql`
    with ${claiming(webhookOutbox, ids)}
    select claimed.id, claimed.attempts, claimed.type, claimed.data::text as data,
      (extract(epoch from claimed.created_at) * 1000)::bigint as created_ms, ${clockMs} as claimed_ms,
      claimed.webhook_id, webhooks.url, webhooks.secret,
      case when webhooks.previous_secret_until > ${statementTime} then webhooks.previous_secret end as previous_secret,
      ${isLive} as live, webhooks.failing_since is not null as failing
    from claimed
    join webhooks on webhooks.id = claimed.webhook_id`);
  return new Map(rows.map((row) => [row.id, readClaimed(row)]));
}

function readClaimed(row: ClaimedRow): DeliveryToSend {
  return {
    id: row.id,
    attempts: row.attempts,
    type: row.type,
    data: JSON.parse(row.data),
    createdAt: new Date(Number(row.created_ms)),
    claimedAt: new Date(Number(row.claimed_ms)),
    webhook: {
      id: row.webhook_id,
      url: row.url,
      secrets: row.previous_secret === null ? [row.secret] : [row.secret, row.previous_secret],
      live: row.live,
      failing: row.failing,
    },
  };
}

/** How a receiver took what it was sent: it `failed` for now or as long as it is tried; `gone` asks for nothing more. */
export type Reception = { webhookId: string; url: string; result: 'taken' | 'failed' | 'given up' | 'gone' };

/**
 * Writes down how receivers fare. One that is gone is disabled, and one that something is given up for while it has taken
 * nothing for as long as a delivery is tried; every admin is told so by mail, once. What is told of another URL than the
 * webhook has by now says nothing of it.
 */
export async function recordReceptions(tx: Transaction, receptions: Reception[]): Promise<void> {
  if (receptions.length === 0) return;
  // The admins are held, so that no mail is written of one who is erased meanwhile.
  const ids = uuids(receptions.map(({ webhookId }) => webhookId));
  await tx.execute(sql`
    with told as (
      select id, url, bool_or(result = 'taken') as taken, bool_or(result = 'given up') as given_up,
        bool_or(result = 'gone') as gone
      from unnest(
        ${ids}, ${texts(receptions.map(({ url }) => url))}, ${texts(receptions.map(({ result }) => result))}
      ) as reception(id, url, result)
      group by id, url
    ), known as (
      select id, url, disabled_at from webhooks where id = any(${ids}) order by id for no key update
    ), changed as (
      update webhooks set
        failing_since = case when not told.taken then coalesce(failing_since, ${statementTime}) end,
        disabled_at = case
          when webhooks.disabled_at is not null then webhooks.disabled_at
          when told.gone then ${statementTime}
          when told.given_up and not told.taken
            and ${later(sql`failing_since`, webhookOutbox.givenUpAfterMs)} < ${statementTime}
          then ${statementTime}
        end
      from told join known on known.id = told.id and known.url = told.url
      where webhooks.id = told.id
      returning webhooks.id, known.disabled_at is null and webhooks.disabled_at is not null as disabled
    ), admins as (
      select id, email from customers
      where role = 'admin' and deleted_at is null and exists (select from changed where disabled)
      order by id for key share
    )
    insert into mails (kind, customer_id, address, webhook_id, created_at, due_at)
    select 'webhook_disabled', admins.id, admins.email, changed.id, ${statementTime}, ${statementTime}
    from changed cross join admins where changed.disabled`);
}

/** What is left of deleted webhooks is not shown. */
const isShown = sql`${webhookDeliveries.webhookId} <> all(array(
  select ${webhooks.id} from ${webhooks} where ${webhooks.deletedAt} is not null
))`;

const { data: _data, ...columns } = getTableColumns(webhookDeliveries);

/** A page of the deliveries, newest first. */
export async function listDeliveries(reader: Reader, query: DeliveryQuery): Promise<Page<WebhookDeliveryRow>> {
  const { state, webhookId } = query;
  const matching = and(
    isShown,
    state && eq(webhookDeliveries.state, state),
    webhookId === undefined ? undefined : eq(webhookDeliveries.webhookId, webhookId),
    // As with mails, no one plan serves all states; nor does it all webhooks.
    state || webhookId ? withCustomPlan : undefined,
  );
  return newestPage(reader, query, webhookDeliveries, matching, (where, order, limit) =>
    reader.select(columns).from(webhookDeliveries).where(where).orderBy(order).limit(limit),
  );
}

async function findDelivery(tx: Transaction, id: string): Promise<WebhookDeliveryRow> {
  const shown = and(eq(webhookDeliveries.id, id), isShown);
  const [row] = isId(id) ? await tx.select(columns).from(webhookDeliveries).where(shown) : [];
  if (!row) throw notFound('delivery');
  return row;
}

/**
 * Gives a failed delivery another chance, at once.
 * @throws {ShopError} `not_found`, `delivery_not_failed`
 */
export async function sendDeliveryAgain(tx: Transaction, id: string): Promise<WebhookDeliveryRow> {
  await findDelivery(tx, id);
  const found = await sendAgain(tx, webhookOutbox, id);
  if (found && found.state !== 'failed') {
    throw new ShopError('delivery_not_failed', `The delivery is ${found.state}, not failed.`);
  }
  return findDelivery(tx, id);
}

/** Owes a webhook an event that nobody else is told of, whatever it wants. */
export async function tellForTest(tx: Transaction, webhookId: string): Promise<WebhookDeliveryRow> {
  const [row] = await tx
    .insert(webhookDeliveries)
    .values({
      webhookId,
      type: 'webhook.test',
      subjectId: sql`uuid_v7()`,
      occurrence: 1,
      data: {},
      createdAt: statementTime,
      dueAt: statementTime,
    })
    .returning(columns);
  if (!row) throw new Error('the insert gave no row');
  return row;
}

const aged = { table: webhookDeliveries, at: webhookDeliveries.sentAt, keptMs: sentKeptMs };

/** Deletes deliveries that were made long ago; see `deleteAged`. */
export function deleteOldDeliveries(tx: Transaction, batch: { batchSizeMax: number }): Promise<number> {
  return deleteAged(tx, aged, batch);
}

/**
 * Deletes what is left of deleted webhooks.
 * @returns how many deliveries; fewer than `batchSizeMax` means that none is left
 */
export async function deleteLostDeliveries(
  tx: Transaction,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<number> {
  const rows = await tx.execute(sql`
    delete from ${webhookDeliveries} where id = any(array(
      select lost.id from ${webhooks} cross join lateral (
        select id from ${webhookDeliveries} where webhook_id = ${webhooks.id}
        limit ${batchSizeMax} for update skip locked
      ) as lost
      where ${webhooks.deletedAt} is not null limit ${batchSizeMax}
    ))
    returning 1`);
  return rows.length;
}

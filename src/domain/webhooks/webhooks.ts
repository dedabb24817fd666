import { randomBytes } from 'node:crypto';
import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { later, statementTime } from '../../db/sql.ts';
import { type WebhookDeliveryRow, type WebhookRow, webhooks } from '../../db/tables.ts';
import { notFound } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import type { AuditAction } from '../../schema/audit-events.ts';
import type { WebhookInput, WebhookQuery } from '../../schema/webhooks.ts';
import { differences, writeEvent } from '../audit/events.ts';
import type { Actor } from '../customers/actor.ts';
import { tellForTest } from '../outbox/webhook-deliveries.ts';
import { newestPage, type Page } from '../paging.ts';

/** How long the secret before signs as well, so that a receiver can change it without missing anything. */
const previousSecretMs = 24 * 3_600_000;

/** As many as an HMAC-SHA256 makes use of (Standard Webhooks: 24 to 64). */
const secretBytes = 32;

/** Longer than any transaction lasts. */
const removedAfterMs = 3_600_000;

const { secret: _secret, previousSecret: _previous, ...columns } = getTableColumns(webhooks);

/** A webhook without its secrets. */
export type Webhook = Omit<WebhookRow, 'secret' | 'previousSecret'>;

/** What an audit event tells of a webhook. */
const told = {
  url: 'values',
  events: 'values',
  description: 'values',
  disabledAt: 'values',
  deletedAt: 'values',
} as const;

const newSecret = () => `whsec_${randomBytes(secretBytes).toString('base64')}`;

const isThere = (id: string) => and(eq(webhooks.id, id), isNull(webhooks.deletedAt));

/** Makes a webhook. What happens from then on is owed to it. */
export async function createWebhook(
  tx: Transaction,
  input: WebhookInput,
  actor: Actor,
): Promise<{ webhook: Webhook; secret: string }> {
  const secret = newSecret();
  const made = { id: sql`uuid_v7(${statementTime})`, createdAt: statementTime, updatedAt: statementTime };
  const [webhook] = await tx
    .insert(webhooks)
    .values({ ...input, secret, ...made })
    .returning(columns);
  if (!webhook) throw new Error('the insert gave no row');
  await writeWebhookEvent(tx, actor, 'webhook.created', null, webhook);
  return { webhook, secret };
}

/** A page of the webhooks, newest first. */
export async function listWebhooks(reader: Reader, query: WebhookQuery): Promise<Page<Webhook>> {
  return newestPage(reader, query, webhooks, isNull(webhooks.deletedAt), (where, order, limit) =>
    reader.select(columns).from(webhooks).where(where).orderBy(order).limit(limit),
  );
}

/** @throws {ShopError} `not_found` */
export async function getWebhook(reader: Reader, id: string): Promise<Webhook> {
  const [row] = isId(id) ? await reader.select(columns).from(webhooks).where(isThere(id)) : [];
  if (!row) throw notFound('webhook');
  return row;
}

/**
 * Replaces a webhook, and enables it again. What was given up meanwhile stays so until it is sent again.
 * @throws {ShopError} `not_found`
 */
export async function replaceWebhook(tx: Transaction, id: string, input: WebhookInput, actor: Actor): Promise<Webhook> {
  const before = await lockWebhook(tx, id);
  const [after = before] = await tx
    .update(webhooks)
    .set({ ...input, disabledAt: null, failingSince: null, updatedAt: statementTime })
    .where(eq(webhooks.id, before.id))
    .returning(columns);
  await writeWebhookEvent(tx, actor, 'webhook.updated', before, after);
  return after;
}

/**
 * Gives a webhook a new secret; the one before signs as well for a day.
 * @throws {ShopError} `not_found`
 */
export async function renewSecret(
  tx: Transaction,
  id: string,
  actor: Actor,
): Promise<{ webhook: Webhook; secret: string }> {
  const before = await lockWebhook(tx, id);
  const secret = newSecret();
  const [webhook = before] = await tx
    .update(webhooks)
    .set({
      secret,
      previousSecret: sql`${webhooks.secret}`,
      previousSecretUntil: later(statementTime, previousSecretMs),
      updatedAt: statementTime,
    })
    .where(eq(webhooks.id, before.id))
    .returning(columns);
  await writeEvent(tx, actor, {
    action: 'webhook.secret_changed',
    subject: { kind: 'webhook', id: before.id },
    changes: { secret: {} },
  });
  return { webhook, secret };
}

/**
 * Deletes a webhook with what it is owed: nothing of it is shown or sent any more. The clean-up removes the rows, because
 * they may be many, and orders write more of them meanwhile.
 * @throws {ShopError} `not_found`
 */
export async function deleteWebhook(tx: Transaction, id: string, actor: Actor): Promise<void> {
  const before = await lockWebhook(tx, id);
  const [after = before] = await tx
    .update(webhooks)
    .set({ deletedAt: statementTime })
    .where(eq(webhooks.id, before.id))
    .returning(columns);
  await writeWebhookEvent(tx, actor, 'webhook.deleted', before, after);
}

/**
 * Sends a webhook an event that nobody else is told of, whatever it wants.
 * @throws {ShopError} `not_found`
 */
export async function testWebhook(tx: Transaction, id: string): Promise<WebhookDeliveryRow> {
  const { id: webhookId } = await getWebhook(tx, id);
  return tellForTest(tx, webhookId);
}

async function lockWebhook(tx: Transaction, id: string): Promise<Webhook> {
  const [row] = isId(id) ? await tx.select(columns).from(webhooks).where(isThere(id)).for('no key update') : [];
  if (!row) throw notFound('webhook');
  return row;
}

async function writeWebhookEvent(
  tx: Transaction,
  actor: Actor,
  action: AuditAction,
  before: Webhook | null,
  after: Webhook,
): Promise<void> {
  const changes = differences<Webhook>(told, before, after);
  if (Object.keys(changes).length === 0) return;
  await writeEvent(tx, actor, { action, subject: { kind: 'webhook', id: after.id }, changes });
}

/**
 * Removes webhooks that were deleted, once nothing is left that they were owed. Not at once: an order that was under way
 * may still write a delivery.
 * @returns how many
 */
export async function removeDeletedWebhooks(
  tx: Transaction,
  { batchSizeMax }: { batchSizeMax: number },
): Promise<number> {
  const rows = await tx.execute(sql`
    delete from webhooks where id = any(array(
      select id from webhooks where deleted_at < ${later(statementTime, -removedAfterMs)}
        and not exists (select 1 from webhook_deliveries where webhook_id = webhooks.id)
      limit ${batchSizeMax}
    ))
    returning 1`);
  return rows.length;
}

import { eq, sql } from 'drizzle-orm';
import type { Reader, Transaction } from '../../db/client.ts';
import { statementTime } from '../../db/sql.ts';
import { type KeyRow, keys } from '../../db/tables.ts';
import { notFound, ShopError } from '../../errors.ts';
import { isId } from '../../lib/ids.ts';
import { hashOfSecret, randomSecret } from '../../lib/secrets.ts';
import type { KeyInput, KeyQuery } from '../../schema/keys.ts';
import { differences, writeEvent } from '../audit/events.ts';
import { newestPage, type Page } from '../paging.ts';
import type { AccountActor } from './actor.ts';

/** What is read of a key: all but what it is known by. */
export const keyColumns = {
  id: keys.id,
  name: keys.name,
  scopes: keys.scopes,
  createdBy: keys.createdBy,
  createdAt: keys.createdAt,
  expiresAt: keys.expiresAt,
};

/** What an audit event tells of a key. */
const told = { name: 'values', scopes: 'values', expiresAt: 'values' } as const;

/**
 * Makes a key for a program.
 * @returns its row, and the key itself, of which only a hash is kept
 * @throws {ShopError} `validation_failed` when it would have expired already
 */
export async function createKey(
  tx: Transaction,
  { name, scopes, expiresAt }: KeyInput,
  actor: AccountActor,
): Promise<{ row: KeyRow; key: string }> {
  const key = `shop_${randomSecret()}`;
  const [row] = await tx
    .insert(keys)
    .values({
      id: sql`uuid_v7(${statementTime})`,
      name,
      scopes,
      keyHash: hashOfSecret(key),
      createdBy: actor.id,
      createdAt: statementTime,
      expiresAt,
    })
    .returning(keyColumns);
  if (!row) throw new Error('the insert gave no row');
  // By Postgres' clock, which is the one that ends it; the refusal takes the row back.
  if (row.expiresAt && row.expiresAt <= row.createdAt) {
    throw new ShopError('validation_failed', 'The body is not valid.', {
      errors: [{ path: 'expiresAt', message: 'must be in the future' }],
    });
  }
  const subject = { kind: 'key' as const, id: row.id };
  await writeEvent(tx, actor, { action: 'key.created', subject, changes: differences<KeyRow>(told, null, row) });
  return { row, key };
}

/** A page of the keys that have not been revoked, newest first. */
export async function listKeys(reader: Reader, query: KeyQuery): Promise<Page<KeyRow>> {
  return newestPage(reader, query, keys, undefined, (where, order, limit) =>
    reader.select(keyColumns).from(keys).where(where).orderBy(order).limit(limit),
  );
}

/**
 * Revokes a key; it stops working at once. Its row goes, what it has done stays in the audit events.
 * @throws {ShopError} `not_found`
 */
export async function revokeKey(tx: Transaction, id: string, actor: AccountActor): Promise<void> {
  const [row] = isId(id) ? await tx.delete(keys).where(eq(keys.id, id)).returning(keyColumns) : [];
  if (!row) throw notFound('key');
  const gone = { ...row, name: null, scopes: null, expiresAt: null };
  const changes = differences<{ [Field in keyof KeyRow]: unknown }>(told, row, gone);
  await writeEvent(tx, actor, { action: 'key.revoked', subject: { kind: 'key', id: row.id }, changes });
}

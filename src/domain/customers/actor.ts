import { ShopError } from '../../errors.ts';
import type { Role } from '../../schema/customers.ts';
import type { Scope } from '../../schema/keys.ts';

/** A signed-in account, which acts by its own hand. */
export type AccountActor = { kind: Role; id: string; requestId: string };

/** A program's key, which has the rights of staff as far as its scopes go. */
export type KeyActor = { kind: 'key'; id: string; scopes: readonly Scope[]; requestId: string };

/**
 * On whose behalf a rule runs, with the request that asked for it: a signed-in account, a program's key, or the shop
 * itself, which no request asks.
 */
export type Actor = AccountActor | KeyActor | { kind: 'system'; id: null; requestId: null };

/** The shop itself: its start and its commands. */
export const system: Actor = { kind: 'system', id: null, requestId: null };

/** Whether the actor may do what is for staff. */
export function isStaff(actor: Actor): boolean {
  return actor.kind !== 'customer';
}

/**
 * Lets the owner of a thing and all staff pass.
 * @throws {ShopError} `forbidden`
 */
export function requireOwner(actor: Actor, ownerId: string): void {
  if (!isStaff(actor) && actor.id !== ownerId) {
    throw new ShopError('forbidden', 'This belongs to another customer.');
  }
}

import { ShopError } from '../../errors.ts';
import type { Role } from '../../schema/customers.ts';

/** The signed-in account on whose behalf a rule runs. */
export type Actor = { id: string; role: Role };

/**
 * Lets the owner of a thing and every admin pass.
 * @throws {ShopError} `forbidden`
 */
export function requireOwner(actor: Actor, ownerId: string): void {
  if (actor.role !== 'admin' && actor.id !== ownerId) {
    throw new ShopError('forbidden', 'This belongs to another customer.');
  }
}

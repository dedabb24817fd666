import { ShopError } from '../../errors.ts';
import type { Role } from '../../schema/customers.ts';

/** The signed-in account on whose behalf a rule runs. */
export type Viewer = { id: string; role: Role };

/**
 * Lets the owner of a thing and every admin pass.
 * @throws {ShopError} `forbidden`
 */
export function requireOwner(viewer: Viewer, ownerId: string): void {
  if (viewer.role !== 'admin' && viewer.id !== ownerId) {
    throw new ShopError('forbidden', 'This belongs to another customer.');
  }
}

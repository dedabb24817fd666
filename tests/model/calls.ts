import type { Line, ProductInput, Profile } from './state.ts';

/**
 * A request that changes the shop, in the model's terms. What it creates gets its `name`; `by` names the session whose
 * token it carries.
 */
export type Call = { name: string } & Request;

export type Request =
  | { kind: 'register'; profile: Profile; password: string }
  | { kind: 'sign in'; email: string; password: string }
  | SignedInRequest;

export type SignedInRequest = { by: string | null } & (
  | { kind: 'change password'; currentPassword: string; newPassword: string }
  | { kind: 'replace profile'; account: string; change: Profile }
  | { kind: 'change email'; account: string; change: Pick<Profile, 'email'> }
  | { kind: 'change phone'; account: string; change: Pick<Profile, 'phone'> }
  | { kind: 'close account'; account: string }
  | { kind: 'sign out'; account: string }
  | { kind: 'restore account'; account: string }
  | { kind: 'create product'; input: ProductInput }
  | { kind: 'replace product'; product: string; input: ProductInput; ifMatch: number | null }
  | { kind: 'delete product'; product: string }
  | { kind: 'restore product'; product: string }
  | { kind: 'place order'; lines: Line[]; key: string | null }
  | { kind: 'cancel order'; order: string }
  | { kind: 'restore order'; order: string }
  | { kind: 'delete order'; order: string }
);

export type RequestOf<Kind extends Request['kind']> = Extract<Request, { kind: Kind }>;

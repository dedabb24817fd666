import type { Booking, Line, ProductInput, ProductReplacement, Profile, Status } from './state.ts';

/**
 * A request that changes the shop, in the model's terms. What it creates gets its `name`; `by` names the session whose
 * token it carries.
 */
export type Call = { name: string } & Request;

export type Request =
  | { kind: 'register'; profile: Profile; password: string }
  | { kind: 'sign in'; email: string; password: string }
  | { kind: 'forget password'; email: string }
  | { kind: 'reset password'; token: string; newPassword: string }
  | { kind: 'verify email'; token: string }
  | SignedInRequest;

export type SignedInRequest = { by: string | null } & (
  | { kind: 'log out' }
  | { kind: 'sign out'; account: string }
  | { kind: 'ask to verify' }
  | { kind: 'change password'; currentPassword: string; newPassword: string }
  | { kind: 'replace profile'; account: string; change: Profile }
  | { kind: 'change email'; account: string; change: Pick<Profile, 'email'> }
  | { kind: 'change phone'; account: string; change: Pick<Profile, 'phone'> }
  | { kind: 'close account'; account: string }
  | { kind: 'sign out'; account: string }
  | { kind: 'restore account'; account: string }
  | { kind: 'create product'; input: ProductInput }
  | { kind: 'replace product'; product: string; input: ProductReplacement; ifMatch: number | null }
  | { kind: 'delete product'; product: string }
  | { kind: 'restore product'; product: string }
  | { kind: 'book stock'; booking: Booking; key: string | null }
  | { kind: 'place order'; lines: Line[]; street: string | null; key: string | null }
  | { kind: 'cancel order'; order: string }
  | { kind: 'restore order'; order: string }
  | { kind: 'delete order'; order: string }
  | { kind: 'move order'; order: string; status: Status; carrier: string | null }
  | { kind: 'hold order'; order: string; reason: string }
  | { kind: 'release order'; order: string }
  | { kind: 'redirect order'; order: string; street: string | null }
);

export type RequestOf<Kind extends Request['kind']> = Extract<Request, { kind: Kind }>;

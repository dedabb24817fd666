/** The shop as a customer could work it out with pencil and paper. Everything has a name; nothing is ever changed in place. */
export type ShopState = {
  /** Hours since the beginning; only moving the clock changes it. */
  hour: number;
  accounts: Record<string, Account>;
  products: Record<string, Product>;
  orders: Record<string, Order>;
  /** What was ordered under an idempotency key, by account and key. */
  keys: Record<string, { lines: Line[]; street: string | null; order: string; hour: number }>;
  /** Every token that a mail ever brought, by the call that asked for it. */
  mailTokens: Record<string, { account: string; kind: MailTokenKind; hour: number }>;
  /** Who has had a mail with a token within the last minute: kind and address, and kind and account. */
  mailed: string[];
  /** What was booked under one likewise. */
  bookingKeys: Record<string, { booking: Booking; change: string; hour: number }>;
};

export type MailTokenKind = 'password_reset' | 'email_verification';

export type Status = 'pending' | 'processing' | 'shipped' | 'delivered' | 'cancelled';
export type Role = 'customer' | 'admin';
export type Line = { product: string; quantity: number };
export type ProductInput = {
  name: string;
  sku: string | null;
  description: string | null;
  priceCents: number;
  tags: string[];
  stock: number;
};
/** Stock stays when it is null. */
export type ProductReplacement = Omit<ProductInput, 'stock'> & { stock: number | null };
/** What is to change in stock; `expected` is what it has to be before, if anything. */
export type Booking = { product: string; change: number; expected: number | null };
export type Profile = { name: string; email: string; phone: string | null };

export type Account = Profile & {
  role: Role;
  password: string;
  /** Moves with the password, and when all are signed out; a session of an older version is dead. */
  version: number;
  sessions: { name: string; version: number }[];
  open: boolean;
  /** Whether it has been shown that the address is theirs. */
  verified: boolean;
  /** The token of each kind that stands. */
  tokens: Partial<Record<MailTokenKind, string>>;
};

/** `version` moves with every change, stock included. */
export type Product = ProductInput & { version: number; deleted: boolean };

export type Order = {
  customer: string;
  items: (Line & { sku: string | null; name: string; unitPriceCents: number })[];
  /** Every status it has entered, over all runs. */
  history: Status[];
  createdHour: number;
  /** When its next step is due. */
  dueHour: number | null;
  /** Why it is on hold. */
  hold: string | null;
  /** Where it goes, by the street. */
  street: string | null;
  /** What staff have said of its parcel. */
  carrier: string | null;
  deleted: boolean;
};

/** The settings that the shop under test has to be started with. */
export const intervalHours = 1;
export const deleteAfterHours = 2;
export const keyKeptHours = 24;

export const restoresMax = 5;

/** How long the tokens of mails work. */
export const mailTokenHours: Record<MailTokenKind, number> = { password_reset: 1, email_verification: 72 };

export const emptyShop: ShopState = {
  hour: 0,
  accounts: {},
  products: {},
  orders: {},
  keys: {},
  bookingKeys: {},
  mailTokens: {},
  mailed: [],
};

export type Actor = { account: string; role: Role };

/** Who a session's token belongs to; null when it is good for nothing (any more), or there is none. */
export function identify({ accounts }: ShopState, session: string | null): Actor | null {
  for (const [account, { role, version, sessions, open }] of Object.entries(accounts)) {
    const isLive = sessions.some((issued) => issued.name === session && issued.version === version);
    if (isLive && open) return { account, role };
  }
  return null;
}

export function statusOf({ history }: Order): Status {
  return history.at(-1) ?? 'pending';
}

export const nextStatus = { pending: 'processing', processing: 'shipped', shipped: 'delivered' } as const;

export function isUndelivered(order: Order): boolean {
  return !order.deleted && statusOf(order) in nextStatus;
}

/** The shop after each step that time may still take an order by, the present one first. */
export function progressOf(state: ShopState, name: string): ShopState[] {
  const order = state.orders[name];
  const status = order && statusOf(order);
  if (!status || !(status in nextStatus) || order.dueHour === null || order.dueHour > state.hour) return [state];
  const next = nextStatus[status as keyof typeof nextStatus];
  const dueHour = next === 'delivered' ? null : order.dueHour + intervalHours;
  const moved = { ...order, history: [...order.history, next], dueHour };
  return [state, ...progressOf({ ...state, orders: { ...state.orders, [name]: moved } }, name)];
}

/** The shop once time has taken these orders as far as it can by now. */
export function caughtUp(state: ShopState, names = Object.keys(state.orders)): ShopState {
  return names.reduce((before, name) => progressOf(before, name).at(-1) ?? before, state);
}

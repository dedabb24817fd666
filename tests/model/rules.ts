import { statusOfCode } from '../support/document.ts';
import type { Call, RequestOf, SignedInRequest } from './calls.ts';
import {
  type Account,
  type Actor,
  intervalHours,
  isUndelivered,
  keyKeptHours,
  type Line,
  type Order,
  type Product,
  restoresMax,
  type ShopState,
  statusOf,
} from './state.ts';
import {
  type AccountView,
  accountView,
  deletableInHours,
  type OrderView,
  orderView,
  type ProductView,
  productView,
} from './views.ts';

/** What an answer says, in the model's terms. Names are those of the things that the answer shows. */
export type Answer = {
  status: number;
  code?: string;
  account?: AccountView & { is: string };
  product?: ProductView & { is: string };
  order?: OrderView & { is: string };
  /** The order whose first answer came again. */
  replayOf?: string;
  /** The lines that the stock is too short for, by product. */
  short?: { product: string; requested: number; available: number }[];
  deletableInHours?: number;
};

/** An answer, and the shop once it has been given. */
export type Outcome = { answer: Answer; state: ShopState };

/** Answers a call as the shop promises to. `actor` is the account its token belonged to when the shop looked. */
export function answerTo(state: ShopState, call: Call, actor: Actor | null): Outcome {
  if (call.kind === 'register') return register(state, call);
  if (call.kind === 'sign in') return signIn(state, call);
  return actor ? answerSignedIn(state, call, actor) : refused(state, 'unauthenticated');
}

type Named = { name: string };
type CallOf<Kind extends Call['kind']> = Named & RequestOf<Kind>;

function answerSignedIn(state: ShopState, call: Named & SignedInRequest, actor: Actor): Outcome {
  switch (call.kind) {
    case 'change password':
      return changePassword(state, call, actor);
    case 'replace profile':
    case 'change email':
    case 'change phone':
    case 'close account':
    case 'sign out':
      return answerAboutAccount(state, call, actor);
    case 'restore account':
      return actor.role === 'admin' ? restoreAccount(state, call) : refused(state, 'forbidden');
    case 'place order':
      return placeOrder(state, call, actor);
    case 'cancel order':
    case 'restore order':
    case 'delete order':
      return answerAboutOrder(state, call, actor);
    default:
      return actor.role === 'admin' ? answerAboutProduct(state, call) : refused(state, 'forbidden');
  }
}

function refused(state: ShopState, code: string, details: Partial<Answer> = {}): Outcome {
  return { answer: { status: statusOfCode[code] ?? Number.NaN, code, ...details }, state };
}

function withAccount(state: ShopState, name: string, account: Account): ShopState {
  return { ...state, accounts: { ...state.accounts, [name]: account } };
}

function withProduct(state: ShopState, name: string, product: Product): ShopState {
  return { ...state, products: { ...state.products, [name]: product } };
}

function withOrder(state: ShopState, name: string, order: Order): ShopState {
  return { ...state, orders: { ...state.orders, [name]: order } };
}

function accountSaved(state: ShopState, name: string, account: Account, status: number): Outcome {
  return {
    answer: { status, account: { is: name, ...accountView(account) } },
    state: withAccount(state, name, account),
  };
}

function productSaved(state: ShopState, name: string, product: Product, status: number): Outcome {
  return {
    answer: { status, product: { is: name, ...productView(product) } },
    state: withProduct(state, name, product),
  };
}

function orderSaved(state: ShopState, name: string, order: Order, status: number): Outcome {
  return {
    answer: { status, order: { is: name, ...orderView(order, state.hour) } },
    state: withOrder(state, name, order),
  };
}

function ownerOf({ accounts }: ShopState, email: string): string | undefined {
  const isOwner = (account: Account) => account.open && account.email.toLowerCase() === email.toLowerCase();
  return Object.keys(accounts).find((name) => accounts[name] && isOwner(accounts[name]));
}

function register(state: ShopState, { name, profile, password }: CallOf<'register'>): Outcome {
  if (ownerOf(state, profile.email) !== undefined) return refused(state, 'email_taken');
  const account: Account = { ...profile, role: 'customer', password, version: 1, sessions: [], open: true };
  return accountSaved(state, name, account, 201);
}

function signIn(state: ShopState, { name, email, password }: CallOf<'sign in'>): Outcome {
  const owner = ownerOf(state, email) ?? '';
  const account = state.accounts[owner];
  if (account?.password !== password) return refused(state, 'invalid_credentials');
  const sessions = [...account.sessions, { name, version: account.version }];
  return { answer: { status: 200 }, state: withAccount(state, owner, { ...account, sessions }) };
}

function changePassword(state: ShopState, call: CallOf<'change password'>, actor: Actor): Outcome {
  const account = state.accounts[actor.account];
  if (!account?.open || account.password !== call.currentPassword) return refused(state, 'invalid_credentials');
  const changed = { ...account, password: call.newPassword, version: account.version + 1 };
  return { answer: { status: 204 }, state: withAccount(state, actor.account, changed) };
}

type AccountCall = CallOf<'replace profile' | 'change email' | 'change phone' | 'close account' | 'sign out'>;

function answerAboutAccount(state: ShopState, call: AccountCall, actor: Actor): Outcome {
  const account = state.accounts[call.account];
  if (!account?.open) return refused(state, 'not_found');
  if (actor.role !== 'admin' && actor.account !== call.account) return refused(state, 'forbidden');

  const signedOut = { ...account, version: account.version + 1 };
  if (call.kind === 'sign out') {
    return { answer: { status: 204 }, state: withAccount(state, call.account, signedOut) };
  }
  if (call.kind !== 'close account') {
    const changed = { ...account, ...call.change };
    const owner = ownerOf(state, changed.email);
    if (owner !== undefined && owner !== call.account) return refused(state, 'email_taken');
    return accountSaved(state, call.account, changed, 200);
  }
  // Nobody here is the last admin of the shop, which has one who is in no world.
  const owes = Object.values(state.orders).some((order) => order.customer === call.account && isUndelivered(order));
  if (owes) return refused(state, 'customer_has_undelivered_orders');
  return { answer: { status: 204 }, state: withAccount(state, call.account, { ...signedOut, open: false }) };
}

/** Sessions that ended with the account stay ended. */
function restoreAccount(state: ShopState, { account: name }: CallOf<'restore account'>): Outcome {
  const account = state.accounts[name];
  if (!account) return refused(state, 'not_found');
  if (account.open) return refused(state, 'customer_not_deleted');
  if (ownerOf(state, account.email) !== undefined) return refused(state, 'email_taken');
  return accountSaved(state, name, { ...account, open: true }, 200);
}

type ProductCall = CallOf<'create product' | 'replace product' | 'delete product' | 'restore product'>;

function answerAboutProduct(state: ShopState, call: ProductCall): Outcome {
  if (call.kind === 'create product') {
    return productSaved(state, call.name, { ...call.input, version: 1, deleted: false }, 201);
  }
  const product = state.products[call.product];
  if (!product) return refused(state, 'not_found');
  const version = product.version + 1;

  if (call.kind === 'restore product') {
    if (!product.deleted) return refused(state, 'product_not_deleted');
    return productSaved(state, call.product, { ...product, version, deleted: false }, 200);
  }
  if (product.deleted) return refused(state, 'not_found');
  if (call.kind === 'delete product') {
    const deleted = { ...product, version, deleted: true };
    return { answer: { status: 204 }, state: withProduct(state, call.product, deleted) };
  }
  if (call.ifMatch !== null && call.ifMatch !== product.version) return refused(state, 'precondition_failed');
  return productSaved(state, call.product, { ...product, ...call.input, version }, 200);
}

function placeOrder(state: ShopState, { name, lines, key }: CallOf<'place order'>, actor: Actor): Outcome {
  const scope = `${actor.account} ${key}`;
  const record = state.keys[scope];
  if (record && state.hour < record.hour + keyKeptHours) {
    if (JSON.stringify(record.lines) !== JSON.stringify(lines)) return refused(state, 'idempotency_key_reused');
    return { answer: { status: 201, replayOf: record.order }, state };
  }
  if (!state.accounts[actor.account]?.open) return refused(state, 'unauthenticated');

  const merged = addUp(lines);
  const taken = takeStock(state, merged);
  if ('answer' in taken) return taken;
  const order: Order = {
    customer: actor.account,
    items: merged.map((line) => {
      const { name, priceCents } = state.products[line.product] ?? { name: '', priceCents: Number.NaN };
      return { ...line, name, unitPriceCents: priceCents };
    }),
    history: ['pending'],
    createdHour: state.hour,
    dueHour: state.hour + intervalHours,
    deleted: false,
  };
  const keys = key === null ? state.keys : { ...state.keys, [scope]: { lines, order: name, hour: state.hour } };
  return orderSaved({ ...taken, keys }, name, order, 201);
}

function addUp(lines: Line[]): Line[] {
  const products = [...new Set(lines.map(({ product }) => product))];
  return products.map((product) => ({
    product,
    quantity: lines.reduce((sum, line) => sum + (line.product === product ? line.quantity : 0), 0),
  }));
}

function takeStock(state: ShopState, lines: Line[]): ShopState | Outcome {
  const isGone = ({ product }: Line) => state.products[product]?.deleted !== false;
  if (lines.some(isGone)) return refused(state, 'unknown_product');
  const short = lines.flatMap(({ product, quantity }) => {
    const available = state.products[product]?.stock ?? 0;
    return quantity > available ? [{ product, requested: quantity, available }] : [];
  });
  if (short.length > 0) return refused(state, 'insufficient_stock', { short: byProduct(short) });
  return moveStock(state, lines, -1);
}

/** Short lines come in no particular order. */
export function byProduct<Item extends { product: string }>(items: Item[]): Item[] {
  return items.toSorted((a, b) => a.product.localeCompare(b.product));
}

function moveStock(state: ShopState, lines: Line[], sign: 1 | -1): ShopState {
  return lines.reduce((before, { product: name, quantity }) => {
    const product = before.products[name];
    if (!product) return before;
    return withProduct(before, name, {
      ...product,
      stock: product.stock + sign * quantity,
      version: product.version + 1,
    });
  }, state);
}

type OrderCall = CallOf<'cancel order' | 'restore order' | 'delete order'>;

function answerAboutOrder(state: ShopState, call: OrderCall, actor: Actor): Outcome {
  const order = state.orders[call.order];
  if (!order || (order.deleted && call.kind !== 'restore order')) return refused(state, 'not_found');
  if (actor.role !== 'admin' && actor.account !== order.customer) return refused(state, 'forbidden');
  if (call.kind === 'cancel order') return cancelOrder(state, call.order, order);
  if (call.kind === 'restore order') return restoreOrder(state, call.order, order);
  return deleteOrder(state, call.order, order);
}

function cancelOrder(state: ShopState, name: string, order: Order): Outcome {
  const status = statusOf(order);
  if (status !== 'pending' && status !== 'processing') return refused(state, 'order_not_cancellable');
  return orderSaved(moveStock(state, order.items, 1), name, cancelled(order), 200);
}

function restoreOrder(state: ShopState, name: string, order: Order): Outcome {
  if (statusOf(order) !== 'cancelled') return refused(state, 'order_not_restorable');
  const runs = order.history.filter((entry) => entry === 'pending').length;
  if (runs > restoresMax) return refused(state, 'order_not_restorable');
  if (!state.accounts[order.customer]?.open) return refused(state, 'order_not_restorable');
  const taken = takeStock(state, order.items);
  if ('answer' in taken) return taken;
  const history: Order['history'] = [...order.history, 'pending'];
  return orderSaved(taken, name, { ...order, history, dueHour: state.hour + intervalHours, deleted: false }, 200);
}

function deleteOrder(state: ShopState, name: string, order: Order): Outcome {
  const status = statusOf(order);
  if (status === 'delivered') return refused(state, 'order_delivered');
  const waitHours = deletableInHours(order, state.hour);
  if (waitHours > 0) return refused(state, 'order_too_recent', { deletableInHours: waitHours });
  const [before, ended] =
    status === 'cancelled' ? [state, order] : [moveStock(state, order.items, 1), cancelled(order)];
  return { answer: { status: 204 }, state: withOrder(before, name, { ...ended, deleted: true }) };
}

function cancelled(order: Order): Order {
  return { ...order, history: [...order.history, 'cancelled'], dueHour: null };
}

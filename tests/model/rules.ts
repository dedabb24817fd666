import { statusOfCode } from '../support/document.ts';
import type { Call, RequestOf, SignedInRequest } from './calls.ts';
import {
  type Account,
  type Actor,
  intervalHours,
  isUndelivered,
  keyKeptHours,
  type Line,
  type MailTokenKind,
  mailTokenHours,
  nextStatus,
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
  booked?: { is: string; product: string; change: number; stockAfter: number };
  /** The order or booking whose first answer came again. */
  replayOf?: string;
  /** The lines that the stock is too short for, by product. */
  short?: { product: string; requested: number; available: number }[];
  deletableInHours?: number;
  currentStock?: number;
  currentStatus?: string;
};

/** An answer, and the shop once it has been given. */
export type Outcome = { answer: Answer; state: ShopState };

/** Answers a call as the shop promises to. `actor` is the account its token belonged to when the shop looked. */
export function answerTo(state: ShopState, call: Call, actor: Actor | null): Outcome {
  if (call.kind === 'register') return register(state, call);
  if (call.kind === 'sign in') return signIn(state, call);
  if (call.kind === 'forget password') return forgetPassword(state, call);
  if (call.kind === 'reset password') return resetPassword(state, call);
  if (call.kind === 'verify email') return verifyEmail(state, call);
  return actor ? answerSignedIn(state, call, actor) : refused(state, 'unauthenticated');
}

type Named = { name: string };
type CallOf<Kind extends Call['kind']> = Named & RequestOf<Kind>;

function answerSignedIn(state: ShopState, call: Named & SignedInRequest, actor: Actor): Outcome {
  switch (call.kind) {
    case 'change password':
      return changePassword(state, call, actor);
    case 'log out':
      return logOut(state, call, actor);
    case 'ask to verify':
      return askToVerify(state, call, actor);
    case 'sign out':
    case 'replace profile':
    case 'change email':
    case 'change phone':
    case 'close account':
      return answerAboutAccount(state, call, actor);
    case 'restore account':
      return actor.role === 'admin' ? restoreAccount(state, call) : refused(state, 'forbidden');
    case 'place order':
      return placeOrder(state, call, actor);
    case 'cancel order':
    case 'restore order':
    case 'delete order':
    case 'redirect order':
      return answerAboutOrder(state, call, actor);
    case 'book stock':
      return actor.role === 'admin' ? bookStock(state, call, actor) : refused(state, 'forbidden');
    case 'move order':
    case 'hold order':
    case 'release order':
      return actor.role === 'admin' ? answerToStaff(state, call) : refused(state, 'forbidden');
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

/** What a customer is answered says nothing of a hold. */
function toldTo(actor: Actor, { answer, state }: Outcome): Outcome {
  if (actor.role === 'admin' || !answer.order) return { answer, state };
  return { answer: { ...answer, order: { ...answer.order, hold: null } }, state };
}

/** The open account that has an address. */
export function ownerOf({ accounts }: ShopState, email: string): string | undefined {
  const isOwner = (account: Account) => account.open && account.email.toLowerCase() === email.toLowerCase();
  return Object.keys(accounts).find((name) => accounts[name] && isOwner(accounts[name]));
}

function register(state: ShopState, { name, profile, password }: CallOf<'register'>): Outcome {
  if (ownerOf(state, profile.email) !== undefined) return refused(state, 'email_taken');
  const account: Account = {
    ...profile,
    role: 'customer',
    password,
    version: 1,
    sessions: [],
    open: true,
    verified: false,
    tokens: {},
  };
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
  const { password_reset: _ended, ...tokens } = account.tokens;
  const changed = { ...account, password: call.newPassword, version: account.version + 1, tokens };
  return { answer: { status: 204 }, state: withAccount(state, actor.account, changed) };
}

/** Only this session dies. */
function logOut(state: ShopState, { by }: CallOf<'log out'>, actor: Actor): Outcome {
  const account = state.accounts[actor.account];
  if (!account) return refused(state, 'unauthenticated');
  const sessions = account.sessions.map((session) => (session.name === by ? { ...session, version: 0 } : session));
  return { answer: { status: 204 }, state: withAccount(state, actor.account, { ...account, sessions }) };
}

/** The shop once somebody has had a mail with a token, unless they, or the address, had one within the minute. */
function mailed(
  state: ShopState,
  call: string,
  kind: MailTokenKind,
  email: string,
  name: string | undefined,
): ShopState {
  const [ofAddress, ofAccount] = [`${kind} to ${email.toLowerCase()}`, `${kind} of ${name}`];
  if (state.mailed.includes(ofAddress)) return state;
  const asked = { ...state, mailed: [...state.mailed, ofAddress].sort() };
  const account = name === undefined ? undefined : state.accounts[name];
  if (name === undefined || !account || state.mailed.includes(ofAccount)) return asked;
  const owed = { ...asked, mailed: [...asked.mailed, ofAccount].sort() };
  const mailTokens = { ...state.mailTokens, [call]: { account: name, kind, hour: state.hour } };
  return withAccount({ ...owed, mailTokens }, name, { ...account, tokens: { ...account.tokens, [kind]: call } });
}

function forgetPassword(state: ShopState, { name, email }: CallOf<'forget password'>): Outcome {
  return { answer: { status: 202 }, state: mailed(state, name, 'password_reset', email, ownerOf(state, email)) };
}

function askToVerify(state: ShopState, { name }: CallOf<'ask to verify'>, actor: Actor): Outcome {
  const account = state.accounts[actor.account];
  if (!account?.open) return refused(state, 'unauthenticated');
  if (account.verified) return refused(state, 'email_already_verified');
  return { answer: { status: 202 }, state: mailed(state, name, 'email_verification', account.email, actor.account) };
}

/** The account whose token of a kind stands, without it. */
function redeemed(state: ShopState, kind: MailTokenKind, token: string): { name: string; account: Account } | null {
  const issued = state.mailTokens[token];
  const account = issued && state.accounts[issued.account];
  if (!issued || !account?.open || account.tokens[kind] !== token) return null;
  if (state.hour >= issued.hour + mailTokenHours[kind]) return null;
  const { [kind]: _used, ...tokens } = account.tokens;
  return { name: issued.account, account: { ...account, tokens } };
}

function resetPassword(state: ShopState, { token, newPassword }: CallOf<'reset password'>): Outcome {
  const found = redeemed(state, 'password_reset', token);
  if (!found) return refused(state, 'token_invalid');
  const { name, account } = found;
  const changed = { ...account, password: newPassword, version: account.version + 1, verified: true };
  return { answer: { status: 204 }, state: withAccount(state, name, changed) };
}

function verifyEmail(state: ShopState, { token }: CallOf<'verify email'>): Outcome {
  const found = redeemed(state, 'email_verification', token);
  if (!found) return refused(state, 'token_invalid');
  return { answer: { status: 204 }, state: withAccount(state, found.name, { ...found.account, verified: true }) };
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
    const profile = { ...account, ...call.change };
    const moves = profile.email.toLowerCase() !== account.email.toLowerCase();
    const changed = moves ? { ...profile, verified: false, tokens: {} } : profile;
    const owner = ownerOf(state, changed.email);
    if (owner !== undefined && owner !== call.account) return refused(state, 'email_taken');
    return accountSaved(state, call.account, changed, 200);
  }
  // Nobody here is the last admin of the shop, which has one who is in no world.
  const owes = Object.values(state.orders).some((order) => order.customer === call.account && isUndelivered(order));
  if (owes) return refused(state, 'customer_has_undelivered_orders');
  return {
    answer: { status: 204 },
    state: withAccount(state, call.account, { ...signedOut, open: false, tokens: {} }),
  };
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
    if (isSkuTaken(state, call.input.sku)) return refused(state, 'sku_taken');
    return productSaved(state, call.name, { ...call.input, version: 1, deleted: false }, 201);
  }
  const product = state.products[call.product];
  if (!product) return refused(state, 'not_found');
  const version = product.version + 1;

  if (call.kind === 'restore product') {
    if (!product.deleted) return refused(state, 'product_not_deleted');
    if (isSkuTaken(state, product.sku)) return refused(state, 'sku_taken');
    return productSaved(state, call.product, { ...product, version, deleted: false }, 200);
  }
  if (product.deleted) return refused(state, 'not_found');
  if (call.kind === 'delete product') {
    const deleted = { ...product, version, deleted: true };
    return { answer: { status: 204 }, state: withProduct(state, call.product, deleted) };
  }
  if (call.ifMatch !== null && call.ifMatch !== product.version) return refused(state, 'precondition_failed');
  if (isSkuTaken(state, call.input.sku, call.product)) return refused(state, 'sku_taken');
  const stock = call.input.stock ?? product.stock;
  return productSaved(state, call.product, { ...product, ...call.input, stock, version }, 200);
}

function isSkuTaken({ products }: ShopState, sku: string | null, besides?: string): boolean {
  const isOther = ([name, product]: [string, Product]) => name !== besides && !product.deleted && product.sku === sku;
  return sku !== null && Object.entries(products).some(isOther);
}

function bookStock(state: ShopState, { name, booking, key }: CallOf<'book stock'>, actor: Actor): Outcome {
  const scope = `${actor.account} ${key}`;
  const record = state.bookingKeys[scope];
  if (record && state.hour < record.hour + keyKeptHours) {
    if (JSON.stringify(record.booking) !== JSON.stringify(booking)) return refused(state, 'idempotency_key_reused');
    return { answer: { status: 201, replayOf: record.change }, state };
  }
  const product = state.products[booking.product];
  if (product?.deleted !== false) return refused(state, 'unknown_product');
  const { stock } = product;
  if (booking.expected !== null && booking.expected !== stock) {
    return refused(state, 'stock_changed', { currentStock: stock });
  }
  const stockAfter = stock + booking.change;
  if (stockAfter < 0) {
    const short = [{ product: booking.product, requested: -booking.change, available: stock }];
    return refused(state, 'insufficient_stock', { short });
  }
  const booked = { is: name, product: booking.product, change: booking.change, stockAfter };
  const changed = withProduct(state, booking.product, { ...product, stock: stockAfter, version: product.version + 1 });
  const kept = { booking, change: name, hour: state.hour };
  const bookingKeys = key === null ? state.bookingKeys : { ...state.bookingKeys, [scope]: kept };
  return { answer: { status: 201, booked }, state: { ...changed, bookingKeys } };
}

function placeOrder(state: ShopState, { name, lines, street, key }: CallOf<'place order'>, actor: Actor): Outcome {
  const scope = `${actor.account} ${key}`;
  const record = state.keys[scope];
  if (record && state.hour < record.hour + keyKeptHours) {
    const isSame = JSON.stringify([record.lines, record.street]) === JSON.stringify([lines, street]);
    if (!isSame) return refused(state, 'idempotency_key_reused');
    return { answer: { status: 201, replayOf: record.order }, state };
  }
  if (!state.accounts[actor.account]?.open) return refused(state, 'unauthenticated');

  const merged = addUp(lines);
  const taken = takeStock(state, merged);
  if ('answer' in taken) return taken;
  const order: Order = {
    customer: actor.account,
    items: merged.map((line) => {
      const { sku = null, name = '', priceCents = Number.NaN } = state.products[line.product] ?? {};
      return { ...line, sku, name, unitPriceCents: priceCents };
    }),
    history: ['pending'],
    createdHour: state.hour,
    dueHour: state.hour + intervalHours,
    hold: null,
    street,
    carrier: null,
    deleted: false,
  };
  const keys = key === null ? state.keys : { ...state.keys, [scope]: { lines, street, order: name, hour: state.hour } };
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

type OrderCall = CallOf<'cancel order' | 'restore order' | 'delete order' | 'redirect order'>;

function answerAboutOrder(state: ShopState, call: OrderCall, actor: Actor): Outcome {
  const order = state.orders[call.order];
  if (!order || (order.deleted && call.kind !== 'restore order')) return refused(state, 'not_found');
  if (actor.role !== 'admin' && actor.account !== order.customer) return refused(state, 'forbidden');
  if (call.kind === 'cancel order') return toldTo(actor, cancelOrder(state, call.order, order));
  if (call.kind === 'restore order') return toldTo(actor, restoreOrder(state, call.order, order));
  if (call.kind === 'redirect order') return toldTo(actor, redirectOrder(state, call.order, order, call.street));
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
  const dueHour = order.hold === null ? state.hour + intervalHours : null;
  return orderSaved(taken, name, { ...order, history, dueHour, carrier: null, deleted: false }, 200);
}

function redirectOrder(state: ShopState, name: string, order: Order, street: string | null): Outcome {
  const status = statusOf(order);
  if (status !== 'pending' && status !== 'processing') return refused(state, 'order_not_changeable');
  return orderSaved(state, name, { ...order, street }, 200);
}

type StaffCall = CallOf<'move order' | 'hold order' | 'release order'>;

function answerToStaff(state: ShopState, call: StaffCall): Outcome {
  const order = state.orders[call.order];
  if (!order || order.deleted) return refused(state, 'not_found');
  const status = statusOf(order);
  if (call.kind === 'hold order') {
    if (!isUndelivered(order)) return refused(state, 'order_not_changeable');
    if (order.hold !== null) return refused(state, 'order_on_hold');
    return orderSaved(state, call.order, { ...order, hold: call.reason, dueHour: null }, 200);
  }
  if (call.kind === 'release order') {
    if (order.hold === null) return refused(state, 'order_not_on_hold');
    const dueHour = isUndelivered(order) ? state.hour + intervalHours : null;
    return orderSaved(state, call.order, { ...order, hold: null, dueHour }, 200);
  }
  const told = { ...order, carrier: call.carrier ?? order.carrier };
  if (call.status === status) return orderSaved(state, call.order, told, 200);
  const next = status in nextStatus ? nextStatus[status as keyof typeof nextStatus] : null;
  if (call.status !== next) return refused(state, 'order_status_conflict', { currentStatus: status });
  if (order.hold !== null) return refused(state, 'order_on_hold');
  const dueHour = next === 'delivered' ? null : state.hour + intervalHours;
  return orderSaved(state, call.order, { ...told, history: [...order.history, next], dueHour }, 200);
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

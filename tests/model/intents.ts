import fc from 'fast-check';
import type { Call, Request } from './calls.ts';
import {
  branded,
  type Caller,
  type Choice,
  callerOf,
  chosen,
  chosenAccount,
  chosenOrder,
  emailAddress,
  oldestAdmin,
  type Scene,
} from './scene.ts';
import {
  type Account,
  isUndelivered,
  type MailTokenKind,
  nextStatus,
  type Order,
  type Product,
  type ShopState,
  type Status,
  statusOf,
} from './state.ts';
import { deletableInHours } from './views.ts';

/** What somebody is about to do, before it is known what there is to do it with. */
export type Intent = { callIn: (scene: Scene) => Call } & fc.WithToStringMethod;

const phone = fc.constantFrom(null, '+4915112345678', '+12025550123');
const email = fc.nat({ max: 11 });
const key = fc.nat({ max: 4 });
const quantity = fc.integer({ min: 1, max: 4 });
const street = fc.constantFrom(null, null, 'A street', 'Another street');
const knowsPassword = fc.boolean();
const wrongPassword = 'a wrong password';

const by: fc.Arbitrary<Caller> = fc.record({
  account: fc.oneof(
    { weight: 7, arbitrary: fc.constant('concerned') },
    { weight: 2, arbitrary: fc.constant('admin') },
    { weight: 1, arbitrary: fc.nat({ max: 7 }) },
  ),
  token: fc.oneof(
    { weight: 22, arbitrary: fc.constant('newest') },
    { weight: 1, arbitrary: fc.constant('first') },
    { weight: 1, arbitrary: fc.constant('none') },
  ),
});

const input = fc.record({
  name: fc.constantFrom('mug', 'bowl', 'jug'),
  sku: fc.constantFrom(null, null, 'a', 'b'),
  tags: fc.constantFrom<string[]>([], ['blue', 'Kaffee']),
  description: fc.constantFrom(null, 'enamel'),
  priceCents: fc.nat({ max: 1_000 }),
  stock: fc.nat({ max: 12 }),
});

// Mostly the first few, so that requests get in each other's way.
const thing: fc.Arbitrary<Choice> = fc.record({
  among: fc.oneof(
    { weight: 14, arbitrary: fc.constant('suitable') },
    { weight: 5, arbitrary: fc.constant('all') },
    { weight: 1, arbitrary: fc.constant('none') },
  ),
  place: fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 1 }) }, { weight: 1, arbitrary: fc.nat({ max: 7 }) }),
});

const anyStatus: fc.Arbitrary<Status> = fc.constantFrom('pending', 'processing', 'shipped', 'delivered', 'cancelled');
/** Null stands for the next one. */
const anyOrNext: fc.Arbitrary<Status | null> = fc.option(anyStatus, { freq: 3 });

/** Whose token a request for staff carries. */
const staff = (scene: Scene, by: Caller) => callerOf(scene, by, oldestAdmin(scene.state)).session;

const isOpen = ({ open }: Account) => open;
const isOnSale = ({ deleted }: Product) => !deleted;
const isInStock = (product: Product) => isOnSale(product) && product.stock > 0;
const isDeleted = ({ deleted }: Product) => deleted;

function orderSuits(state: ShopState, kind: 'cancel order' | 'restore order' | 'delete order') {
  return (order: Order): boolean => {
    const status = statusOf(order);
    if (kind === 'restore order') return status === 'cancelled';
    if (kind === 'cancel order') return status === 'pending' || status === 'processing';
    return !order.deleted && status !== 'delivered' && deletableInHours(order, state.hour) === 0;
  };
}

function isClosable(state: ShopState) {
  return ({ open, role }: Account, name: string): boolean =>
    open &&
    role === 'customer' &&
    !Object.values(state.orders).some((order) => order.customer === name && isUndelivered(order));
}

type Choices = Record<string, fc.Arbitrary<unknown>>;
type Chosen<Given extends Choices> = {
  [Name in keyof Given]: Given[Name] extends fc.Arbitrary<infer Value> ? Value : never;
};

/** Intents of one sort: what is left open, and the request that it comes to. */
function intents<Given extends Choices>(
  what: string,
  choices: Given,
  request: (choices: Chosen<Given>, scene: Scene) => Request,
): fc.Arbitrary<Intent> {
  return fc.record(choices).map((values) => {
    const made = values as Chosen<Given>;
    return {
      callIn: (scene: Scene) => ({ name: scene.name, ...request(made, scene) }),
      [fc.toStringMethod]: () => `${what} ${fc.stringify(made)}`,
    };
  });
}

export const placeOrder = intents(
  'place an order',
  {
    by,
    customer: thing,
    lines: fc.array(fc.record({ product: thing, quantity }), { minLength: 1, maxLength: 3 }),
    street,
    key: fc.option(key, { freq: 2 }),
  },
  (made, scene) => {
    const customer = chosenAccount(scene, made.customer, isOpen);
    const lines = made.lines.map(({ product, quantity }) => ({
      product: chosen(scene.state.products, product, isInStock),
      quantity,
    }));
    const { session } = callerOf(scene, made.by, customer);
    const { street } = made;
    return { kind: 'place order', by: session, lines, street, key: made.key === null ? null : `key ${made.key}` };
  },
);

/** Mostly the one that it was ordered to. */
const noOther = [null, null, null, 'Another street'];

export const repeatOrder = intents(
  'repeat an order',
  { by, customer: thing, kept: thing, more: fc.constantFrom(0, 0, 0, 1), street: fc.constantFrom(...noOther) },
  (made, scene) => {
    const { keys, products } = scene.state;
    const { account, session } = callerOf(scene, made.by, chosenAccount(scene, made.customer, isOpen));
    const scope = chosen(keys, made.kept, (_kept, name) => name.startsWith(`${account} `));
    const kept = keys[scope]?.lines ?? [{ product: chosen(products, made.kept, isInStock), quantity: 1 }];
    const lines = kept.map(({ product, quantity }) => ({ product, quantity: quantity + made.more }));
    const street = made.street ?? keys[scope]?.street ?? null;
    return { kind: 'place order', by: session, lines, street, key: scope.slice(scope.indexOf(' ') + 1) };
  },
);

export const changeOrder = intents(
  'change an order',
  { kind: fc.constantFrom('cancel order', 'restore order', 'delete order'), by, order: thing },
  ({ kind, by, order: choice }, scene) => {
    const order = chosenOrder(scene, choice, orderSuits(scene.state, kind));
    const owner = scene.state.orders[order]?.customer ?? oldestAdmin(scene.state);
    return { kind, by: callerOf(scene, by, owner).session, order };
  },
);

export const bookStock = intents(
  'book a stock change',
  {
    by,
    product: thing,
    change: fc.integer({ min: -6, max: 6 }).filter((change) => change !== 0),
    expects: fc.constantFrom('nothing', 'the stock', 'other'),
    key: fc.option(key, { freq: 2 }),
  },
  (made, scene) => {
    const product = chosen(scene.state.products, made.product, isOnSale);
    const stock = scene.state.products[product]?.stock ?? 0;
    const expected = { nothing: null, 'the stock': stock, other: stock + 1 }[made.expects];
    return {
      kind: 'book stock',
      by: callerOf(scene, made.by, oldestAdmin(scene.state)).session,
      booking: { product, change: made.change, expected },
      key: made.key === null ? null : `key ${made.key}`,
    };
  },
);

export const repeatBooking = intents('repeat a booking', { by, kept: thing }, (made, scene) => {
  const { account, session } = callerOf(scene, made.by, oldestAdmin(scene.state));
  const { bookingKeys, products } = scene.state;
  const scope = chosen(bookingKeys, made.kept, (_kept, name) => name.startsWith(`${account} `));
  const first = { product: chosen(products, made.kept, isOnSale), change: 1, expected: null };
  const booking = bookingKeys[scope]?.booking ?? first;
  return { kind: 'book stock', by: session, booking, key: scope.slice(scope.indexOf(' ') + 1) };
});

/** What staff do: the next status mostly, or any; a parcel is told of where that may be. */
export const moveOrder = intents(
  'move an order',
  { by, order: thing, status: anyOrNext, carrier: fc.constantFrom(null, 'DHL', 'UPS') },
  (made, scene) => {
    const order = chosenOrder(scene, made.order, isUndelivered);
    const present = scene.state.orders[order];
    const now = present ? statusOf(present) : 'pending';
    const next = now in nextStatus ? nextStatus[now as keyof typeof nextStatus] : now;
    const status = made.status ?? next;
    const carrier = status === 'shipped' || status === 'delivered' ? made.carrier : null;
    return { kind: 'move order', by: staff(scene, made.by), order, status, carrier };
  },
);

export const holdOrder = intents(
  'hold an order',
  { by, order: thing, reason: fc.constantFrom('Why', 'Why not') },
  (made, scene) => {
    const order = chosenOrder(scene, made.order, (found) => isUndelivered(found) && found.hold === null);
    return { kind: 'hold order', by: staff(scene, made.by), order, reason: made.reason };
  },
);

export const releaseOrder = intents('release an order', { by, order: thing }, (made, scene) => {
  const order = chosenOrder(scene, made.order, ({ hold, deleted }) => hold !== null && !deleted);
  return { kind: 'release order', by: staff(scene, made.by), order };
});

export const redirectOrder = intents('redirect an order', { by, order: thing, street }, (made, scene) => {
  const order = chosenOrder(scene, made.order, isUndelivered);
  const owner = scene.state.orders[order]?.customer ?? oldestAdmin(scene.state);
  return { kind: 'redirect order', by: callerOf(scene, made.by, owner).session, order, street: made.street };
});

export const createProduct = intents('create a product', { by, input }, (made, scene) => ({
  kind: 'create product',
  by: callerOf(scene, made.by, oldestAdmin(scene.state)).session,
  input: branded(scene.word, made.input),
}));

export const replaceProduct = intents(
  'replace a product',
  { by, product: thing, input, withStock: fc.boolean(), ifMatch: fc.constantFrom('none', 'current', 'first') },
  (made, scene) => {
    const product = chosen(scene.state.products, made.product, isOnSale);
    const current = scene.state.products[product]?.version ?? 1;
    return {
      kind: 'replace product',
      by: callerOf(scene, made.by, oldestAdmin(scene.state)).session,
      product,
      input: branded(scene.word, { ...made.input, stock: made.withStock ? made.input.stock : null }),
      ifMatch: { none: null, current, first: 1 }[made.ifMatch],
    };
  },
);

export const deleteProduct = intents('delete a product', { by, product: thing }, (made, scene) => ({
  kind: 'delete product',
  by: callerOf(scene, made.by, oldestAdmin(scene.state)).session,
  product: chosen(scene.state.products, made.product, isOnSale),
}));

export const restoreProduct = intents('restore a product', { by, product: thing }, (made, scene) => ({
  kind: 'restore product',
  by: callerOf(scene, made.by, oldestAdmin(scene.state)).session,
  product: chosen(scene.state.products, made.product, isDeleted),
}));

export const register = intents('register', { email, phone }, (made, { name, word }) => ({
  kind: 'register',
  profile: { name: `Customer ${name}`, email: emailAddress(word, made.email), phone: made.phone },
  password: `password ${name}`,
}));

export const signIn = intents('sign in', { account: thing, knowsPassword }, (made, scene) => {
  const account = scene.state.accounts[chosenAccount(scene, made.account, isOpen)];
  return {
    kind: 'sign in',
    email: account?.email.toUpperCase() ?? emailAddress(scene.word, 0),
    password: (made.knowsPassword && account?.password) || wrongPassword,
  };
});

/** A token by its place among those that stand, or among all that there ever were. */
function chosenToken({ state }: Scene, choice: Choice, kind: MailTokenKind): string {
  return chosen(state.mailTokens, choice, ({ account }, name) => state.accounts[account]?.tokens[kind] === name);
}

export const forgetPassword = intents(
  'forget a password',
  { account: thing, email, known: fc.boolean() },
  (made, scene) => {
    const account = scene.state.accounts[chosenAccount(scene, made.account, isOpen)];
    return { kind: 'forget password', email: (made.known && account?.email) || emailAddress(scene.word, made.email) };
  },
);

export const askToVerify = intents('ask to verify', { by, account: thing }, (made, scene) => {
  const unverified = (account: Account) => isOpen(account) && !account.verified;
  return {
    kind: 'ask to verify',
    by: callerOf(scene, made.by, chosenAccount(scene, made.account, unverified)).session,
  };
});

export const resetPassword = intents('reset a password', { token: thing }, (made, scene) => ({
  kind: 'reset password',
  token: chosenToken(scene, made.token, 'password_reset'),
  newPassword: `password ${scene.name}`,
}));

export const verifyEmail = intents('verify an e-mail address', { token: thing }, (made, scene) => ({
  kind: 'verify email',
  token: chosenToken(scene, made.token, 'email_verification'),
}));

export const logOut = intents('log out', { by, account: thing }, (made, scene) => ({
  kind: 'log out',
  by: callerOf(scene, made.by, chosenAccount(scene, made.account, isOpen)).session,
}));

export const signOut = intents('sign out', { by, account: thing }, (made, scene) => {
  const account = chosenAccount(scene, made.account, isOpen);
  return { kind: 'sign out', by: callerOf(scene, made.by, account).session, account };
});

export const changePassword = intents('change a password', { by, account: thing, knowsPassword }, (made, scene) => {
  const { accounts } = scene.state;
  const { account, session } = callerOf(scene, made.by, chosenAccount(scene, made.account, isOpen));
  return {
    kind: 'change password',
    by: session,
    currentPassword: (made.knowsPassword && accounts[account]?.password) || wrongPassword,
    newPassword: `password ${scene.name}`,
  };
});

export const replaceProfile = intents('replace a profile', { by, account: thing, email, phone }, (made, scene) => {
  const account = chosenAccount(scene, made.account, isOpen);
  const { session } = callerOf(scene, made.by, account);
  const change = { name: `Customer ${scene.name}`, email: emailAddress(scene.word, made.email), phone: made.phone };
  return { kind: 'replace profile', by: session, account, change };
});

export const changeEmail = intents('change an e-mail address', { by, account: thing, email }, (made, scene) => {
  const account = chosenAccount(scene, made.account, isOpen);
  const { session } = callerOf(scene, made.by, account);
  return { kind: 'change email', by: session, account, change: { email: emailAddress(scene.word, made.email) } };
});

export const changePhone = intents('change a phone number', { by, account: thing, phone }, (made, scene) => {
  const account = chosenAccount(scene, made.account, isOpen);
  const { session } = callerOf(scene, made.by, account);
  return { kind: 'change phone', by: session, account, change: { phone: made.phone } };
});

export const closeAccount = intents('close an account', { by, account: thing }, (made, scene) => {
  const account = chosenAccount(scene, made.account, isClosable(scene.state));
  return { kind: 'close account', by: callerOf(scene, made.by, account).session, account };
});

export const restoreAccount = intents('restore an account', { by, account: thing }, (made, scene) => {
  const account = chosenAccount(scene, made.account, ({ open }) => !open);
  return { kind: 'restore account', by: callerOf(scene, made.by, oldestAdmin(scene.state)).session, account };
});

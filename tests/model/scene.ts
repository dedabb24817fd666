import type { Account, Order, ProductReplacement, ShopState } from './state.ts';

/** What a request is made up in. */
export type Scene = {
  state: ShopState;
  /** Of the request. */
  name: string;
  /** Sets names and addresses apart from those of other shops in the same database. */
  word: string;
  /** The account and the order that a crowd is after; the first of it to choose says which. */
  focus: { account?: string; order?: string };
};

/** A thing by its place: among those that suit a request, or among all of its kind; or one that does not exist. */
export type Choice = { among: 'suitable' | 'all' | 'none'; place: number };

/** Whose token a request carries, the newest or the first; or none. */
export type Caller = { account: 'concerned' | 'admin' | number; token: 'newest' | 'first' | 'none' };

/** The name of what does not exist. */
export const nothing = 'nothing';

/** The name of the thing that is meant; any will do when none is suitable. */
export function chosen<Thing>(
  things: Record<string, Thing>,
  { among, place }: Choice,
  suits: (thing: Thing, name: string) => boolean,
): string {
  const all = Object.entries(things);
  const suitable = among === 'suitable' ? all.filter(([name, thing]) => suits(thing, name)) : [];
  const choice = suitable.length > 0 ? suitable : all;
  const [name] = choice[place % choice.length] ?? [];
  return among === 'none' ? nothing : (name ?? nothing);
}

export function chosenAccount(
  scene: Scene,
  choice: Choice,
  suits: (account: Account, name: string) => boolean,
): string {
  return inFocus(scene, 'account', choice, chosen(scene.state.accounts, choice, suits));
}

export function chosenOrder(scene: Scene, choice: Choice, suits: (order: Order) => boolean): string {
  return inFocus(scene, 'order', choice, chosen(scene.state.orders, choice, suits));
}

/** What suits the first of a crowd is what the others want too. */
function inFocus({ focus }: Scene, kind: keyof Scene['focus'], { among }: Choice, name: string): string {
  focus[kind] ??= name;
  return among === 'suitable' ? focus[kind] : name;
}

/** The account of a caller and the session whose token they show; `concerned` is the account that the request is about. */
export function callerOf({ state }: Scene, { account, token }: Caller, concerned: string) {
  const accounts = Object.keys(state.accounts);
  const named = { concerned, admin: oldestAdmin(state) };
  const name = typeof account === 'number' ? accounts[account % accounts.length] : named[account];
  const sessions = state.accounts[name ?? nothing]?.sessions ?? [];
  const session = { newest: sessions.at(-1), first: sessions[0], none: undefined }[token];
  return { account: name ?? nothing, session: session?.name ?? null };
}

export function oldestAdmin({ accounts }: ShopState): string {
  return Object.keys(accounts).find((name) => accounts[name]?.role === 'admin') ?? nothing;
}

/** One of a dozen addresses, half of them the other half in capitals. */
export function emailAddress(word: string, number: number): string {
  const local = 'abcdef'.charAt(number >> 1);
  return `${number % 2 ? local.toUpperCase() : local}@${word}.example.com`;
}

/** The same product under a name and an SKU that begin with the shop's word. */
export function branded<Stock extends number | null>(
  word: string,
  input: ProductReplacement & { stock: Stock },
): ProductReplacement & { stock: Stock } {
  return { ...input, name: `${word} ${input.name}`, sku: input.sku && `${word}-${input.sku}` };
}

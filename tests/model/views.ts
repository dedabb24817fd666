import { type Account, deleteAfterHours, type Order, type Product, type ShopState, statusOf } from './state.ts';

/** What can be seen of the shop from outside; the model and the software each give one, and they have to be equal. */
export type ShopView = {
  /** Null once it is closed. */
  accounts: Record<string, AccountView | null>;
  products: Record<string, ProductView>;
  orders: Record<string, OrderView>;
  /** Of which kinds each account has a token that stands, as far as it has any. */
  mailTokens: Record<string, string[]>;
  /** The addresses of all open accounts in alphabetical order, so that none is there that nobody knows. */
  emails: string[];
};

export type AccountView = Pick<Account, 'name' | 'email' | 'phone' | 'role' | 'verified'>;
export type ProductView = Omit<Product, 'version'>;
export type OrderView = Pick<Order, 'customer' | 'items' | 'history' | 'hold' | 'street' | 'carrier' | 'deleted'> & {
  status: Order['history'][number];
  totalCents: number;
  /** Hours from now, rounded up. */
  dueInHours: number | null;
  deletableInHours: number;
};

export function accountView({ name, email, phone, role, verified }: Account): AccountView {
  return { name, email, phone, role, verified };
}

export function productView({ version: _version, ...product }: Product): ProductView {
  return product;
}

export function orderView(order: Order, hour: number): OrderView {
  const { customer, items, history, hold, street, carrier, deleted, dueHour } = order;
  return {
    customer,
    items,
    // What an order shows is its current run.
    history: history.slice(history.lastIndexOf('pending')),
    hold,
    street,
    carrier,
    deleted,
    status: statusOf(order),
    totalCents: items.reduce((total, { quantity, unitPriceCents }) => total + quantity * unitPriceCents, 0),
    dueInHours: dueHour === null ? null : dueHour - hour,
    deletableInHours: deletableInHours(order, hour),
  };
}

export function deletableInHours({ createdHour }: Order, hour: number): number {
  return Math.max(0, createdHour + deleteAfterHours - hour);
}

export function shopView({ hour, accounts, products, orders }: ShopState): ShopView {
  return {
    accounts: mapValues(accounts, (account) => (account.open ? accountView(account) : null)),
    products: mapValues(products, productView),
    orders: mapValues(orders, (order) => orderView(order, hour)),
    mailTokens: Object.fromEntries(
      Object.entries(accounts).flatMap(([name, { tokens }]) => {
        const kinds = Object.keys(tokens).sort();
        return kinds.length > 0 ? [[name, kinds]] : [];
      }),
    ),
    emails: Object.values(accounts)
      .flatMap(({ open, email }) => (open ? [email] : []))
      .sort(),
  };
}

function mapValues<Value, Mapped>(
  record: Record<string, Value>,
  map: (value: Value) => Mapped,
): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

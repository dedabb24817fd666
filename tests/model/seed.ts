import type { Call } from './calls.ts';
import { branded, emailAddress } from './scene.ts';
import { emptyShop, type ShopState } from './state.ts';
import { carryOut, signInAll } from './step.ts';
import type { World } from './world.ts';

const people = ['ada', 'bob', 'admin'];
const goods = [
  { name: 'mug', sku: 'a', description: 'enamel', priceCents: 1_299, tags: ['blue'], stock: 8 },
  { name: 'bowl', sku: null, description: null, priceCents: 450, tags: [], stock: 4 },
  { name: 'jug', sku: null, description: null, priceCents: 0, tags: [], stock: 12 },
];

const orders = [
  { name: 'first order', by: 'ada', lines: [{ product: 'mug', quantity: 2 }] },
  {
    name: 'second order',
    by: 'ada',
    lines: [
      { product: 'jug', quantity: 3 },
      { product: 'bowl', quantity: 1 },
    ],
  },
];

/** Brings a world to the state in which every run begins: an admin, two customers, some orders, and something left to buy. */
export async function seedWorld(world: World): Promise<ShopState> {
  const registrations = people.map((name, index): Call => {
    const profile = { name, email: emailAddress(world.word, 2 * index), phone: null };
    return { kind: 'register', name, profile, password: `password ${name}` };
  });
  const registered = await carryOut(world, emptyShop, registrations);
  await world.shop.db`update customers set role = 'admin' where id = ${world.names.idOf('admin')}`;
  const { admin, ...customers } = registered.accounts;
  const staffed: ShopState = admin
    ? { ...registered, accounts: { ...customers, admin: { ...admin, role: 'admin' } } }
    : registered;
  const signedIn = await signInAll(world, staffed);

  const session = (account: string) => signedIn.accounts[account]?.sessions[0]?.name ?? null;
  const creations = goods.map(
    (input): Call => ({
      kind: 'create product',
      name: input.name,
      by: session('admin'),
      input: branded(world.word, input),
    }),
  );
  const stocked = await carryOut(world, signedIn, creations);
  const placings = orders.map(
    ({ name, by, lines }): Call => ({ kind: 'place order', name, by: session(by), lines, street: null, key: name }),
  );
  return carryOut(world, stocked, placings);
}

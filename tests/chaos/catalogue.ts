import type { ProductBody } from '../../src/schema/products.ts';
import type { Call, Client } from './client.ts';
import type { Fleet } from './fleet.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';

/** The products of a run, and what the admin does with them. */
export type Catalogue = Record<
  'edit' | 'withdraw' | 'reprice' | 'release' | 'listCustomers',
  () => Promise<unknown>
> & {
  /** Ids of products that never run out. */
  plentiful: readonly string[];
  /** Ids of the newest products that do. */
  limited: () => readonly string[];
  /** The units that every product began with; only orders change the stock of these. */
  units: ReadonlyMap<string, number>;
  /** Holds a product that was shown against what must be true of any. */
  check: (product: ProductBody) => void;
};

const plentifulCount = 10;
const plentifulUnits = 1_000_000;
const limitedUnits = 15;
const limitedOnSale = 2;
const priceCentsMax = 100_000;

type Needs = { client: Client; fleet: Fleet; adminToken: string; journal: Journal; random: Random };

/** Puts the first products up for sale. */
export async function createCatalogue({ client, fleet, adminToken, journal, random }: Needs): Promise<Catalogue> {
  const units = new Map<string, number>();
  const limited: string[] = [];
  let editing = false;

  const asAdmin = <Body>(call: Call) => client<Body>({ ...call, token: adminToken });
  const price = () => random.between(1, priceCentsMax);

  async function add(name: string, stock: number): Promise<string | null> {
    const body = { name, priceCents: price(), stock };
    const answer = await asAdmin<ProductBody>({ method: 'POST', path: '/api/products', body, expected: [201] });
    return answer?.status === 201 ? answer.body.id : null;
  }

  async function addFirst(name: string, stock: number): Promise<string> {
    const id = await add(name, stock);
    if (id === null) throw new Error('The catalogue could not be set up.');
    return id;
  }

  /** The very next list shows a write (README, "What you can rely on"), on every API; only a Redis that cannot be reached excuses it. */
  async function expectInLists(priceCents: number | undefined, since: number): Promise<void> {
    for (const api of fleet.serving()) {
      const path = '/api/products?q=showroom&limit=1';
      const answer = await client<{ data: ProductBody[] }>({ method: 'GET', path, expected: [200], api });
      const excused = [
        ...journal.affecting('redis', since, Date.now()),
        ...journal.affecting('postgres', since, Date.now()),
      ];
      if (answer?.status !== 200 || excused.length > 0) continue;
      const [listed] = answer.body.data;
      journal.count('lists read after a write');
      if (listed?.priceCents !== priceCents) {
        journal.breach(
          'The next list shows a write, on every API',
          `${api.name} lists the price ${listed?.priceCents} instead of ${priceCents}`,
        );
      }
    }
  }

  /** One edit at a time, because only then it is known what the list should show. */
  async function alone(work: () => Promise<void>): Promise<void> {
    if (editing) return;
    editing = true;
    await work().finally(() => {
      editing = false;
    });
  }

  async function release(): Promise<void> {
    const id = await add('Limited edition', limitedUnits);
    if (id === null) return;
    units.set(id, limitedUnits);
    limited.push(id);
  }

  async function edit(): Promise<void> {
    const since = Date.now();
    const body = { name: 'Showroom piece', priceCents: price(), stock: random.between(0, 100) };
    const answer = await asAdmin({ method: 'PUT', path: `/api/products/${showroom}`, body, expected: [200, 404] });
    if (answer?.status === 200) await expectInLists(body.priceCents, since);
  }

  async function withdraw(): Promise<void> {
    const since = Date.now();
    const path = `/api/products/${showroom}`;
    const gone = await asAdmin({ method: 'DELETE', path, expected: [204, 404] });
    if (gone?.status === 204) await expectInLists(undefined, since);
    const backSince = Date.now();
    const back = await asAdmin<ProductBody>({
      method: 'PATCH',
      path: `/api/products/restore/${showroom}`,
      expected: [200, 409],
    });
    if (back?.status === 200) await expectInLists(back.body.priceCents, backSince);
  }

  /** Changes the price of a product that is being ordered, and leaves its stock alone by `If-Match`. */
  async function reprice(): Promise<void> {
    const path = `/api/products/${random.pick(plentiful)}`;
    const current = await client<ProductBody>({ method: 'GET', path, expected: [200] });
    if (current?.status !== 200) return;
    const { name, stock } = current.body;
    const body = { name, priceCents: price(), stock };
    const headers = { 'If-Match': current.headers.get('ETag') ?? '' };
    await asAdmin({ method: 'PUT', path, body, headers, expected: [200, 412] });
  }

  const plentiful: string[] = [];
  for (let index = 0; index < plentifulCount; index += 1) {
    plentiful.push(await addFirst(`Enamel mug ${index}`, plentifulUnits));
  }
  for (const id of plentiful) units.set(id, plentifulUnits);
  const showroom = await addFirst('Showroom piece', 1);
  await release();

  return {
    plentiful,
    limited: () => limited.slice(-limitedOnSale),
    units,
    check: ({ id, stock }) => {
      if (stock < 0) journal.breach('Stock is never negative', `product ${id}: ${stock}`);
    },
    edit: () => alone(edit),
    withdraw: () => alone(withdraw),
    reprice,
    release,
    listCustomers: () => asAdmin({ method: 'GET', path: '/api/customers', expected: [200] }),
  };
}

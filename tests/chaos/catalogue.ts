import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProductBody } from '../../src/schema/products.ts';
import type { Call, Client } from './client.ts';
import type { Fleet } from './fleet.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';

/** The products of a run, and what the admin does with them. */
export type Catalogue = Record<
  'edit' | 'withdraw' | 'reprice' | 'release' | 'book' | 'overwrite' | 'listCustomers',
  () => Promise<unknown>
> & {
  /** Ids of products that never run out. */
  plentiful: readonly string[];
  /** Ids of products that do: the newest, and before them those whose stock is booked in and out. */
  limited: () => readonly string[];
  /** Changes of stock that staff have booked. */
  bookings: readonly BookingIntent[];
  /** The units that a product began with whose stock only orders change. */
  units: ReadonlyMap<string, number>;
  /** Holds a product that was shown against what must be true of any. */
  check: (product: ProductBody) => void;
};

/** A change of stock that staff want, known by its note: booked under an id, refused, or not known to be either. */
export type BookingIntent = { note: string; outcome: 'unknown' | 'refused' | { id: string } };

const plentifulCount = 10;
const plentifulUnits = 1_000_000;
const limitedUnits = 15;
const limitedOnSale = 2;
const priceCentsMax = 100_000;
const restockedCount = 2;
const restockedUnits = 40;
const bookedUnits = { min: -6, max: 9 };
const bookingAttemptsMax = 20;
const retryAfterMs = 500;

type Needs = { client: Client; fleet: Fleet; adminToken: string; journal: Journal; random: Random };

/** Puts the first products up for sale. */
export async function createCatalogue({ client, fleet, adminToken, journal, random }: Needs): Promise<Catalogue> {
  const units = new Map<string, number>();
  const limited: string[] = [];
  const bookings: BookingIntent[] = [];
  let editing = false;
  let books = false;

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

  /** Code from before neither books nor lets a stock stay as it is. */
  async function everyoneBooks(): Promise<boolean> {
    if (books) return true;
    const call = { method: 'GET', path: '/api/stock-changes?limit=1', expected: [200, 404] };
    const answers = await Promise.all(fleet.serving().map((api) => asAdmin({ ...call, api })));
    books = answers.length > 0 && answers.every((answer) => answer?.status === 200);
    return books;
  }

  /** Twice at the same moment at times, and again until it is known what came of it. */
  async function book(): Promise<void> {
    if (!(await everyoneBooks())) return;
    const intent: BookingIntent = { note: randomUUID(), outcome: 'unknown' };
    bookings.push(intent);
    const body = {
      productId: random.pick(restocked),
      change: random.between(bookedUnits.min, bookedUnits.max) || 1,
      reason: 'count',
      note: intent.note,
      ...(random.next() < 0.3 ? { expectedStock: restockedUnits } : {}),
    };
    const send = () =>
      asAdmin<{ id: string; code?: string }>({
        method: 'POST',
        path: '/api/stock-changes',
        body,
        headers: { 'Idempotency-Key': intent.note },
        expected: [201, 409],
      });
    for (let attempts = 0; attempts < bookingAttemptsMax && intent.outcome === 'unknown'; attempts += 1) {
      if (attempts > 0) await sleep(retryAfterMs);
      const answers = await Promise.all(random.next() < 0.3 ? [send(), send()] : [send()]);
      const made = answers.flatMap((answer) => (answer?.status === 201 ? [answer.body.id] : []));
      if (new Set(made).size > 1) journal.breach('A repeat gets the first answer', `booking ${intent.note}: ${made}`);
      const isRefusal = (answer: (typeof answers)[number]) =>
        answer?.status === 409 && answer.body.code !== 'idempotency_in_progress';
      if (made[0]) intent.outcome = { id: made[0] };
      else if (attempts === 0 && answers.every(isRefusal)) intent.outcome = 'refused';
      else if (answers.every(isRefusal)) return;
    }
  }

  async function release(): Promise<void> {
    const id = await add('Limited edition', limitedUnits);
    if (id === null) return;
    units.set(id, limitedUnits);
    limited.push(id);
  }

  async function edit(): Promise<void> {
    const since = Date.now();
    const stock = random.next() < 0.5 && (await everyoneBooks()) ? {} : { stock: random.between(0, 100) };
    const body = { name: 'Showroom piece', priceCents: price(), ...stock };
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

  /** Sets the stock of a product that is being ordered and booked to what it was a moment ago, without `If-Match`. */
  async function overwrite(): Promise<void> {
    const path = `/api/products/${random.pick(restocked)}`;
    const current = await client<ProductBody>({ method: 'GET', path, expected: [200] });
    if (current?.status !== 200) return;
    const { name, priceCents, stock } = current.body;
    await sleep(random.between(0, retryAfterMs));
    const body = { name, priceCents, stock };
    await asAdmin({ method: 'PUT', path, body, expected: [200] });
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
  const restocked: string[] = [];
  for (let index = 0; index < restockedCount; index += 1) {
    restocked.push(await addFirst(`Restocked ${index}`, restockedUnits));
  }
  const showroom = await addFirst('Showroom piece', 1);
  await release();

  return {
    plentiful,
    limited: () => [...restocked, ...limited.slice(-limitedOnSale)],
    bookings,
    units,
    check: ({ id, stock }) => {
      if (stock < 0) journal.breach('Stock is never negative', `product ${id}: ${stock}`);
    },
    edit: () => alone(edit),
    withdraw: () => alone(withdraw),
    reprice,
    release,
    book,
    overwrite,
    listCustomers: () => asAdmin({ method: 'GET', path: '/api/customers', expected: [200] }),
  };
}

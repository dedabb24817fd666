import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { CustomerBody } from '../../src/schema/customers.ts';
import type { OrderBody } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import {
  type Account,
  type Answer,
  createProduct,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from './client.ts';
import { expectProblem } from './problem.ts';
import { type Shop, startShop } from './shop.ts';
import { eventually, pause } from './wait.ts';

const withoutRedisMsMax = 1_000;
const takeOverMsMax = 20_000;
const askEveryMs = 100;
const pairFailuresMax = 10;
const apis = [0, 1];
const statuses = ['pending', 'processing', 'shipped', 'delivered'];

type List<Item> = { data: Item[] };

/** What a suite needs of a group of Redis servers. */
type Group = { url: string; stop: () => Promise<void> };

/** Two APIs and two workers on a group of Redis servers, for the suite that calls this, and what its tests ask of them. */
export function openShopOn<Redis extends Group>(startGroup: () => Promise<Redis>) {
  let group: Redis;
  let shop: Shop;
  let adminToken: string;
  let customer: Account;
  let mug: ProductBody;
  let changes = 0;
  /** How long each kind of request has taken of late. */
  const tookMs = new Map<string, number[]>();

  beforeAll(async () => {
    group = await startGroup();
    const env = { REDIS_URL: group.url, ORDER_STATUS_INTERVAL: '500ms' };
    shop = await startShop({ apis: apis.length, workers: 2, env });
    adminToken = await signInAdmin(shop.url);
    customer = await registerCustomer(shop.url);
    mug = await createProduct(shop.url, adminToken, { stock: 1_000_000 });
  });

  afterAll(async () => {
    await shop?.stop();
    await group?.stop();
  });

  /** Asks one of the APIs as the admin, and notes how long that takes. */
  async function ask<Body>(api: number, method: string, path: string, options: RequestOptions = {}) {
    const startedAt = performance.now();
    const answer = await request<Body>(shop.api(api).url, method, path, { token: adminToken, ...options });
    const kind = `${method} ${path}`;
    tookMs.set(kind, [...(tookMs.get(kind) ?? []), performance.now() - startedAt]);
    return answer;
  }

  /** By the median, because a busy machine makes some requests slow, and waiting for Redis would make most of them so. */
  function expectAnswersInTime(): void {
    for (const [kind, times] of tookMs) {
      const medianMs = times.sort((a, b) => a - b)[Math.floor((times.length - 1) / 2)] ?? 0;
      expect({ kind, times, inTime: medianMs < withoutRedisMsMax }).toMatchObject({ inTime: true });
    }
  }

  const listProducts = (api: number) => ask<List<ProductBody>>(api, 'GET', '/api/products?sort=name');
  const listCustomers = (api: number) => ask<List<CustomerBody>>(api, 'GET', '/api/customers?limit=5');
  const readiness = (api: number) => ask<{ status: string; checks: object }>(api, 'GET', '/readyz');

  /** Changes a product on one API, and expects the very next list of each reader to show it. */
  async function expectChangeVisible(writer: number, readers = apis): Promise<void> {
    changes += 1;
    const { id, name, stock } = mug;
    const body = { name, stock, priceCents: changes };
    expect((await ask(writer, 'PUT', `/api/products/${id}`, { body })).status).toBe(200);
    for (const api of readers) {
      const { data } = (await listProducts(api)).body;
      expect(data.find((product) => product.id === id)?.priceCents).toBe(changes);
    }
  }

  async function place(api: number): Promise<string> {
    const body = { items: [{ productId: mug.id, quantity: 1 }] };
    const answer = await ask<OrderBody>(api, 'POST', '/api/orders', { token: customer.token, body });
    expect(answer.status).toBe(201);
    return answer.body.id;
  }

  /** Expects one mail for each status of each order, and no more. */
  async function expectEveryMailOnce(orderIds: string[]): Promise<void> {
    const wanted = orderIds.flatMap((id) => statuses.map((status) => `${id} ${status}`)).sort();
    const found = () =>
      shop.mail.messages
        .map(({ headers }) => `${headers['x-order-id']} ${headers['x-order-status']}`)
        .filter((mail) => orderIds.includes(mail.split(' ')[0] ?? ''));
    await eventually(() => found().length >= wanted.length, { withinMs: takeOverMsMax });
    const unsent = () => shop.db`select 1 from mails where state <> 'sent' and order_id in ${shop.db(orderIds)}`;
    await eventually(async () => (await unsent()).length === 0);
    expect(found().sort()).toEqual(wanted);
  }

  const untilCached = (list: (api: number) => Promise<Answer<unknown>>) =>
    eventually(
      async () => {
        for (const api of apis) expect(outcome(await list(api))).toBe('HIT');
        return true;
      },
      { withinMs: takeOverMsMax },
    );

  const isWell = async () => {
    const answers = await Promise.all(apis.map(readiness));
    return answers.every(({ body }) => body.status === 'ok');
  };
  const untilWell = () => eventually(isWell, { withinMs: takeOverMsMax });

  /**
   * Asks for everything again and again until all is well, expects the answers in time, and answers the orders that it
   * has placed.
   */
  async function askUntilWell(): Promise<string[]> {
    const placed: string[] = [];
    const endsAt = Date.now() + takeOverMsMax;
    tookMs.clear();
    let well = false;
    while (!well && Date.now() < endsAt) {
      for (const api of apis) {
        placed.push(await place(api));
        // The others may be back before the writer is, and learn of it only then.
        await expectChangeVisible(api, [api]);
        expect((await listCustomers(api)).status).toBe(200);
      }
      well = await isWell();
      await pause(askEveryMs);
    }
    expect(well).toBe(true);
    expectAnswersInTime();
    return placed;
  }

  /** Expects lists from Postgres, and Redis to be called down, on every process. */
  async function expectWithoutCache(): Promise<void> {
    for (const api of apis) {
      expect(outcome(await listProducts(api))).toBe('BYPASS');
      expect(await readiness(api)).toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { postgres: 'up', redis: 'down' } },
      });
    }
  }

  return {
    group: () => group,
    shop: () => shop,
    listProducts,
    listCustomers,
    readiness,
    expectChangeVisible,
    expectWithoutCache,
    place,
    expectEveryMailOnce,
    untilCached,
    untilWell,
    askUntilWell,
  };
}

const outcome = ({ headers }: Answer<unknown>) => headers.get('X-Cache');

/** The tests that a shop passes on any Redis. */
export function testAsEver(opened: ReturnType<typeof openShopOn>): void {
  test('GET /readyz › answers that Redis is up', async () => {
    await opened.untilWell();
    expect(await opened.readiness(0)).toMatchObject({ status: 200, body: { checks: { redis: 'up' } } });
  });

  test('lists › are cached for every process, and show a change in the very next one', async () => {
    await opened.untilCached(opened.listCustomers);
    for (let change = 0; change < 10; change += 1) {
      await opened.untilCached(opened.listProducts);
      await opened.expectChangeVisible(change % apis.length);
    }
    const { url } = opened.shop().api(0);
    await opened.untilCached(opened.listCustomers);
    const { id } = await registerCustomer(url);
    for (const api of apis) expect((await opened.listCustomers(api)).body.data[0]?.id).toBe(id);
  });

  test('POST /api/auth/login › when a password was wrong too often on one process › answers 429 on the other', async () => {
    const { email, password } = await registerCustomer(opened.shop().url);
    const login = (api: number, guess: string) =>
      request(opened.shop().api(api).url, 'POST', '/api/auth/login', { body: { email, password: guess } });
    for (let failure = 0; failure < pairFailuresMax; failure += 1) {
      expectProblem(await login(0, 'not the password'), 401, 'invalid_credentials');
    }
    expectProblem(await login(1, password), 429, 'rate_limited');
  });

  test('orders › are brought to their end, with one mail for each status', async () => {
    const placed: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (const api of apis) placed.push(await opened.place(api));
    }
    await opened.expectEveryMailOnce(placed);
  });
}

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import type { CustomerBody } from '../src/schema/customers.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { root } from './support/app-process.ts';
import { admin, createProduct, placeOrder, registerCustomer, request, signIn } from './support/client.ts';
import { createDatabase, dropDatabase } from './support/databases.ts';
import { scrape } from './support/metrics.ts';
import { bringTo } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const setUpMsMax = 120_000;

async function run(script: string, url: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join('scripts', `${script}.ts`), ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [code, output, complaint] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, output, complaint };
}

/** Names that locales sort and fold in ways of their own. */
const names = ['İstanbul', 'istanbul', 'ISPARTA', 'Isparta', 'ısparta', 'zebra', 'Äpfel', 'apfel', 'Apfel', 'ångström'];
names.push(
  'co-op',
  'coop',
  'Co-op',
  '☕ mug',
  'ß',
  'ss',
  'Ölçü',
  '漢字',
  'a b',
  'ab',
  'e\u0301tude',
  'étude',
  '1',
  '10',
  '2',
);

describe.each([
  [
    'Turkish, with German dates',
    'tr',
    `locale_provider icu icu_locale 'tr-TR' locale 'C' encoding 'UTF8'`,
    { datestyle: 'German', timezone: 'Asia/Kathmandu', intervalstyle: 'sql_standard', extra_float_digits: '-15' },
  ],
  [
    'without a locale, with days before months',
    'c',
    `locale_provider libc locale 'C' encoding 'UTF8'`,
    {
      datestyle: 'SQL, DMY',
      timezone: 'America/St_Johns',
      bytea_output: 'escape',
      standard_conforming_strings: 'off',
      search_path: '"$user"',
    },
  ],
  [
    'American, with a strict default of everything',
    'en',
    `locale_provider icu icu_locale 'en-US' locale 'C' encoding 'UTF8'`,
    {
      datestyle: 'Postgres, YMD',
      timezone: 'Pacific/Kiritimati',
      client_encoding: 'LATIN1',
      default_transaction_isolation: 'serializable',
      default_transaction_deferrable: 'on',
      transform_null_equals: 'on',
      backslash_quote: 'off',
      row_security: 'off',
      plan_cache_mode: 'force_generic_plan',
    },
  ],
] as const)('a shop whose database is %s', (_name, suffix, options, settings) => {
  let shop: Shop;
  let db: Sql;
  let url: string;
  let adminToken: string;

  beforeAll(async () => {
    shop = await startShop({
      apis: 1,
      workers: 1,
      through: async (databaseUrl) => {
        url = await createDatabase(databaseUrl, suffix, options);
        const database = new URL(url).pathname.slice(1);
        const owner = postgres(url, { max: 1 });
        for (const [name, value] of Object.entries(settings)) {
          // A path that leads nowhere is for migrations to bear; the shop itself says so and waits.
          if (name !== 'search_path') await owner.unsafe(`alter database ${database} set ${name} = '${value}'`);
        }
        if ('search_path' in settings) await owner.unsafe(`alter database ${database} set search_path = nowhere`);
        await owner.end();
        expect(await run('migrate', url)).toMatchObject({ code: 0, complaint: '' });
        const after = postgres(url, { max: 1 });
        await after.unsafe(`alter database ${database} reset search_path`);
        await after.end();
        return url;
      },
    });
    db = postgres(url, { max: 1, onnotice: () => {}, connection: { DateStyle: 'ISO', TimeZone: 'UTC' } });
    adminToken = await signIn(shop.url, admin);
  }, setUpMsMax);

  afterAll(async () => {
    await db.end();
    await shop.api(0).kill();
    await shop.worker(0).kill();
    await dropDatabase(shop.db, url);
    await shop.stop();
  }, setUpMsMax);

  test('knows an address in any case, and gives it to one account', async () => {
    const customer = await registerCustomer(shop.url, { email: 'INGRID.Lirik@EXAMPLE.com' });
    const { password } = customer;
    for (const email of ['ingrid.lirik@example.com', 'INGRID.LIRIK@EXAMPLE.COM']) {
      expect(await signIn(shop.url, { email, password })).toBeString();
      const answer = await request(shop.url, 'POST', '/api/auth/register', { body: { name: 'I', email, password } });
      expect(answer).toMatchObject({ status: 409, body: { code: 'email_taken' } });
      const other = await registerCustomer(shop.url);
      const change = await request(shop.url, 'PATCH', `/api/customers/email/${other.id}`, {
        token: other.token,
        body: { email },
      });
      expect(change).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    }
    expect(await signIn(shop.url, { ...admin, email: admin.email.toUpperCase() })).toBeString();
  });

  test('keeps text and moments as they are', async () => {
    const startedAt = Date.now();
    const customer = await registerCustomer(shop.url, { name: 'Ada ☕ \\ Łukasz' });
    const mug = await createProduct(shop.url, adminToken, { name: 'mug ☕ \\', description: "back\\slash 'n' quote" });
    const { body: read } = await request<ProductBody>(shop.url, 'GET', `/api/products/${mug.id}`);
    expect(read).toEqual(mug);
    expect(read).toMatchObject({ name: 'mug ☕ \\', description: "back\\slash 'n' quote" });
    const order = await placeOrder(shop.url, customer.token, [{ productId: mug.id, quantity: 2 }]);
    const { body: account } = await request<CustomerBody>(shop.url, 'GET', `/api/customers/${customer.id}`, {
      token: customer.token,
    });
    expect(account.name).toBe('Ada ☕ \\ Łukasz');
    for (const moment of [account.createdAt, read.createdAt, order.createdAt, order.history[0]?.at]) {
      expect(moment).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Date.parse(moment ?? '')).toBeWithin(startedAt - 1_000, Date.now() + 1_000);
    }
    await bringTo(db, order.id, 'processing');
    const { body: moved } = await request<OrderBody>(shop.url, 'GET', `/api/orders/${order.id}`, {
      token: customer.token,
    });
    expect(Date.parse(moved.history[1]?.at ?? '')).toBeWithin(startedAt - 1_000, Date.now() + 1_000);
    await eventually(async () => (await scrape(shop.url)).value('shop_source_up', { source: 'postgres' }) === 1);
  });

  test('searches words whatever they are made of', async () => {
    await createProduct(shop.url, adminToken, { name: 'back\\slash[bracket]up' });
    for (const word of ['slash', 'bracket', 'up']) {
      const found = await request<{ data: ProductBody[] }>(shop.url, 'GET', `/api/products?q=${word}&sort=name`);
      expect(found.body.data.map(({ name }) => name)).toContain('back\\slash[bracket]up');
    }
  });

  test.each(['name', '-name'])('walks its products by %s, each once', async (sort) => {
    const marker = sort === 'name' ? 900_000_001 : 900_000_002;
    for (const name of [...names, ...names]) await createProduct(shop.url, adminToken, { name, priceCents: marker });
    const met: string[] = [];
    let cursor: string | null = null;
    do {
      const place: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await request<{ data: ProductBody[]; pagination: { nextCursor: string | null } }>(
        shop.url,
        'GET',
        `/api/products?minPriceCents=${marker}&maxPriceCents=${marker}&sort=${sort}&limit=3${place}`,
      );
      expect(status).toBe(200);
      met.push(...body.data.map(({ id }) => id));
      cursor = body.pagination.nextCursor;
    } while (cursor !== null);
    expect(met).toHaveLength(2 * names.length);
    expect(new Set(met).size).toBe(2 * names.length);
  });

  test('can be seeded', async () => {
    const seeded = await run('seed', url, '--products', '20', '--customers', '5', '--orders', '20');
    expect(seeded).toMatchObject({ code: 0, complaint: '' });
    const [row] = await db`
      select count(*)::int as count from orders where created_at > now() or created_at < now() - interval '10 years'`;
    expect(row?.count).toBe(0);
  });
});

describe('a database that will not do', () => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await startShop({ apis: 1, workers: 0 });
  }, setUpMsMax);

  afterAll(() => shop.stop(), setUpMsMax);

  /** The errors that the newest API has logged, once it has logged one. */
  async function errorsOf(index: number) {
    const errors = () =>
      shop
        .api(index)
        .log()
        .filter(({ level }) => level === 'error');
    await eventually(() => errors().length > 0);
    // Long enough for it to look again.
    const attempts = Date.now() + 1_500;
    await eventually(() => Date.now() > attempts);
    return errors().map(({ msg }) => String(msg));
  }

  test('of another encoding › is refused by migrations, the API and the worker, and each says why once', async () => {
    const url = await createDatabase(shop.databaseUrl, 'latin1', `locale_provider libc locale 'C' encoding 'LATIN1'`);
    const { code, complaint } = await run('migrate', url);
    expect({ code, complaint }).toEqual({ code: 1, complaint: expect.stringContaining('LATIN1') });
    const [created] = await shop.db`select 1 from pg_namespace where nspname = 'drizzle_latin1'`;
    expect(created).toBeUndefined();

    const starting = shop.startApi({ DATABASE_URL: url }).catch(() => {});
    const working = shop.startWorker({ DATABASE_URL: url }).catch(() => {});
    const errors = await errorsOf(1);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('encoding LATIN1, and the shop needs UTF8');
    expect((await request(shop.api(1).url, 'GET', '/readyz')).status).toBe(503);
    expect((await request(shop.api(1).url, 'GET', '/api/products')).status).toBe(503);
    const workerErrors = shop
      .worker(0)
      .log()
      .filter(({ level }) => level === 'error');
    expect(workerErrors).toHaveLength(1);
    expect(
      shop
        .worker(0)
        .log()
        .filter(({ msg }) => msg === 'working'),
    ).toHaveLength(0);
    await Promise.all([shop.api(1).stop(), shop.worker(0).stop(), starting, working]);
    await dropDatabase(shop.db, url);
  }, 60_000);

  test.each([
    ['array_nulls = off', 'array_nulls is off'],
    ['gin_fuzzy_search_limit = 1', 'gin_fuzzy_search_limit is 1'],
    ['search_path = nowhere', 'search_path leads elsewhere'],
  ])('with %s › is waited for, and told', async (setting, told) => {
    const database = new URL(shop.databaseUrl).pathname.slice(1);
    const before = Number(await countApis());
    await shop.db.unsafe(`alter database ${database} set ${setting}`);
    const starting = shop.startApi();
    const errors = await errorsOf(before);
    expect(errors).toEqual([expect.stringContaining(told)]);
    await shop.db.unsafe(`alter database ${database} reset ${setting.split(' ')[0]}`);
    // Its connections have the setting until they are made again.
    shop.postgresLink.drop();
    await starting;
    await shop.api(before).kill();
  });

  function countApis(): number {
    for (let index = 0; ; index += 1) {
      try {
        shop.api(index);
      } catch {
        return index;
      }
    }
  }
});

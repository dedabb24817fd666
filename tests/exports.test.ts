import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { databaseWaitMsMax } from '../src/lib/deadline.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { openAccount } from './support/accounts.ts';
import { root } from './support/app-process.ts';
import { type Account, placeOrder, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually, pause } from './support/wait.ts';

let shop: Shop;
let ask: Ask;
let adminToken: string;
let customer: Account;
const directory = mkdtempSync(join(tmpdir(), 'shop-exports-'));

beforeAll(async () => {
  shop = await startShop({ apis: 1, workers: 0 });
  ask = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
});

afterAll(async () => {
  rmSync(directory, { recursive: true });
  await shop.stop();
});

const get = (path: string, method = 'GET') => ask<string>(method, `/api/exports/${path}`, { token: adminToken });
const productsAs = async (format: string) => (await get(`products?format=${format}`)).body ?? '';
const { eventsOf, product } = createShopClient(
  (...sent) => ask(...sent),
  () => ({ url: shop.url, adminToken }),
);
const read = async <Body>(path: string) => (await ask<Body>('GET', path, { token: adminToken })).body;
const linesOf = (text: string) => text.split('\n').filter(Boolean);

const productHead = 'id,sku,name,description,priceCents,currency,stock,tags,images,createdAt,updatedAt';
const orderHead =
  'id,number,customerId,status,totalCents,currency,createdAt,productId,sku,name,quantity,unitPriceCents';

/** Texts that a cell may get wrong: what spreadsheets run, quotes, ends of lines, nothing. */
const texts = [
  '=1+1',
  '+1',
  '-1',
  '@a',
  "'quoted",
  'a, b',
  'a "b" c',
  'a\r\nb',
  'a\nb',
  '\ttab',
  'lines\u2028and\u2029paragraphs',
  'plain',
  ' ',
  'ü',
  '',
];

describe('GET /api/exports/products', () => {
  test('when the catalogue is empty › gives the header line alone, and no line of NDJSON', async () => {
    expect(await productsAs('csv')).toBe(`${productHead}\r\n`);
    expect(await productsAs('ndjson')).toBe('');
  });

  test('when products are in it › gives all that are not deleted, by id, as on the wire and as RFC 4180 has it', async () => {
    const made: ProductBody[] = [];
    for (const description of texts) {
      const name = description.trim() === '' || /[\r\n\t\u2028\u2029]/.test(description) ? 'Mug' : description;
      made.push(await product({ name, description, tags: ['a', "'b"], images: [{ url: '/media/a.svg', alt: '=1' }] }));
    }
    made.push(await product({ sku: '=SKU', description: null }));
    const gone = await product();
    await ask('DELETE', `/api/products/${gone.id}`, { token: adminToken });

    const answer = await get('products?format=ndjson');
    expect(answer.headers.get('Content-Type')).toBe('application/x-ndjson');
    expect(linesOf(answer.body).map((line) => JSON.parse(line))).toEqual(made);

    const csv = await get('products?format=csv');
    expect(csv.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    const [head, ...rows]: string[][] = parse(csv.body);
    expect(head?.join()).toBe(productHead);
    const marked = (text: string) => (/^[=+\-@\t\r']/.test(text) ? `'${text}` : text);
    expect(rows).toEqual(
      made.map((each) => [
        each.id,
        marked(each.sku ?? ''),
        marked(each.name),
        marked(each.description ?? ''),
        String(each.priceCents),
        each.currency,
        String(each.stock),
        JSON.stringify(each.tags),
        JSON.stringify(each.images.map(({ url, alt }) => ({ url, alt }))),
        each.createdAt,
        each.updatedAt,
      ]),
    );
    // Every line ends as RFC 4180 says, and no line end within a text stands bare.
    expect(csv.body.endsWith('\r\n')).toBe(true);
    expect(csv.body).toContain('"a\nb"');
  });

  test('when it is more than a batch › has every product once, by id', async () => {
    await shop.db`
      insert into products (id, name, price_cents, stock, created_at, updated_at)
      select uuid_v7(), 'Row ' || n, n, 0, now(), now() from generate_series(1, 1001) n`;
    const [known] = await shop.db<{ ids: string[] }[]>`
      select array_agg(id::text order by id) as ids from products where deleted_at is null`;
    expect(linesOf(await productsAs('ndjson')).map((line) => JSON.parse(line).id)).toEqual(known?.ids ?? []);
    expect(parse(await productsAs('csv'))).toHaveLength((known?.ids.length ?? 0) + 1);
  });

  test('when the query is wrong › answers 422', async () => {
    expectInvalid(await get('products'), 'format');
    expectInvalid(await get('products?format='), 'format');
    expectInvalid(await get('products?format=xml'), 'format');
    expectInvalid(await get('products?format=csv&from=2026-01-01'), 'from');
  });

  test('when asked with HEAD › answers status and headers, and reads nothing', async () => {
    const [clock] = await shop.db`select clock_timestamp()::text as at`;
    const reads = () => shop.db`
      select 1 from pg_stat_activity where datname = current_database() and application_name = 'shop api' and query like '%from "products"%'
        and query_start > ${clock?.at}::text::timestamptz`;
    for (let time = 0; time < 5; time += 1) {
      const head = await get('products?format=csv', 'HEAD');
      expect([head.status, head.body, head.headers.get('Content-Type')]).toEqual([
        200,
        null,
        'text/csv; charset=utf-8',
      ]);
      // That of a GET is not known before its end, and is not 0.
      expect(head.headers.has('Content-Length')).toBe(false);
    }
    expect(await reads()).toHaveLength(0);
    await productsAs('csv');
    expect((await reads()).length).toBeGreaterThan(0);
    expectInvalidHead(await get('products', 'HEAD'));
  });
});

function expectInvalidHead({ status, body }: { status: number; body: unknown }): void {
  expect([status, body]).toEqual([422, null]);
}

describe('GET /api/exports/orders', () => {
  test('when orders are of several days › gives those of the days asked for, a line for each of their lines', async () => {
    const [mug, pot] = await Promise.all([product({ name: '=Mug', sku: `M-${randomUUID()}` }), product()]);
    const placed: OrderBody[] = [];
    for (let n = 0; n < 4; n += 1) {
      const items = [mug, pot].slice(0, 1 + (n % 2)).map(({ id }) => ({ productId: id, quantity: n + 1 }));
      placed.push(await placeOrder(shop.url, customer.token, items));
    }
    const days = ['2020-01-01T00:00:00.000Z', '2020-01-01T23:59:59.999Z', '2020-01-02T00:00:00.000Z'];
    for (const [index, at] of days.entries()) {
      await shop.db`update orders set created_at = ${at} where id = ${placed[index]?.id ?? ''}`;
    }
    const ids = async (query: string) =>
      linesOf((await get(`orders?format=ndjson${query}`)).body ?? '').map((line) =>
        placed.findIndex(({ id }) => id === JSON.parse(line).id),
      );
    expect(await ids('')).toEqual([0, 1, 2, 3]);
    expect(await ids('&from=2020-01-01&to=2020-01-01')).toEqual([0, 1]);
    expect(await ids('&from=2020-01-02&to=2020-01-02')).toEqual([2]);
    expect(await ids('&from=2020-01-02')).toEqual([2, 3]);
    expect(await ids('&to=2020-01-02&from=')).toEqual([0, 1, 2]);
    expect(await ids('&to=2019-12-31')).toEqual([]);
    expect(await ids('&from=0001-01-01&to=9999-12-31')).toEqual([0, 1, 2, 3]);
    const [wire] = linesOf((await get('orders?format=ndjson')).body).map((line) => JSON.parse(line));
    expect(wire).toEqual(await read(`/api/orders/${placed[0]?.id}`));

    const [head, ...rows]: string[][] = parse((await get('orders?format=csv&to=2020-01-01')).body);
    expect(head?.join()).toBe(orderHead);
    const { id, number, customerId, totalCents, currency, items } = placed[1] as OrderBody;
    expect(rows.slice(1)).toEqual(
      items.map(({ productId, sku, name, quantity, unitPriceCents }) => [
        ...[id, number, customerId, 'pending', String(totalCents), currency, days[1] as string],
        ...[productId, sku ?? '', name.replace('=', "'="), String(quantity), String(unitPriceCents)],
      ]),
    );
  });

  test('when the days are wrong › answers 422', async () => {
    expectInvalid(await get('orders?format=csv&from=2020-02-30'), 'from');
    expectInvalid(await get('orders?format=csv&to=yesterday'), 'to');
    expectInvalid(await get('orders?format=csv&from=0000-12-31&to=0000-01-01'), 'from', 'to');
    expectInvalid(await get('orders?format=csv&from=2020-01-02&to=2020-01-01'), 'to');
    expectInvalid(await get('orders?from=2020-01-01'), 'format');
  });
});

describe('An export of many megabytes', () => {
  beforeAll(async () => {
    await shop.db.begin(async (tx) => {
      // Nobody searches for them, and folding so long a word takes milliseconds.
      await tx`alter table products disable trigger products_fold_search`;
      await tx`
        insert into products (id, name, description, price_cents, stock, created_at, updated_at)
        select uuid_v7(), 'Row ' || n, repeat('x', 4200), n, 0, now(), now()
        from generate_series(1, 10000) n`;
      await tx`alter table products enable always trigger products_fold_search`;
    });
  });

  function begin(): Socket {
    const socket = connect(Number(new URL(shop.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `GET /api/exports/products?format=ndjson HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`,
    );
    return socket;
  }

  /** When the API last asked Postgres for anything. */
  const lastRead = async () =>
    String(
      (
        await shop.db`select max(query_start)::text as at from pg_stat_activity where application_name = 'shop api' and datname = current_database()`
      )[0]?.at,
    );

  async function untilQuiet(): Promise<void> {
    await eventually(
      async () => {
        const before = await lastRead();
        await pause(500);
        return (await lastRead()) === before;
      },
      { withinMs: 20_000 },
    );
  }

  test('when its reader does not read › waits for them, and goes on', async () => {
    const socket = begin();
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    await untilQuiet();
    let bytes = 0;
    let end = '';
    socket.on('data', (data) => {
      bytes += data.length;
      end = (end + data.toString('latin1')).slice(-5);
    });
    socket.resume();
    await eventually(() => end === '0\r\n\r\n', { withinMs: 30_000 });
    expect(bytes).toBeGreaterThan(30_000_000);
    socket.destroy();
  });

  test('when its caller was found late, and its reader takes longer than a request may wait › goes on to its end', async () => {
    let socket: Socket | undefined;
    await shop.db.begin(async (tx) => {
      await tx`lock table customers in access exclusive mode`;
      socket = begin();
      await pause(1_000);
    });
    let end = '';
    socket?.on('data', (data) => {
      end = (end + data.toString('latin1')).slice(-5);
    });
    await new Promise((resolve) => socket?.once('data', resolve));
    socket?.pause();
    await pause(databaseWaitMsMax);
    socket?.resume();
    await eventually(() => end === '0\r\n\r\n', { withinMs: 30_000 });
  }, 60_000);

  test('when its reader is gone › ends', async () => {
    const socket = begin();
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await untilQuiet();
  });

  test('when Postgres is gone in the middle › ends without its last chunk', async () => {
    const socket = begin();
    let end = '';
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    await untilQuiet();
    await shop.postgresLink.cut();
    socket.on('data', (data) => {
      end = (end + data.toString('latin1')).slice(-5);
    });
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(end).not.toBe('0\r\n\r\n');
    const answer = await get('products?format=csv');
    expectProblem(answer, 503, 'unavailable');
    await shop.postgresLink.restore();
    await eventually(async () => (await get('products?format=csv', 'HEAD')).status === 200);
  });
});

describe('bun run products:import', () => {
  async function importFile(name: string, content: string) {
    const file = join(directory, name);
    writeFileSync(file, content);
    const child = Bun.spawn([process.execPath, 'scripts/import-products.ts', file], {
      cwd: root,
      env: { DATABASE_URL: shop.databaseUrl },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [output, faults] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, output: output + faults };
  }

  beforeAll(async () => {
    await shop.db`delete from products where name like 'Row %' and description is not null`;
  });

  test.each(['csv', 'ndjson'])('when it gets what %s export gave › changes nothing, and says so', async (format) => {
    const before = await productsAs(format);
    const { code, output } = await importFile(`same.${format}`, before);
    expect(output).toContain('100 % read');
    expect([code, output.split('\n').at(-2)]).toEqual([
      0,
      expect.stringMatching(/^0 created, 0 updated, \d{4} unchanged, 0 refused\.$/),
    ]);
    expect(await productsAs(format)).toBe(before);
  });

  test.each(['csv', 'ndjson'])(
    'when the products are gone › makes them as they were, to the byte, from %s',
    async (format) => {
      const before = await productsAs(format);
      await shop.db`truncate stock_changes, order_items, products`;
      const first = await importFile(`all.${format}`, before);
      expect([first.code, first.output]).toEqual([
        0,
        expect.stringContaining(' created, 0 updated, 0 unchanged, 0 refused.'),
      ]);
      expect(await productsAs(format)).toBe(before);
      // What was cut off goes on likewise.
      await shop.db`delete from stock_changes`;
      await shop.db`delete from products where id in (select id from products order by id desc limit 400)`;
      expect((await importFile(`all.${format}`, before)).output).toContain('400 created, 0 updated');
      expect(await productsAs(format)).toBe(before);
    },
  );

  test('when records differ, or are wrong › updates by id, then by SKU, leaves stock, and tells what was refused', async () => {
    const [byId, bySku, gone, other] = await Promise.all([
      product({ sku: `A-${randomUUID()}`, stock: 5 }),
      product({ sku: `B-${randomUUID()}`, stock: 5 }),
      product(),
      product({ sku: `C-${randomUUID()}` }),
    ]);
    await ask('DELETE', `/api/products/${gone.id}`, { token: adminToken });
    const fresh = `D-${randomUUID()}`;
    const again = { name: 'Imported', priceCents: 7 };
    const records = [
      { ...again, id: byId.id, sku: null, stock: 6 },
      { ...again, sku: bySku.sku },
      { ...again, sku: fresh, stock: 3 },
      { ...again, id: gone.id },
      { ...again, id: byId.id },
      { ...again, id: bySku.id, sku: other.sku },
      { ...again, sku: `E-${randomUUID()}` },
      { ...again },
      { ...again, id: bySku.id, currency: 'EUR' },
      { ...again, priceCents: -1, sku: 'F' },
      'nonsense',
    ];
    const content = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n');
    const { code, output } = await importFile('mixed.ndjson', content);
    expect(code).toBe(1);
    const told = output.split('\n').filter((line) => line.startsWith('record'));
    expect(told).toEqual([
      'record 1: stock is 5 here, 6 in the file: not set',
      'record 4: refused: the product is deleted: restore it first',
      'record 5: refused: the product is in the file twice',
      `record 6 (${other.sku}): refused: another product has this SKU`,
      expect.stringMatching(/^record 7 \(E-.*\): refused: stock is needed for a new product$/),
      'record 8: refused: it has neither an id nor a SKU to be known by',
      'record 9: refused: its price is in EUR, and the shop’s currency is USD'.replace('’', "'"),
      expect.stringMatching(/^record 10: refused: priceCents /),
      expect.stringMatching(/^record 11: refused: /),
    ]);
    expect(output).toContain('1 created, 2 updated, 0 unchanged, 8 refused.');
    expect(await read<ProductBody>(`/api/products/${byId.id}`)).toMatchObject({ ...again, sku: null, stock: 5 });
    expect(await read<ProductBody>(`/api/products/${bySku.id}`)).toMatchObject({ ...again, sku: bySku.sku, stock: 5 });
    const [event] = await eventsOf(bySku);
    expect(event).toMatchObject({ action: 'product.updated', actor: { kind: 'system', id: null } });
    const [made] = await shop.db`
      select p.stock, s.change::int, s.actor_kind from products p join stock_changes s on s.product_id = p.id where sku = ${fresh}`;
    expect(made).toEqual({ stock: 3, change: 3, actor_kind: 'system' });
  });

  test('when it is told no file, or one that it cannot read › says so', async () => {
    expect(await importFile('products.txt', '')).toMatchObject({ code: 1, output: expect.stringContaining('.ndjson') });
    expect((await importFile('broken.csv', 'id,name\n"a')).code).toBe(1);
  });
});

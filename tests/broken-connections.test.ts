import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { openDatabase, type Reader } from '../src/db/client.ts';
import { ping } from '../src/db/ping.ts';
import { withReader, withTransaction } from '../src/db/transaction.ts';
import {
  type Account,
  createProduct,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from './support/client.ts';
import { openLink } from './support/link.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, pause } from './support/wait.ts';

let shop: Shop;
let customer: Account;
let mugId: string;

beforeAll(async () => {
  shop = await startShop();
  customer = await registerCustomer(shop.url);
  mugId = (await createProduct(shop.url, await signInAdmin(shop.url), { stock: 10_000 })).id;
});

afterAll(() => shop.stop());

function crowd() {
  const requests: [method: string, path: string, options?: RequestOptions][] = [
    ['POST', '/api/orders', { body: { items: [{ productId: mugId, quantity: 1 }] } }],
    ['GET', `/api/products/${mugId}`],
    ['GET', '/api/orders?limit=1'],
    ['PATCH', `/api/customers/phone/${customer.id}`, { body: { phone: null } }],
  ];
  const all = [...requests, ...requests, ...requests];
  return Promise.all(
    all.map(([method, path, options]) => request(shop.url, method, path, { token: customer.token, ...options })),
  );
}

describe('requests', () => {
  describe('when connections to Postgres break under them, again and again', () => {
    test('are answered, and afterwards every connection is as good as before', async () => {
      for (let round = 0; round < 15; round += 1) {
        const answers = crowd();
        // A different moment each time: between two statements, in one, at the commit.
        await pause(round);
        shop.postgresLink.drop();
        for (const { status } of await answers) expect([200, 201, 503]).toContain(status);
      }
      await eventually(async () => (await request(shop.url, 'GET', '/readyz')).status === 200);
      for (let round = 0; round < 5; round += 1) {
        for (const { status } of await crowd()) expect([200, 201]).toContain(status);
      }
      for (const child of [shop.api(0), shop.worker(0)]) expect(child.output()).not.toContain('TypeError');
    });
  });
});

/** What Postgres says to a session that an administrator ends (protocol 3.0, ErrorResponse). */
function terminationMessage(): Buffer {
  const fields = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/** How a connection ends: with what Postgres says to a session that it ends, or with no word, as by a host that fell. */
type Ending = 'told' | 'reset';

/** Opens a way to Postgres whose two sockets end together; `meddle` passes on between them what it wants passed on. */
async function openWay(targetPort: number, meddle: (client: Socket, server: Socket) => void) {
  const listener = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
    meddle(client, server);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  return { port, close: () => listener.close() };
}

/** Opens a way to Postgres that ends a session, so many times, when it sees `text` in a statement. */
async function openTreacherousLink(targetPort: number, text: string, times: number, ending: Ending = 'told') {
  let left = times;
  const way = await openWay(targetPort, (client, server) => {
    server.pipe(client);
    client.on('data', (sent) => {
      if (left === 0 || !sent.includes(text)) return void server.write(sent);
      left -= 1;
      server.unpipe(client);
      if (ending === 'told') client.end(terminationMessage());
      else client.resetAndDestroy();
    });
  });
  return { ...way, left: () => left };
}

describe('a connection to Postgres', () => {
  describe('when it is ended while a query runs', () => {
    test('leaves nothing of that to the next one', async () => {
      const target = new URL(shop.databaseUrl);
      const link = await openTreacherousLink(Number(target.port), 'transaction_read_only', 1);
      target.port = String(link.port);
      const { db, close } = openDatabase(target.href, { poolSize: 1, applicationName: 'test' });
      await expect(ping(db)).rejects.toThrow();
      await ping(db);
      await close(1_000);
      link.close();
    });
  });

  describe('when what it has prepared is gone', () => {
    test('prepares it again, and gives each their own answer', async () => {
      const { db, close } = openDatabase(shop.databaseUrl, { poolSize: 1, applicationName: 'test' });
      const flag = async (reader: Reader, number: number) =>
        (await reader.execute(sql`select ${true}::boolean as flag, ${number}::int as number`))[0];
      const text = async (reader: Reader, number: number) =>
        (await reader.execute(sql`select ${String(number)}::text as text`))[0];
      const answers = () =>
        Promise.all(
          Array.from({ length: 20 }, (_, number) =>
            withReader(db, (reader) => (number % 2 === 0 ? flag(reader, number) : text(reader, number))),
          ),
        );
      const first = await answers();
      expect(first.slice(0, 2)).toEqual([{ flag: true, number: 0 }, { text: '1' }]);
      await db.execute(sql`deallocate all`);
      expect(await answers()).toEqual(first);
      await db.execute(sql`deallocate all`);
      expect(await withTransaction(db, (tx) => flag(tx, 7))).toEqual({ flag: true, number: 7 });
      expect(await answers()).toEqual(first);
      await close(1_000);
    });
  });

  describe.each<[when: string, text: string, times: number, ending: Ending]>([
    ['is ended while it learns the types, twice', 'typarray', 2, 'told'],
    ['breaks while it learns the types, twice', 'typarray', 2, 'reset'],
    ['is ended at the beginning of a transaction', 'begin', 1, 'told'],
    ['is ended in the middle of a transaction', 'transaction_read_only', 2, 'told'],
    ['breaks in the middle of a transaction', 'transaction_read_only', 2, 'reset'],
  ])('when it %s', (_when, text, times, ending) => {
    test('is made again, and all who wait for it are served', async () => {
      const target = new URL(shop.databaseUrl);
      const link = await openTreacherousLink(Number(target.port), text, times, ending);
      target.port = String(link.port);
      const { db, close } = openDatabase(target.href, { poolSize: 1, applicationName: 'test' });
      await withTransaction(db, ping);
      expect(link.left()).toBe(0);
      for (let round = 0; round < 3; round += 1) await withTransaction(db, ping);
      await close(1_000);
      link.close();
    });
  });
});

/**
 * Opens a way to Postgres that breaks when a transaction is to be committed, each time: before Postgres hears of it, or
 * before anybody hears that it was done.
 * @param breaks whether it does so now
 */
async function openLinkWithoutCommit(targetPort: number, isHeard: boolean, breaks: () => boolean = () => true) {
  let commits = 0;
  const way = await openWay(targetPort, (client, server) => {
    let committing = false;
    server.on('data', (answered) => {
      if (committing) client.destroy();
      else client.write(answered);
    });
    client.on('data', (sent) => {
      committing = breaks() && /\bcommit\b/i.test(sent.toString('latin1'));
      if (committing) commits += 1;
      if (committing && !isHeard) client.destroy();
      else server.write(sent);
    });
  });
  return { ...way, commits: () => commits };
}

describe('a transaction', () => {
  describe.each([
    // The driver sends up to 100 statements ahead of the answer it waits for: one of these transactions is the last.
    ['its connection has room for one more statement', '', [97, 98, 99, 100]],
    ['nothing is prepared', '?prepare=false', [0]],
  ])('when %s', (_when, parameters, readsAhead) => {
    test('has its connection to itself', async () => {
      const { db, close } = openDatabase(shop.databaseUrl + parameters, { poolSize: 1, applicationName: 'test' });
      const read = async (seconds: number) => void (await db.execute(sql`select pg_sleep(${seconds})`));
      await read(0);
      for (const ahead of readsAhead) {
        const reads = [read(0.05), ...Array.from({ length: ahead }, () => read(0))];
        await new Promise(setImmediate);
        await Promise.all([...reads, withTransaction(db, ping)]);
      }
      await close(1_000);
    });
  });

  describe('when its connection was lost and another transaction has it', () => {
    const fail = () => Promise.reject(new Error('given up'));
    test.each([
      ['is given up', fail, async () => {}, ['theirs']],
      ['would be committed', async () => {}, fail, []],
    ])('and it %s › leaves the other one alone', async (_end, endOfLost, endOfOther, rows) => {
      const target = new URL(shop.databaseUrl);
      const link = await openLink(Number(target.port));
      target.port = String(link.port);
      await shop.db`create table if not exists neighbours (text text not null)`;
      await shop.db`truncate neighbours`;
      const { db, close } = openDatabase(target.href, { poolSize: 1, applicationName: 'test' });
      const write = (tx: Reader, text: string) => tx.execute(sql`insert into neighbours (text) values (${text})`);
      const [isLost, otherWrote, lostEnded] = [0, 1, 2].map(() => Promise.withResolvers<void>());

      await db.execute(sql`select 1`);
      const lost = db.transaction(async (tx) => {
        await write(tx, 'lost');
        link.drop();
        isLost?.resolve();
        await otherWrote?.promise;
        setTimeout(() => lostEnded?.resolve(), 50);
        await endOfLost();
      });
      const lostTold = expect(lost).rejects.toThrow();
      await isLost?.promise;
      await lostTold;
      const other = db.transaction(async (tx) => {
        await write(tx, 'theirs');
        otherWrote?.resolve();
        await lostEnded?.promise;
        await tx.execute(sql`select 1`);
        await endOfOther();
      });
      await other.catch(() => {});
      expect((await shop.db`select text from neighbours`).map(({ text }) => text)).toEqual(rows);
      await close(1_000);
      await link.cut();
    });
  });

  describe('when its work goes on after a statement that lost the connection', () => {
    test('is refused the next one, and the process lives', async () => {
      const target = new URL(shop.databaseUrl);
      const link = await openTreacherousLink(Number(target.port), 'transaction_read_only', 1);
      target.port = String(link.port);
      const { db, close } = openDatabase(target.href, { poolSize: 1, applicationName: 'test' });
      const told = db.transaction((tx) => ping(tx).catch(() => ping(tx)));
      await expect(told).rejects.toThrow();
      await withTransaction(db, ping);
      await close(1_000);
      link.close();
    });
  });

  describe.each([
    ['before Postgres hears of it', false, 0],
    ['before it says that it is done', true, 1],
  ])('when its connection is lost at the commit, %s', (_when, isHeard, rowCount) => {
    test('is told to be unavailable, and is not done again', async () => {
      const target = new URL(shop.databaseUrl);
      const link = await openLinkWithoutCommit(Number(target.port), isHeard);
      target.port = String(link.port);
      const table = `commits_${rowCount}`;
      await shop.db.unsafe(`create table ${table} (text text not null)`);
      const { db, close } = openDatabase(target.href, { poolSize: 1, applicationName: 'test' });
      let times = 0;
      const told = withTransaction(db, async (tx) => {
        times += 1;
        await tx.execute(sql`insert into ${sql.identifier(table)} (text) values ('once')`);
      });
      await expect(told).rejects.toMatchObject({ code: 'unavailable' });
      await close(1_000);
      await eventually(async () => {
        const open = await shop.db`
          select 1 from pg_stat_activity where datname = current_database() and application_name = 'test'`;
        return open.length === 0;
      });
      expect({ times, commits: link.commits() }).toEqual({ times: 1, commits: 1 });
      expect(await shop.db`select text from ${shop.db(table)}`).toHaveLength(rowCount);
      link.close();
    });
  });
});

describe('a change that is committed', () => {
  describe('when nobody hears so', () => {
    let breaks = false;
    let url: string;
    let adminToken: string;

    beforeAll(async () => {
      const target = new URL(shop.databaseUrl);
      const link = await openLinkWithoutCommit(Number(target.port), true, () => breaks);
      target.port = String(link.port);
      url = (await shop.startApi({ DATABASE_URL: target.href })).url;
      adminToken = await signInAdmin(shop.url);
    });

    type Change = (id: string, sku: string) => [method: string, path: string, body: object];
    const edit: Change = (id, sku) => ['PUT', `/api/products/${id}`, { name: 'Other', priceCents: 7, stock: 7, sku }];
    const order: Change = (id) => ['POST', '/api/orders', { items: [{ productId: id, quantity: 3 }] }];

    test.each([
      ['of a product', edit],
      ['of its stock', order],
    ])('%s › is shown by cached lists all the same', async (_of, change) => {
      const sku = crypto.randomUUID();
      const { id } = await createProduct(shop.url, adminToken, { stock: 10, sku });
      const listed = async () => {
        const answer = await request<{ data: { stock: number }[] }>(url, 'GET', `/api/products?sku=${sku}`);
        return { from: answer.headers.get('X-Cache'), stock: answer.body.data[0]?.stock };
      };
      await listed();
      expect(await listed()).toEqual({ from: 'HIT', stock: 10 });
      const [method, path, body] = change(id, sku);
      breaks = true;
      const { status } = await request(url, method, path, { token: adminToken, body });
      breaks = false;
      expect(status).toBe(503);
      await eventually(async () => (await listed()).stock === 7, { withinMs: 5_000 });
    });
  });
});

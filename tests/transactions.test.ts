import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { sql } from 'drizzle-orm';
import { type DatabaseClient, openDatabase, type Reader } from '../src/db/client.ts';
import { withTransaction } from '../src/db/transaction.ts';
import { databaseWaitMsMax } from '../src/lib/deadline.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import { createProduct, placeOrder, registerCustomer, request, signInAdmin } from './support/client.ts';
import { mailsOf, untilOrderWaits } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, pause } from './support/wait.ts';

let shop: Shop;
let client: DatabaseClient;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  client = openDatabase(shop.databaseUrl, { poolSize: 1, applicationName: 'test' });
  await shop.db`create table notes (text text not null)`;
});

afterEach(async () => {
  await shop.postgresLink.restore();
  await shop.db`truncate notes`;
});

afterAll(async () => {
  await client.close(1_000);
  await shop.stop();
});

const write = (reader: Reader, text: string) => reader.execute(sql`insert into notes (text) values (${text})`);

async function notes(): Promise<string[]> {
  const rows = await shop.db<{ text: string }[]>`select text from notes order by text`;
  return rows.map(({ text }) => text);
}

/** Waits until no session of `client` has anything under way in this database. */
const untilQuiet = () =>
  eventually(async () => {
    const busy = await shop.db`
      select 1 from pg_stat_activity
      where datname = current_database() and application_name = 'test' and xact_start is not null`;
    return busy.length === 0;
  });

describe('a transaction', () => {
  describe('when its work ends after its deadline', () => {
    test.each([
      ['in a statement', async (tx: Reader) => void (await tx.execute(sql`select pg_sleep(0.6)`))],
      ['between two statements', () => pause(600)],
    ] as const)('%s › is told to be unavailable, and leaves no row', async (_where, dawdle) => {
      let ended = false;
      const told = withTransaction(
        client.db,
        async (tx) => {
          await write(tx, 'late');
          await dawdle(tx);
          ended = true;
        },
        performance.now() + 300,
      );
      await expect(told).rejects.toMatchObject({ code: 'unavailable' });
      await eventually(() => ended);
      await untilQuiet();
      expect(await notes()).toEqual([]);
    });
  });

  describe('when its commit was sent in time and is answered after its deadline', () => {
    test('is told what became of it', async () => {
      await shop.db`
        create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return null; end $$`;
      await shop.db`
        create constraint trigger dawdle after insert on notes deferrable initially deferred
        for each row execute function dawdle()`;
      try {
        await withTransaction(client.db, (tx) => write(tx, 'in time'), performance.now() + 200);
        expect(await notes()).toEqual(['in time']);
      } finally {
        await shop.db`drop function dawdle cascade`;
      }
    });
  });

  describe('when Postgres answers only after its deadline', () => {
    test('is told to be unavailable, and its work never begins', async () => {
      await withTransaction(client.db, (tx) => write(tx, 'before'));
      shop.postgresLink.hang();
      let begun = 0;
      const told = withTransaction(
        client.db,
        async (tx) => {
          begun += 1;
          await write(tx, 'late');
        },
        performance.now() + 300,
      );
      await expect(told).rejects.toMatchObject({ code: 'unavailable' });
      await shop.postgresLink.restore();
      await withTransaction(client.db, (tx) => write(tx, 'after'));
      await untilQuiet();
      expect(begun).toBe(0);
      expect(await notes()).toEqual(['after', 'before']);
    });
  });

  describe('when its connection is lost between two statements', () => {
    /** Writes twice; the connection is lost in between, in the first so many attempts. */
    function writeTwice(losses: number) {
      let attempts = 0;
      const done = withTransaction(client.db, async (tx) => {
        attempts += 1;
        const isLost = attempts <= losses;
        await write(tx, 'first');
        if (isLost) {
          shop.postgresLink.drop();
          await untilQuiet();
          // For the driver to hear of it, and to connect again.
          await pause(300);
        }
        await write(tx, 'second');
      });
      return { done, attempts: () => attempts };
    }

    test('is done again, and writes both once', async () => {
      const { done, attempts } = writeTwice(1);
      await done;
      await pause(600);
      expect(attempts()).toBe(2);
      expect(await notes()).toEqual(['first', 'second']);
    });

    test('again and again › is told to be unavailable, and writes neither', async () => {
      const { done, attempts } = writeTwice(10);
      await expect(done).rejects.toMatchObject({ code: 'unavailable' });
      // The work of the attempts may still be on its way to its second statement.
      await pause(600);
      await untilQuiet();
      // Three at most; one that finds no connection to begin on does not get to its work.
      expect(attempts()).toBeWithin(2, 4);
      expect(await notes()).toEqual([]);
    });
  });
});

describe('a session', () => {
  const unitMs: Record<string, number> = { ms: 1, s: 1_000, min: 60_000 };

  /** What `show` says, in ms. */
  async function shownMs(reader: Reader, name: string): Promise<number> {
    const [row] = await reader.execute<Record<string, string>>(sql`show ${sql.raw(name)}`);
    const [, count = '', unit = ''] = /^(\d+)(ms|s|min)$/.exec(row?.[name] ?? '') ?? [];
    return Number(count) * (unitMs[unit] ?? Number.NaN);
  }

  describe('when it is asked for its timeouts', () => {
    test('shows that Postgres ends a wait for a lock, and then a statement, before anybody gives up on them', async () => {
      const { db, close } = openDatabase(shop.unpooledUrl, { poolSize: 1, applicationName: 'test' });
      const [lockMs, statementMs] = [await shownMs(db, 'lock_timeout'), await shownMs(db, 'statement_timeout')];
      expect(lockMs).toBeGreaterThan(0);
      expect(statementMs).toBeGreaterThan(lockMs);
      expect(databaseWaitMsMax).toBeGreaterThan(statementMs);
      expect(await shownMs(db, 'idle_in_transaction_session_timeout')).toBe(10_000);
      await close(1_000);
    });

    test('shows a shorter one where that was asked for', async () => {
      const options = { poolSize: 1, applicationName: 'test', statementTimeoutMs: 250 };
      const { db, close } = openDatabase(shop.unpooledUrl, options);
      expect(await shownMs(db, 'statement_timeout')).toBe(250);
      await close(1_000);
    });
  });
});

describe('PATCH /api/orders/cancel/:id', () => {
  describe('when it and somebody else wait for each other', () => {
    test('is done again after the deadlock, once', async () => {
      const database = new URL(shop.unpooledUrl).pathname.slice(1);
      // Time for the other one to come. Sessions that begin from now on have it.
      await shop.db.unsafe(`alter database ${database} set deadlock_timeout = '2s'`);
      const api = await shop.startApi();
      const buyer = await registerCustomer(api.url);
      const { id: productId } = await createProduct(api.url, await signInAdmin(api.url), { stock: 10 });
      const order = await placeOrder(api.url, buyer.token, [{ productId, quantity: 3 }]);
      const other = await shop.db.reserve();
      const deadlocks = async () => {
        const [row] = await shop.db<{ count: number }[]>`
          select deadlocks::int as count from pg_stat_database where datname = current_database()`;
        return row?.count ?? 0;
      };
      const before = await deadlocks();
      try {
        await other`begin`;
        // So that it is the request that finds the deadlock, and gives way.
        await other`set local deadlock_timeout = '1min'`;
        await other`select 1 from products where id = ${productId} for update`;
        const cancelling = request<OrderBody>(api.url, 'PATCH', `/api/orders/cancel/${order.id}`, {
          token: buyer.token,
        });
        await untilOrderWaits(shop.db);
        await other`select 1 from orders where id = ${order.id} for update`;
        await other`commit`;
        expect(await cancelling).toMatchObject({ status: 200, body: { status: 'cancelled' } });
      } finally {
        await other`rollback`;
        other.release();
      }
      await eventually(async () => (await deadlocks()) > before);
      const [product] = await shop.db`select stock from products where id = ${productId}`;
      expect(product).toEqual({ stock: 10 });
      expect(await mailsOf(shop.db, order.id)).toEqual(['1 pending', '1 cancelled']);
    });
  });
});

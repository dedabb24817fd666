import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import { openAccount } from './support/accounts.ts';
import { type Account, type Answer, request, signInAdmin } from './support/client.ts';
import { scrape } from './support/metrics.ts';
import { untilOrderWaits } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

/** An order waits so long for its batch before it is told 503; what is set up for one must not take longer. */
const withinMs = 4_000;

let shop: Shop;
let adminToken: string;
let customer: Account;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
});

afterAll(() => shop.stop());

type Request = { product: ProductBody; token?: string; key?: string };

const { place: placeOrder, product } = createShopClient(
  // Always on the same process, because batches are not shared between several.
  (method, path, options) => request(shop.api(0).url, method, path, options),
  () => ({ url: shop.url, customerToken: customer.token, adminToken }),
);

const place = ({ product: { id }, token = customer.token, key }: Request) =>
  placeOrder([{ productId: id, quantity: 1 }], {
    token,
    headers: key === undefined ? {} : { 'Idempotency-Key': key },
  });

/** Holds every batch up until all of these orders wait, so that they share the next one. */
async function placeTogether(requests: Request[]): Promise<Answer<OrderBody>[]> {
  const held = await product();
  const placed = await shop.db.begin(async (sql) => {
    await sql`select 1 from products where id = ${held.id} for update`;
    const first = place({ product: held });
    await untilOrderWaits(shop.db, 1, { withinMs });
    const second = place({ product: held });
    await untilOrderWaits(shop.db, 2, { withinMs });
    const answers = Promise.all(requests.map(place));
    const url = shop.api(0).url;
    await eventually(async () => (await scrape(url)).value('orders_waiting') === requests.length, { withinMs });
    return { answers, holders: [first, second] };
  });
  for (const holder of placed.holders) expect((await holder).status).toBe(201);
  return placed.answers;
}

async function batchesOf(orders: number): Promise<number> {
  const samples = await scrape(shop.api(0).url);
  const upTo = (le: number) => samples.value('shop_order_batch_size_bucket', { le: String(le) }) ?? 0;
  return upTo(orders) - upTo(orders / 2);
}

async function leftOf({ id }: ProductBody): Promise<number | undefined> {
  const [row] = await shop.db<{ stock: number }[]>`select stock from products where id = ${id}`;
  return row?.stock;
}

describe('POST /api/orders', () => {
  describe('when orders share a batch', () => {
    test('and the statement fails for one of them › answers it 500, the others 201, each as if it were alone', async () => {
      const [good, cursed] = [await product(), await product()];
      await shop.db.unsafe(`
        create function refuse_cursed() returns trigger language plpgsql as $$
          begin
            if new.product_id = '${cursed.id}' then raise exception 'cursed'; end if;
            return new;
          end
        $$;
        create trigger cursed before insert on order_items for each row execute function refuse_cursed()`);
      const before = await batchesOf(4);
      try {
        const answers = await placeTogether([good, cursed, good, good].map((one) => ({ product: one })));
        expect(answers.map(({ status }) => status)).toEqual([201, 500, 201, 201]);
      } finally {
        await shop.db`drop function refuse_cursed cascade`;
      }
      expect(await batchesOf(4)).toBe(before + 1);
      expect([await leftOf(good), await leftOf(cursed)]).toEqual([7, 10]);
      const [row] = await shop.db<{ orders: number; mails: number }[]>`
        select count(distinct order_items.order_id)::int as orders, count(mails.id)::int as mails
        from order_items left join mails using (order_id) where product_id = ${good.id}`;
      expect({ ...row }).toEqual({ orders: 3, mails: 3 });
    });

    test('and two customers use the same key › places an order for each', async () => {
      const [other, mug, key] = [await openAccount(shop), await product(), randomUUID()];
      const requests = [customer, other].map(({ token }) => ({ product: mug, token, key }));
      const first = await placeTogether(requests);
      expect(first.map(({ status }) => status)).toEqual([201, 201]);
      expect(first.map(({ body }) => body.customerId)).toEqual([customer.id, other.id]);
      const again = await placeTogether(requests);
      expect(again.map(({ body }) => body)).toEqual(first.map(({ body }) => body));
      expect(await leftOf(mug)).toBe(8);
    });

    test('and one customer uses a key twice › places one order, and answers the other 409', async () => {
      const [mug, key] = [await product(), randomUUID()];
      const answers = await placeTogether([
        { product: mug, key },
        { product: mug, key },
      ]);
      // Whichever came first.
      const [placed, other] = answers.toSorted((one, another) => one.status - another.status);
      expect(placed?.status).toBe(201);
      if (other) expectProblem(other, 409, 'idempotency_in_progress');
      expect(await leftOf(mug)).toBe(9);
    });
  });
});

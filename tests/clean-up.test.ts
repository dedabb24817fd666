import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createProduct, registerCustomer, request, signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

/** One more than go in a batch, twice over. */
const oldRecords = 2_001;
const oldSessions = 1_001;

describe.each(['redis', 'postgres'] as const)('the clean-up over a queue in %s', (queue) => {
  let shop: Shop;

  beforeAll(async () => {
    shop = await startShop({ queue, workers: 0 });
  });

  afterAll(() => shop.stop());

  test('when keys and ended sessions are older than 24 hours › deletes them all, and no other', async () => {
    const { id, token } = await registerCustomer(shop.url);
    const product = await createProduct(shop.url, await signInAdmin(shop.url));
    const place = () =>
      request(shop.url, 'POST', '/api/orders', {
        token,
        body: { items: [{ productId: product.id, quantity: 1 }] },
        headers: { 'Idempotency-Key': 'young' },
      });
    const first = await place();
    await shop.db`update idempotency_records set created_at = now() - interval '23 hours 59 minutes'`;
    await shop.db`
      insert into idempotency_records (customer_id, key, request_hash, response, created_at)
      select ${id}, 'old ' || n, 'hash', '{}', now() - interval '24 hours 1 minute' from generate_series(1, ${oldRecords}) n`;
    // A token that has expired on one clock may be good on another for a while.
    await shop.db`update sessions set expires_at = now() - interval '23 hours 59 minutes' where customer_id = ${id}`;
    await shop.db`
      insert into sessions (id, customer_id, address, created_at, expires_at)
      select uuid_v7(now()), ${id}, 'old', now(), now() - interval '24 hours 1 minute' from generate_series(1, ${oldSessions})`;
    await shop.startWorker();
    await eventually(async () => (await shop.db`select 1 from idempotency_records where key <> 'young'`).length === 0, {
      withinMs: 20_000,
    });
    const done = await eventually(() => shop.log().find(({ msg }) => msg === 'clean-up'), { withinMs: 10_000 });
    expect(done).toMatchObject({ level: 'info', deleted: oldRecords + oldSessions });
    expect(await shop.db`select address from sessions where customer_id = ${id}`).toHaveLength(1);
    const again = await place();
    expect(again.headers.get('Idempotent-Replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
  });
});

import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/db/client.ts';
import { withReader, withTransaction } from '../../src/db/transaction.ts';
import { deleteOldRequests } from '../../src/domain/customers/mail-tokens.ts';
import { eraseLongClosed, findLongClosed } from '../../src/domain/customers/privacy.ts';
import { deleteExpiredSessions } from '../../src/domain/customers/sessions.ts';
import { deleteOldIdempotencyRecords } from '../../src/domain/idempotency.ts';
import { firstStepAfterPause, pauseSchedule, resumeSchedule } from '../../src/domain/orders/lifecycle.ts';
import { deleteOldCounts, keepToLimit } from '../../src/domain/outbox/unconfirmed.ts';
import { deleteLostDeliveries, deleteOldDeliveries } from '../../src/domain/outbox/webhook-deliveries.ts';
import { stockMismatches } from '../../src/domain/products/stock-check.ts';
import { removeDeletedWebhooks } from '../../src/domain/webhooks/webhooks.ts';
import { outboxStates } from '../../src/schema/outbox.ts';
import {
  claimsOf,
  placeOrder,
  registerCustomer,
  request,
  signIn,
  signInAdmin,
  untilServed,
} from '../support/client.ts';
import { totpCode } from '../support/codes.ts';
import { newestToken } from '../support/mail-tokens.ts';
import { makeOld } from '../support/orders.ts';
import { startReceiver } from '../support/receiver.ts';
import type { Shop } from '../support/shop.ts';
import { eventually } from '../support/wait.ts';

type List = { data: { id: string }[]; pagination: { nextCursor: string | null } };

/** Words that few products have, beginnings that nearly all have, and both together. */
const searches = ['cedar', 'steel', 'a', 'a cedar', 's a'];
/** And one that many have, all at one end of every sort. */
const sortedSearches = [...searches, 'keepsake'];
const filters = [
  'minPriceCents=1000&maxPriceCents=900000',
  'minPriceCents=1000&maxPriceCents=1001',
  'inStock=true',
  // A seventh of all products, a few hundred, and none.
  'tag=kitchen',
  'tag=frying%20pan',
  'sku=KIT-0',
];
const sorts = ['createdAt', '-createdAt', 'priceCents', '-priceCents', 'name', '-name'];
const statuses = ['pending', 'processing', 'shipped', 'delivered', 'cancelled'];

/**
 * Uses every route of the API, in every way that makes another statement of it, and whatever the worker does meanwhile.
 * @param repeats how often each statement is run, at least
 * @param customPlansToo whether to use those that never keep a plan
 * @returns the routes that were used, as the OpenAPI document names them
 */
export async function walkThrough(
  shop: Shop,
  recordedUrl: string,
  { repeats, customPlansToo }: { repeats: number; customPlansToo: boolean },
): Promise<Set<string>> {
  const used = new Set<string>();
  const admin = await signInAdmin(shop.url);

  async function ask<Body>(method: string, path: string, options: Parameters<typeof request>[3] = {}, status = 200) {
    const [, route = ''] = /^([^?]+)/.exec(path) ?? [];
    used.add(`${method} ${route.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '{id}')}`);
    const answer = await untilServed(() => request<Body>(shop.url, method, path, options));
    if (answer.status !== status) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  /** The first page, one by number, one by cursor. */
  async function pages(path: string, token?: string): Promise<List['data']> {
    const options = token ? { token } : {};
    const first = await ask<List>('GET', path, options);
    await ask('GET', `${path}&page=3`, options);
    const { nextCursor } = first.pagination;
    if (nextCursor) await ask('GET', `${path}&cursor=${nextCursor}`, options);
    return first.data;
  }

  /** Reads as much of an export as it takes for its statement to keep a plan; the whole takes a busy machine too long. */
  async function beginExport(path: string, query = ''): Promise<void> {
    used.add(`GET ${path}`);
    const url = `${shop.url}${path}?format=csv${query}`;
    const { status, body } = await fetch(url, { headers: { Authorization: `Bearer ${admin}` } });
    const reader = body?.getReader();
    if (status !== 200 || !reader) throw new Error(`GET ${path} answered ${status}.`);
    for (let piece = 0; piece < repeats; piece += 1) await reader.read();
    await reader.cancel();
  }

  for (const path of ['/', '/healthz', '/readyz', '/metrics', '/openapi.json', '/docs']) {
    await request(shop.url, 'GET', path);
    used.add(`GET ${path}`);
  }
  await request(shop.url, 'GET', '/media/kitchen-1.svg');
  used.add('GET /media/{file}');

  // Reading. What has filters or words is planned each time, so once is enough.
  if (customPlansToo) {
    for (const sort of sorts) {
      for (const filter of filters) await pages(`/api/products?limit=20&sort=${sort}&${filter}`);
      for (const q of sortedSearches) await pages(`/api/products?limit=20&q=${encodeURIComponent(q)}&sort=${sort}`);
    }
    for (const filter of ['', ...filters]) {
      for (const q of searches) await pages(`/api/products?limit=20&q=${encodeURIComponent(q)}&${filter}`);
    }
    const [known] = await shop.db`select email, left(name, 4) as begin from customers where deleted_at is null limit 1`;
    for (const q of [known?.email, known?.begin, 'a', 'nobody at all']) {
      await pages(`/api/customers?limit=20&q=${encodeURIComponent(String(q))}`, admin);
    }
    await pages(`/api/customers?limit=20&email=${encodeURIComponent(String(known?.email))}`, admin);
    await pages(`/api/customers?limit=20&includeDeleted=true&email=${encodeURIComponent(String(known?.email))}`, admin);
    await pages('/api/customers?limit=20&includeDeleted=true&q=nobody', admin);
    await pages('/api/customers?limit=20&includeDeleted=true', admin);
    const [sold] = await shop.db`select product_id as id from order_items limit 1`;
    await pages(`/api/stock-changes?limit=2&productId=${sold?.id}`, admin);
    const [event] =
      await shop.db`select subject_id as subject, actor_id as actor from audit_events where actor_id is not null limit 1`;
    for (const by of ['action=customer.created', `subjectId=${event?.subject}`, `actorId=${event?.actor}`]) {
      await pages(`/api/audit-events?limit=2&${by}`, admin);
      if (!by.startsWith('action')) await pages(`/api/audit-events?limit=2&${by}&action=customer.created`, admin);
    }
  }
  // A limit of its own keeps each answer out of the cache.
  for (let limit = 2; limit < 2 + repeats; limit += 1) {
    for (const sort of sorts) await pages(`/api/products?limit=${limit}&sort=${sort}`);
    await pages(`/api/customers?limit=${limit}`, admin);
    await pages(`/api/sessions?limit=${limit}`, admin);
    await pages(`/api/audit-events?limit=${limit}`, admin);
    await pages(`/api/stock-changes?limit=${limit}`, admin);
    await pages(`/api/keys?limit=${limit}`, admin);
    const [buyer] = await shop.db`select customer_id as id from orders where status = 'delivered' limit 1`;
    for (const status of ['', ...statuses]) {
      for (const customer of ['', buyer?.id]) {
        for (const includeDeleted of ['', '&includeDeleted=true']) {
          const more = `${status && `&status=${status}`}${customer && `&customerId=${customer}`}${includeDeleted}`;
          await pages(`/api/orders?limit=${limit}${more}`, admin);
        }
      }
    }
    for (const state of customPlansToo ? ['', ...outboxStates] : ['']) {
      await pages(`/api/mails?limit=${limit}${state && `&state=${state}`}`, admin);
      if (customPlansToo)
        await pages(`/api/mails?limit=${limit}&customerId=${buyer?.id}${state && `&state=${state}`}`, admin);
    }
    const [order] = await shop.db`select id from orders where status = 'delivered' order by id limit 1`;
    await ask('GET', `/api/mails?orderId=${order?.id}`, { token: admin });
    if (customPlansToo) await ask('GET', `/api/mails?orderId=${order?.id}&state=sent&limit=${limit}`, { token: admin });
    await ask('GET', `/api/orders/${order?.id}`, { token: admin });
  }

  // Accounts.
  const [product] = await shop.db`select id from products where deleted_at is null and stock > 200 order by id limit 1`;
  for (let time = 0; time < repeats; time += 1) {
    const { id, token, email, password } = await registerCustomer(shop.url);
    await ask('GET', `/api/customers/${id}`, { token });
    await ask('PUT', `/api/customers/${id}`, { token, body: { name: 'Ada', email, phone: '+4912345678' } });
    await ask('PATCH', `/api/customers/phone/${id}`, { token, body: { phone: null } });
    // From elsewhere each time, because an address may not ask so often.
    const headers = { 'X-Forwarded-For': `2001:db8::${time}:${randomUUID().slice(0, 4)}:0:0:0` };
    await ask('POST', '/api/auth/email/send-verification', { token, headers }, 202);
    const verification = { token: await newestToken(shop.db, 'email_verification', id) };
    await ask('POST', '/api/auth/email/verify', { body: verification }, 204);
    const newEmail = `${randomUUID()}@example.com`;
    await ask('PATCH', `/api/customers/email/${id}`, { token, body: { email: newEmail } });
    await ask('POST', '/api/auth/password/forgot', { body: { email: newEmail }, headers }, 202);
    const reset = { token: await newestToken(shop.db, 'password_reset', id), newPassword: password };
    await ask('POST', '/api/auth/password/reset', { body: reset }, 204);
    const ownToken = await signIn(shop.url, { email: newEmail, password });
    const passwords = { currentPassword: password, newPassword: 'another secret' };
    await ask('POST', '/api/auth/password', { token: ownToken, body: passwords }, 204);
    const newToken = await signIn(shop.url, { email: newEmail, password: passwords.newPassword });

    // A second factor, with a sign-in by a code and one by a recovery code.
    const credentials = { email: newEmail, password: passwords.newPassword };
    const proof = { currentPassword: passwords.newPassword };
    const { secret } = await ask<{ secret: string }>('POST', '/api/auth/totp', { token: newToken, body: proof });
    const body = { code: totpCode(secret) };
    const confirmed = await ask<{ recoveryCodes: string[] }>('POST', '/api/auth/totp/confirm', {
      token: newToken,
      body,
    });
    const [firstCode = '', secondCode = ''] = confirmed.recoveryCodes;
    for (const code of [totpCode(secret, 1), firstCode]) {
      await ask('POST', '/api/auth/login', { body: { ...credentials, code } });
    }
    await ask('POST', '/api/auth/totp/remove', { token: newToken, body: { ...proof, code: secondCode } }, 204);

    // Orders of it: one is cancelled, restored, and deleted while it runs, one deleted after it was cancelled.
    await pages('/api/orders?limit=2', newToken);
    await pages('/api/orders?limit=2&status=pending', newToken);
    const items = [{ productId: String(product?.id), quantity: 1 }];
    const key = { 'Idempotency-Key': randomUUID() };
    const order = await placeOrder(shop.url, newToken, items, key);
    await placeOrder(shop.url, newToken, items, key);
    await ask('GET', `/api/orders/${order.id}`, { token: newToken });
    await pages(`/api/orders?number=${order.number}&limit=1`, newToken);
    await pages(`/api/orders?number=${order.number}&limit=1`, admin);
    const shippingAddress = { name: 'Ada', line1: '12 St James’s Square', city: 'London', country: 'GB' };
    const addressed = { items, shippingAddress, note: 'Ring twice.' };
    const { id: sent } = await ask<{ id: string }>('POST', '/api/orders', { token: newToken, body: addressed }, 201);
    await ask('PATCH', `/api/orders/address/${sent}`, { token: newToken, body: { shippingAddress: null } });
    await ask('PATCH', `/api/orders/hold/${sent}`, { token: admin, body: { reason: 'Why' } });
    await ask('PATCH', `/api/orders/release/${sent}`, { token: admin });
    for (const status of ['processing', 'shipped', 'delivered']) {
      await ask('PATCH', `/api/orders/status/${sent}`, { token: admin, body: { status } });
    }
    await ask('PATCH', `/api/orders/cancel/${order.id}`, { token: newToken });
    await ask('PATCH', `/api/orders/restore/${order.id}`, { token: newToken });
    const other = await placeOrder(shop.url, newToken, items);
    await ask('PATCH', `/api/orders/cancel/${other.id}`, { token: newToken });
    for (const { id } of [order, other]) {
      await makeOld(shop.db, id);
      await ask('DELETE', `/api/orders/${id}`, { token: newToken }, 204);
    }
    const lost = await signIn(shop.url, { email: newEmail, password: passwords.newPassword });
    await ask('DELETE', `/api/sessions/${claimsOf(lost).sid}`, { token: newToken }, 204);
    const left = await signIn(shop.url, { email: newEmail, password: passwords.newPassword });
    await ask('POST', '/api/auth/logout', { token: left }, 204);
    await ask('POST', `/api/customers/${id}/sign-out`, { token: newToken }, 204);
    // An admin's, because that takes the most to be closed.
    await shop.db`update customers set role = 'admin' where id = ${id}`;
    await ask('DELETE', `/api/customers/${id}`, { token: admin }, 204);
    await ask('PATCH', `/api/customers/restore/${id}`, { token: admin });
    await ask('GET', `/api/customers/${id}/export`, { token: admin });
    await ask('POST', `/api/customers/${id}/erase`, { token: admin }, 204);
  }
  used.add('POST /api/auth/register').add('POST /api/auth/login').add('POST /api/orders');

  // Keys, of which one reads an order.
  for (let time = 0; time < repeats; time += 1) {
    const body = { name: 'Warehouse', scopes: ['orders:read'] };
    const { id, key } = await ask<{ id: string; key: string }>('POST', '/api/keys', { token: admin, body }, 201);
    await ask('GET', '/api/orders?limit=1', { token: key });
    await ask('DELETE', `/api/keys/${id}`, { token: admin }, 204);
  }

  // The catalogue.
  for (let time = 0; time < repeats; time += 1) {
    const body = { name: 'Enamel mug', priceCents: 1_299, stock: 10 };
    const { id } = await ask<{ id: string }>('POST', '/api/products', { token: admin, body }, 201);
    await ask('GET', `/api/products/${id}`);
    await ask('PUT', `/api/products/${id}`, { token: admin, body: { ...body, stock: 11 } });
    const booking = { productId: id, change: -1, reason: 'count' };
    const headers = { 'Idempotency-Key': randomUUID() };
    await ask('POST', '/api/stock-changes', { token: admin, body: booking, headers }, 201);
    const sku = randomUUID();
    for (const more of [{ stock: 1 }, { stockChange: 1 }]) {
      const items = [{ name: 'Enamel mug', priceCents: 'stock' in more ? 100 : 101, sku, ...more }];
      const keyed = { 'Idempotency-Key': randomUUID() };
      await ask('POST', '/api/products/batch', { token: admin, body: { items }, headers: keyed });
    }
    const day = new Date().toISOString().slice(0, 10);
    await ask('GET', `/api/reports/sales?from=${day}&to=${day}`, { token: admin });
    if (time === 0) {
      await beginExport('/api/exports/products');
      await beginExport('/api/exports/orders', `&from=${day}`);
    }
    await ask('DELETE', `/api/products/${id}`, { token: admin }, 204);
    await ask('PATCH', `/api/products/restore/${id}`, { token: admin });
  }

  // Webhooks, whose receiver takes what it is sent, then refuses it: what is owed is given up when they are disabled.
  const receiver = await startReceiver();
  for (let time = 0; time < repeats; time += 1) {
    const body = { url: receiver.url, events: ['webhook.test'] };
    const { id } = await ask<{ id: string }>('POST', '/api/webhooks', { token: admin, body }, 201);
    await pages(`/api/webhooks?limit=${2 + time}`, admin);
    await ask('GET', `/api/webhooks/${id}`, { token: admin });
    await ask('PUT', `/api/webhooks/${id}`, { token: admin, body });
    await ask('POST', `/api/webhooks/${id}/secret`, { token: admin });
    const [known] = await shop.db`select webhook_id as id from webhook_deliveries order by id limit 1`;
    for (const filter of customPlansToo ? ['', 'state=failed', `webhookId=${known?.id}`] : ['']) {
      await pages(`/api/webhook-deliveries?limit=${2 + time}&${filter}`, admin);
    }
    if (customPlansToo)
      await pages(`/api/webhook-deliveries?limit=${2 + time}&webhookId=${known?.id}&state=sent`, admin);
    receiver.become(204);
    const sent = await ask<{ id: string }>('POST', `/api/webhooks/${id}/test`, { token: admin }, 202);
    await eventually(() => shop.db`select 1 from webhook_deliveries where id = ${sent.id} and state = 'sent'`);
    receiver.become(500);
    await ask('POST', `/api/webhooks/${id}/test`, { token: admin }, 202);
    const tested = await eventually(async () => {
      const [row] =
        await shop.db`select id from webhook_deliveries where webhook_id = ${id} and attempts > 0 and state = 'queued'`;
      return row;
    });
    await shop.db`update webhooks set disabled_at = now() where id = ${id}`;
    await eventually(() => shop.db`select 1 from webhook_deliveries where id = ${tested.id} and state = 'failed'`);
    await ask('POST', `/api/webhook-deliveries/${tested.id}/send`, { token: admin });
    await ask('POST', '/api/failed-webhook-deliveries/send', { token: admin });
    await ask('DELETE', `/api/webhooks/${id}`, { token: admin }, 204);
  }
  await receiver.stop();

  // Mail that fails for good, and is sent again one by one and all at once.
  shop.mail.become({ refuseWith: 550 });
  const failedIds = await failSomeMails(shop);
  shop.mail.become('accept');
  for (const id of failedIds.slice(0, repeats)) await ask('POST', `/api/mails/${id}/send`, { token: admin });
  for (let time = 0; time < repeats; time += 1) await ask('POST', '/api/failed-mails/send', { token: admin });

  // What is due moves on, and old records go. The status is asked for twice, because the worker may be moving one on.
  await shop.db`update orders set next_status_at = now()
    where status = 'shipped' and id in (select id from orders where status = 'shipped' order by id limit 20)`;
  await eventually(
    async () => {
      const [due] = await shop.db`select count(*)::int as count from orders where next_status_at <= now()`;
      const [unsent] = await shop.db`select count(*)::int as count from mails where state <> 'sent'`;
      return due?.count === 0 && unsent?.count === 0;
    },
    { withinMs: 20_000 },
  );
  const { db, close } = openDatabase(recordedUrl, { poolSize: 1, applicationName: 'test' });
  for (let time = 0; time < repeats; time += 1) {
    await withTransaction(db, pauseSchedule);
    const firstStepAt = await withTransaction(db, (tx) => firstStepAfterPause(tx, 1));
    if (firstStepAt)
      await withTransaction(db, (tx) =>
        resumeSchedule(tx, { firstStepAt, plannedBefore: 'stay', batchSizeMax: 1_000 }),
      );
    await withTransaction(db, (tx) => deleteOldIdempotencyRecords(tx, { batchSizeMax: 1_000 }));
    await withTransaction(db, (tx) => deleteOldCounts(tx, { batchSizeMax: 1_000 }));
    await withTransaction(db, (tx) => deleteExpiredSessions(tx, { batchSizeMax: 1_000 }));
    await withTransaction(db, (tx) => deleteOldRequests(tx, { batchSizeMax: 1_000 }));
    await withTransaction(db, (tx) => deleteOldDeliveries(tx, { batchSizeMax: 1_000 }));
    await withTransaction(db, (tx) => deleteLostDeliveries(tx, { batchSizeMax: 1_000 }));
    await withTransaction(db, (tx) => removeDeletedWebhooks(tx, { batchSizeMax: 1_000 }));
  }
  let batches = 0;
  for await (const found of stockMismatches((work) => withReader(db, work))) {
    if (found.length > 0) throw new Error(`The stock of ${found[0]?.id} does not add up.`);
    const closedMs = 3_650 * 86_400_000;
    const closed = await withReader(db, (reader) => findLongClosed(reader, { closedMs, except: [], limit: 100 }));
    await withTransaction(db, (tx) => eraseLongClosed(tx, closed[0] ?? crypto.randomUUID(), closedMs));
    batches += 1;
    if (batches === repeats) break;
  }
  // Two mails to one address that nobody has confirmed, of which one may go. Nothing of it is kept.
  const waiting = await shop.db<{ id: string }[]>`
    update mails set state = 'queued', due_at = now() + interval '1 day'
    where order_id = (
      select order_id from mails join orders on orders.id = order_id join customers on customers.id = orders.customer_id
      where email_verified_at is null group by order_id having count(*) > 1 limit 1)
    returning id`;
  const undone = new Error('Nothing of this is to stay.');
  for (let time = 0; time < repeats; time += 1) {
    const limited = withTransaction(db, async (tx) => {
      await keepToLimit(
        tx,
        waiting.map(({ id }) => id),
        1,
      );
      throw undone;
    });
    await limited.catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  }
  await shop.db`update mails set state = 'sent', due_at = null where id in ${shop.db(waiting.map(({ id }) => id))}`;
  await close(1_000);
  for (let time = 0; time < repeats; time += 1) await request(shop.url, 'GET', '/metrics');
  return used;
}

/** Makes mails of delivered orders and of accounts that the relays take up, and waits until the mail server has refused them. */
async function failSomeMails(shop: Shop): Promise<string[]> {
  const rows = await shop.db<{ id: string }[]>`
    update mails set state = 'queued', due_at = now(), sent_at = null
    where id in (select id from mails where state = 'sent' order by id limit 12)
      or id in (select id from mails where state = 'sent' and kind <> 'order_status' order by id desc limit 2)
    returning id`;
  const ids = rows.map(({ id }) => id);
  await eventually(
    async () => {
      const [failed] = await shop.db`
        select count(*)::int as count from mails where state = 'failed' and id = any(${ids}::uuid[])`;
      return failed?.count === ids.length;
    },
    { withinMs: 20_000 },
  );
  return ids;
}

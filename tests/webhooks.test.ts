import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { OrderBody } from '../src/schema/orders.ts';
import type { ProductBody } from '../src/schema/products.ts';
import type { StockChangeBody } from '../src/schema/stock-changes.ts';
import { type DeliveryBody, eventTypes, type WebhookBody } from '../src/schema/webhooks.ts';
import { freePort } from '../standalone/ports.ts';
import { openAccount, openAdmin } from './support/accounts.ts';
import { root } from './support/app-process.ts';
import { type Account, admin, request, signInAdmin } from './support/client.ts';
import { readDocument } from './support/document.ts';
import { bringTo, makeOld } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';
import { createWebhookClient, type ListOf, type Message, verify } from './support/webhooks.ts';

let shop: Shop;
let strictUrl: string;
let adminToken: string;
let customer: Account;
const receivers: Receiver[] = [];

const callers = () => ({ url: shop.url, customerToken: customer.token, adminToken });
const { place, cancel, restore, remove, product } = createShopClient(
  (method, path, options) => request(shop.url, method, path, options),
  callers,
);
const webhooks = createWebhookClient(callers);
const asAdmin = webhooks.ask;

beforeAll(async () => {
  // Nobody waits for retries: what is to be tried again is made due.
  shop = await startShop({ env: { WEBHOOK_TARGETS: 'any' } });
  strictUrl = (await shop.startApi({ WEBHOOK_TARGETS: 'public' })).url;
  adminToken = await signInAdmin(shop.url);
  customer = await openAccount(shop);
});

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.stop()));
  await shop.db`update webhooks set deleted_at = now() where deleted_at is null`;
});

afterAll(() => shop.stop());

async function receive(): Promise<Receiver> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  return receiver;
}

/** Lets the pause before the next attempt pass. */
const letPausePass = (webhookId: string) =>
  shop.db`update webhook_deliveries set due_at = now() where webhook_id = ${webhookId} and state = 'queued'`;

/** Makes three days of what a webhook has taken nothing for. */
async function letThreeDaysPass(webhookId: string): Promise<void> {
  await shop.db`update webhooks set failing_since = failing_since - interval '72 hours 1 minute' where id = ${webhookId}`;
  await shop.db`
    update webhook_deliveries set created_at = created_at - interval '72 hours 1 minute' where webhook_id = ${webhookId}`;
}

/** The only delivery of a webhook, once it is in a state. */
const onlyDelivery = (webhookId: string, state: DeliveryBody['state'], attempts?: number) =>
  eventually(async () => {
    const [delivery, ...others] = await webhooks.deliveries(webhookId);
    expect(others).toEqual([]);
    expect(delivery).toMatchObject({ state, ...(attempts === undefined ? {} : { attempts }) });
    return delivery;
  });

describe('POST /api/webhooks', () => {
  describe('when it makes one', () => {
    test('shows its secret, once', async () => {
      const body = { url: 'https://example.com/hook?a=b', events: ['order.shipped', '*'], description: 'Warehouse' };
      const {
        status,
        headers,
        body: made,
      } = await asAdmin<WebhookBody & { secret: string }>('POST', '/api/webhooks', {
        body,
      });
      expect(status).toBe(201);
      expect(headers.get('Location')).toBe(`/api/webhooks/${made.id}`);
      const { secret, ...webhook } = made;
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(webhook).toEqual({
        ...body,
        id: expect.any(String),
        disabledAt: null,
        createdAt: expect.any(String),
        updatedAt: webhook.createdAt,
      } as WebhookBody);
      expect(await webhooks.read(made.id)).toEqual(webhook);
      const list = await asAdmin<ListOf<WebhookBody>>('GET', '/api/webhooks');
      expect(list.body.data).toEqual([webhook]);
      expect(list.headers.get('Cache-Control')).toMatch(/private|no-store/);
    });
  });

  describe('when its URL leads into the network', () => {
    test.each([
      ...['http://example.com/', 'https://127.0.0.1/', 'https://2130706433/', 'https://0x7f.1/', 'https://0177.0.0.1/'],
      ...['https://127.0.0.1./', 'https://[::1]/', 'https://[::ffff:10.0.0.1]/', 'https://169.254.169.254/latest'],
      ...['https://localhost/', 'https://a.localhost./', 'https://user:pass@example.com/', 'https://user@example.com/'],
    ])('refuses %s, in a change, too', async (url) => {
      const { id } = await webhooks.add('https://example.com/');
      for (const [method, path] of [
        ['POST', '/api/webhooks'],
        ['PUT', `/api/webhooks/${id}`],
      ] as const) {
        const answer = await request(strictUrl, method, path, { token: adminToken, body: { url, events: ['*'] } });
        expectProblem(answer, 422, 'validation_failed');
        expect(answer.body).toMatchObject({ errors: [{ path: 'url' }] });
      }
      expect((await webhooks.read(id)).url).toBe('https://example.com/');
    });
  });

  describe('when its body is not valid', () => {
    test.each([
      [{ events: ['*'] }, 'url'],
      [{ url: 'https://example.com/' }, 'events'],
      [{ url: 'https://example.com/', events: [] }, 'events'],
      [{ url: 'https://example.com/', events: ['*', '*'] }, 'events'],
      [{ url: 'https://example.com/', events: ['order.lost'] }, 'events.0'],
      [{ url: 'https://example.com/', events: ['*'], secret: 'whsec_mine' }, 'secret'],
      [{ url: 'https://example.com/', events: ['*'], description: 'x'.repeat(501) }, 'description'],
      [{ url: `https://example.com/${'x'.repeat(2_048)}`, events: ['*'] }, 'url'],
      [{ url: 'file:///etc/passwd', events: ['*'] }, 'url'],
    ])('says what is wrong with %j', async (body, path) => {
      const answer = await asAdmin('POST', '/api/webhooks', { body });
      expectProblem(answer, 422, 'validation_failed');
      expect(answer.body).toMatchObject({ errors: [{ path }] });
    });
  });
});

describe('the list of webhooks', () => {
  describe('when it is walked', () => {
    test('has each of them once, newest first', async () => {
      const made = [];
      for (let count = 0; count < 5; count += 1) made.push((await webhooks.add('https://example.com/')).id);
      const walked: string[] = [];
      let cursor = '';
      do {
        const query = `?limit=2${cursor && `&cursor=${cursor}`}`;
        const { body } = await asAdmin<ListOf<WebhookBody>>('GET', `/api/webhooks${query}`);
        expect(body.pagination.totalItems).toBe(5);
        walked.push(...body.data.map(({ id }) => id));
        cursor = body.pagination.nextCursor ?? '';
      } while (cursor);
      expect(walked).toEqual(made.toReversed());
    });
  });
});

describe('an event', () => {
  describe('when an order goes its way', () => {
    test('is sent for each status that it enters, signed, with no more than the order itself', async () => {
      const receiver = await receive();
      const { id: webhookId, secret } = await webhooks.add(`${receiver.url}/hook`, [
        'order.pending',
        'order.processing',
        'order.cancelled',
      ]);
      const { body: order } = await place([{ productId: (await product()).id, quantity: 2 }]);
      await bringTo(shop.db, order.id, 'processing');
      await cancel(order.id);
      await restore(order.id);
      const messages = await eventually(() => {
        const all = receiver.events.map((event) => verify(event, secret));
        return all.length === 4 && all;
      });
      const told = (status: string, run: number) => ({
        type: `order.${status}`,
        timestamp: expect.any(String),
        data: {
          id: order.id,
          number: order.number,
          customerId: customer.id,
          status,
          run,
          totalCents: 2 * 1_299,
          currency: 'USD',
        },
      });
      const inOrder = messages.toSorted((a, b) => a.timestamp.localeCompare(b.timestamp));
      expect(inOrder).toEqual([told('pending', 1), told('processing', 1), told('cancelled', 1), told('pending', 2)]);
      expect(inOrder[0]?.timestamp).toBe(order.createdAt);
      // The id of each is that of its delivery.
      const deliveries = await eventually(async () => {
        const all = await webhooks.deliveries(webhookId, '&state=sent');
        return all.length === 4 && all;
      });
      expect(receiver.events.map(({ headers }) => headers['webhook-id'] ?? '').toSorted()).toEqual(
        deliveries.map(({ id }) => id).toSorted(),
      );
      for (const delivery of deliveries) {
        expect(delivery).toEqual({
          id: delivery.id,
          webhookId,
          type: delivery.type,
          state: 'sent',
          attempts: 1,
          lastError: null,
          createdAt: expect.any(String),
          nextAttemptAt: null,
          sentAt: expect.any(String),
        });
      }
    });

    test('is sent when deleting cancels it, and not when it is cancelled already', async () => {
      const receiver = await receive();
      await webhooks.add(receiver.url, ['order.cancelled']);
      const { id: productId } = await product();
      const orders: OrderBody[] = [];
      for (let count = 0; count < 2; count += 1) orders.push((await place([{ productId, quantity: 1 }])).body);
      const [running, cancelled] = orders.map(({ id }) => id);
      await cancel(cancelled ?? '');
      for (const { id } of orders) {
        await makeOld(shop.db, id);
        expect((await remove(id)).status).toBe(204);
      }
      await eventually(() => receiver.events.length === 2);
      expect(receiver.events.map(({ body }) => (JSON.parse(body) as Message).data.id).toSorted()).toEqual(
        [running, cancelled].toSorted(),
      );
    });
  });

  describe('when staff move, hold and release an order', () => {
    test('is sent for the status that it enters, as by the schedule, and for nothing else', async () => {
      const receiver = await receive();
      const { id: webhookId } = await webhooks.add(receiver.url);
      const { id: productId } = await product();
      const { body: order } = await place([{ productId, quantity: 1 }]);
      const shipment = { carrier: 'Post', trackingNumber: '1' };
      expect((await asAdmin('PATCH', `/api/orders/hold/${order.id}`, { body: { reason: 'Fraud?' } })).status).toBe(200);
      expect((await asAdmin('PATCH', `/api/orders/release/${order.id}`)).status).toBe(200);
      for (const status of ['processing', 'processing', 'shipped', 'shipped'] as const) {
        const body = status === 'shipped' ? { status, ...shipment } : { status };
        expect((await asAdmin('PATCH', `/api/orders/status/${order.id}`, { body })).status).toBe(200);
      }
      const body = { status: 'shipped', trackingNumber: '2' };
      expect((await asAdmin('PATCH', `/api/orders/status/${order.id}`, { body })).status).toBe(200);
      await webhooks.test(webhookId);
      await eventually(() => receiver.of('webhook.test').length === 1);
      const types = (await webhooks.deliveries(webhookId)).map(({ type }) => type);
      expect(types.toSorted()).toEqual([
        'order.pending',
        'order.processing',
        'order.shipped',
        'product.created',
        'stock.changed',
        'webhook.test',
      ]);
      const shipped = await eventually(() => receiver.of('order.shipped')[0]);
      const data = { id: order.id, number: order.number, status: 'shipped', run: 1 };
      expect(JSON.parse(shipped.body)).toMatchObject({ data });
    });
  });

  describe('when a product changes', () => {
    test('is sent with the product as it is read, a change of stock as what was booked, and nothing for nothing', async () => {
      const receiver = await receive();
      const { secret } = await webhooks.add(receiver.url);
      const made = await product({ name: 'Mug', description: 'x' });
      const path = `/api/products/${made.id}`;
      const put = (body: object) =>
        asAdmin<ProductBody>('PUT', path, { body: { name: 'Mug', description: 'x', priceCents: 1_299, ...body } });
      await put({ stock: 11 });
      await put({ stock: 11 });
      const { body: updated } = await put({ stock: 12, name: 'Cup' });
      await asAdmin('DELETE', path);
      const { body: deleted } = await asAdmin<ProductBody>('GET', path);
      const { body: restored } = await asAdmin<ProductBody>('PATCH', `/api/products/restore/${made.id}`);
      const booking = { productId: made.id, change: -2, reason: 'damaged', note: 'Wet' };
      const { body: booked } = await asAdmin<StockChangeBody>('POST', '/api/stock-changes', { body: booking });
      await eventually(() => receiver.events.length === 8);
      const { body: bookings } = await asAdmin<ListOf<StockChangeBody>>(
        'GET',
        `/api/stock-changes?productId=${made.id}`,
      );
      const messages = receiver.events.map((event) => verify(event, secret));
      const of = (type: string) => messages.filter((message) => message.type === type).map(({ data }) => data);
      const asRead = (body: ProductBody) => ({ ...body });
      expect(of('product.created')).toEqual([asRead(made)]);
      expect(of('product.updated')).toEqual([asRead(updated)]);
      expect(of('product.deleted')).toEqual([asRead(deleted)]);
      expect(of('product.restored')).toEqual([asRead(restored)]);
      expect(bookings.data[0]).toEqual(booked);
      const byId = (one: { id?: unknown }, other: { id?: unknown }) => String(one.id).localeCompare(String(other.id));
      expect(of('stock.changed').toSorted(byId)).toEqual(bookings.data.toSorted(byId));
    });
  });

  describe('when it is refused', () => {
    test('is owed to nobody', async () => {
      const receiver = await receive();
      const { id } = await webhooks.add(receiver.url);
      const { id: productId } = await product({ stock: 1 });
      expect((await place([{ productId, quantity: 2 }])).status).toBe(409);
      await eventually(() => receiver.of('product.created').length === 1);
      const booking = { productId, change: -2, reason: 'damaged' };
      expect((await asAdmin('POST', '/api/stock-changes', { body: booking })).status).toBe(409);
      const types = (await webhooks.deliveries(id)).map(({ type }) => type);
      expect(types.toSorted()).toEqual(['product.created', 'stock.changed']);
    });
  });

  describe('when it is described', () => {
    test('is as the OpenAPI document says, which has every type', async () => {
      const receiver = await receive();
      const { id } = await webhooks.add(receiver.url);
      const { body: order } = await place([{ productId: (await product()).id, quantity: 1 }]);
      await cancel(order.id);
      await webhooks.test(id);
      await eventually(() => receiver.events.length === 5);
      const document = await readDocument(shop.url);
      expect(Object.keys(document.webhooks).toSorted()).toEqual([...eventTypes].toSorted());
      const ajv = new Ajv2020({ strict: false, validateFormats: false });
      for (const { body } of receiver.events) {
        const message = JSON.parse(body) as Message;
        const schema = document.webhooks[message.type]?.post.requestBody.content['application/json'].schema;
        const valid = ajv.compile({ ...schema, components: document.components });
        expect({ type: message.type, valid: valid(message), errors: valid.errors }).toMatchObject({ valid: true });
      }
    });
  });
});

describe('the receiver of docs/webhooks.md', () => {
  describe('when it is sent to', () => {
    test('takes what is signed with its secret, and nothing else', async () => {
      const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/webhooks.md'), 'utf8')) ?? [];
      // Where packages are found.
      const file = join(root, 'node_modules/.cache', `receiver-${randomUUID()}.ts`);
      await Bun.write(file, code);
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/shop-events`;
      const [known, unknown] = [await webhooks.add(url, ['webhook.test']), await webhooks.add(url, ['webhook.test'])];
      const child = Bun.spawn([process.execPath, file], {
        env: { PORT: String(port), WEBHOOK_SECRET: known.secret },
        stdout: 'pipe',
        stderr: 'ignore',
      });
      try {
        await eventually(async () => (await fetch(url, { method: 'POST' })).status === 401);
        const { id } = await webhooks.test(known.id);
        await webhooks.test(unknown.id);
        await onlyDelivery(known.id, 'sent', 1);
        expect((await onlyDelivery(unknown.id, 'queued', 1)).lastError).toBe('answered 401: not signed by the shop');
        child.kill();
        const printed = await new Response(child.stdout).text();
        expect(printed.match(/webhook\.test/g)).toHaveLength(1);
        expect(printed).toContain(id);
      } finally {
        child.kill();
        rmSync(file);
      }
    });
  });
});

describe('POST /api/webhooks/:id/test', () => {
  describe('when it is asked for', () => {
    test('sends to that webhook alone, whatever its events', async () => {
      const [one, other] = [await receive(), await receive()];
      const { id, secret } = await webhooks.add(one.url, ['order.shipped']);
      await webhooks.add(other.url);
      const delivery = await webhooks.test(id);
      expect(delivery).toMatchObject({ webhookId: id, type: 'webhook.test', state: 'queued', attempts: 0 });
      const event = await eventually(() => one.events[0]);
      expect(verify(event, secret)).toEqual({ type: 'webhook.test', timestamp: delivery.createdAt, data: {} });
      expect(event.headers['webhook-id']).toBe(delivery.id);
      expect(other.events).toEqual([]);
    });
  });
});

describe('POST /api/webhooks/:id/secret', () => {
  describe('when it gives a new one', () => {
    test('has both sign for a day, and then the new one alone', async () => {
      const receiver = await receive();
      const { id, secret: first } = await webhooks.add(receiver.url);
      const { secret: second, ...webhook } = await webhooks.renew(id);
      expect(second).not.toBe(first);
      expect(webhook).toEqual(await webhooks.read(id));
      await webhooks.test(id);
      const event = await eventually(() => receiver.events[0]);
      for (const secret of [first, second]) verify(event, secret);
      expect(() => verify(event, `whsec_${Buffer.alloc(32).toString('base64')}`)).toThrow();

      await shop.db`update webhooks set previous_secret_until = now() where id = ${id}`;
      await webhooks.test(id);
      const later = await eventually(() => receiver.events[1]);
      verify(later, second);
      expect(() => verify(later, first)).toThrow();
    });
  });
});

describe('a delivery', () => {
  describe('when its receiver refuses it', () => {
    test('is tried again, as the same message, until it is taken', async () => {
      const receiver = await receive();
      receiver.become({ status: 500, body: 'Try\u0000 later' });
      const { id, secret } = await webhooks.add(receiver.url);
      const { id: deliveryId } = await webhooks.test(id);
      const refused = await onlyDelivery(id, 'queued', 1);
      expect(refused).toMatchObject({ lastError: 'answered 500: Try  later', sentAt: null });
      const pauseMs = Date.parse(refused.nextAttemptAt ?? '') - Date.parse(refused.createdAt);
      expect(pauseMs).toBeWithin(5_000, 30_000);
      receiver.become(200);
      await letPausePass(id);
      expect(await onlyDelivery(id, 'sent')).toMatchObject({ id: deliveryId, attempts: 2, lastError: null });
      const [first, second, ...others] = receiver.events;
      expect(others).toEqual([]);
      expect(first?.headers['webhook-id']).toBe(deliveryId);
      expect(second?.headers['webhook-id']).toBe(deliveryId);
      expect(second?.body).toBe(first?.body ?? '');
      for (const event of receiver.events) verify(event, secret);
    });

    test('waits as long as it is told to', async () => {
      const receiver = await receive();
      receiver.become({ status: 503, headers: { 'Retry-After': '3600' } });
      const { id } = await webhooks.add(receiver.url);
      await webhooks.test(id);
      const { nextAttemptAt } = await onlyDelivery(id, 'queued', 1);
      expect(Date.parse(nextAttemptAt ?? '') - Date.now()).toBeWithin(3_500_000, 3_601_000);
    });

    test('is given up after three days, until it is sent again, and has three days again then', async () => {
      const receiver = await receive();
      receiver.become({ status: 302, headers: { Location: '/elsewhere' } });
      const { id } = await webhooks.add(receiver.url);
      const { id: deliveryId } = await webhooks.test(id);
      await onlyDelivery(id, 'queued', 1);
      const send = `/api/webhook-deliveries/${deliveryId}/send`;
      expectProblem(await asAdmin('POST', send), 409, 'delivery_not_failed');
      await shop.db`
        update webhook_deliveries set created_at = created_at - interval '72 hours 1 minute' where webhook_id = ${id}`;
      await letPausePass(id);
      const failed = await onlyDelivery(id, 'failed', 2);
      expect(failed).toMatchObject({
        lastError: 'answered 302, and redirects are not followed',
        nextAttemptAt: null,
      });
      expect(receiver.events.map(({ path }) => path)).toEqual(['/', '/']);
      expect((await webhooks.read(id)).disabledAt).toBeNull();
      expect((await asAdmin('POST', send)).body).toMatchObject({ id: deliveryId, state: 'queued' });
      expect(await onlyDelivery(id, 'queued', 3)).toMatchObject({ lastError: failed.lastError });
      receiver.become(204);
      await letPausePass(id);
      await onlyDelivery(id, 'sent');
    });
  });

  describe('when all that failed are sent again', () => {
    test('goes with them, the oldest first, but to no disabled webhook', async () => {
      const receiver = await receive();
      const { id } = await webhooks.add(receiver.url);
      const { id: disabled } = await webhooks.add(receiver.url);
      await shop.db`update webhooks set disabled_at = now() where id = ${disabled}`;
      for (const webhookId of [id, disabled]) {
        await shop.db`
          insert into webhook_deliveries (webhook_id, type, subject_id, occurrence, data, state, created_at)
          select ${webhookId}, 'webhook.test', uuid_v7(), 1, '{}', 'failed', now() from generate_series(1, 3)`;
      }
      const again = () => asAdmin('POST', '/api/failed-webhook-deliveries/send');
      expect(await again()).toMatchObject({ status: 200, body: { queued: 3 } });
      await eventually(() => receiver.events.length === 3);
      expect((await again()).body).toEqual({ queued: 0 });
      expect((await webhooks.deliveries(disabled, '&state=failed')).length).toBe(3);
    });
  });

  describe('when they are listed', () => {
    test('are found by webhook and state, and refused filters are named', async () => {
      const receiver = await receive();
      const { id } = await webhooks.add(receiver.url);
      const { id: other } = await webhooks.add(receiver.url);
      await Promise.all([webhooks.test(id), webhooks.test(other)]);
      await onlyDelivery(id, 'sent');
      await onlyDelivery(other, 'sent');
      expect(await webhooks.deliveries(id, '&state=failed')).toEqual([]);
      expect(await webhooks.deliveries(randomUUID())).toEqual([]);
      expectProblem(await asAdmin('GET', '/api/webhook-deliveries?state=lost'), 422, 'validation_failed');
      expectProblem(await asAdmin('GET', '/api/webhook-deliveries?webhookId=1'), 422, 'validation_failed');
    });
  });
});

describe('a webhook', () => {
  const disabledMails = () => shop.mail.messages.filter(({ headers }) => headers['x-mail-kind'] === 'webhook_disabled');

  describe('when its receiver says that it is gone', () => {
    test('is disabled, what it is owed has failed, every admin is told once, and a PUT enables it', async () => {
      const receiver = await receive();
      receiver.become(503);
      const { id, url } = await webhooks.add(`${receiver.url}/secret-path`);
      for (let count = 0; count < 3; count += 1) await webhooks.test(id);
      await eventually(async () => {
        const deliveries = await webhooks.deliveries(id, '&state=queued');
        return deliveries.length === 3 && deliveries.some(({ attempts }) => attempts > 0);
      });
      const second = await openAdmin(shop);
      receiver.become(410);
      await letPausePass(id);
      await eventually(async () => (await webhooks.read(id)).disabledAt);
      await eventually(async () => (await webhooks.deliveries(id, '&state=failed')).length === 3);
      const mails = await eventually(() => disabledMails().length === 2 && disabledMails());
      expect(mails.map(({ to }) => to).toSorted()).toEqual([admin.email, second.email].toSorted());
      for (const mail of mails) {
        expect(mail.text).toContain(new URL(url).origin);
        expect(mail.text).toContain(id);
        expect(mail.text + mail.html).not.toContain('secret-path');
      }
      await eventually(async () => {
        const { body } = await asAdmin<ListOf<Record<string, unknown>>>('GET', '/api/mails?state=sent&limit=2');
        return body.data.length === 2 && body.data.every((mail) => mail.orderId === null && mail.status === null);
      });

      // What happens meanwhile is not owed, and a test fails as what is owed does.
      await product();
      await webhooks.test(id);
      await eventually(async () => (await webhooks.deliveries(id, '&state=failed')).length === 4);
      expect((await webhooks.deliveries(id)).length).toBe(4);

      receiver.become(204);
      expect(await webhooks.replace(id, url)).toMatchObject({ disabledAt: null });
      const [{ id: failedId = '' } = {}] = await webhooks.deliveries(id, '&state=failed');
      await asAdmin('POST', `/api/webhook-deliveries/${failedId}/send`);
      await eventually(async () => (await webhooks.deliveries(id, '&state=sent')).length === 1);
      expect((await webhooks.read(id)).disabledAt).toBeNull();
      await shop.db`update customers set role = 'customer' where id = ${second.id}`;
      expect(disabledMails()).toHaveLength(2);
    });
  });

  describe('when it has failed for three days', () => {
    test('is disabled once something is given up, but not after a success', async () => {
      const receiver = await receive();
      const [lost, fine] = [await webhooks.add(receiver.url), await webhooks.add(receiver.url)];
      receiver.become(500);
      for (const { id } of [lost, fine]) {
        await webhooks.test(id);
        await onlyDelivery(id, 'queued', 1);
        await letThreeDaysPass(id);
      }
      receiver.become(200);
      await letPausePass(fine.id);
      await onlyDelivery(fine.id, 'sent');
      receiver.become(500);
      await webhooks.test(fine.id);
      await letPausePass(lost.id);
      await onlyDelivery(lost.id, 'failed');
      expect((await webhooks.read(lost.id)).disabledAt).not.toBeNull();
      const newest = async () => (await webhooks.deliveries(fine.id))[0];
      await eventually(async () => (await newest())?.attempts === 1);
      await shop.db`
        update webhook_deliveries set created_at = created_at - interval '73 hours'
        where webhook_id = ${fine.id} and state = 'queued'`;
      await letPausePass(fine.id);
      await eventually(async () => {
        const all = await webhooks.deliveries(fine.id);
        return all.some(({ state }) => state === 'failed');
      });
      expect((await webhooks.read(fine.id)).disabledAt).toBeNull();
    });

    test('is not disabled by something new that fails, having been left alone since', async () => {
      const receiver = await receive();
      receiver.become(500);
      const { id } = await webhooks.add(receiver.url);
      await webhooks.test(id);
      await onlyDelivery(id, 'queued', 1);
      await letThreeDaysPass(id);
      await shop.db`delete from webhook_deliveries where webhook_id = ${id}`;
      await webhooks.test(id);
      await onlyDelivery(id, 'queued', 1);
      expect((await webhooks.read(id)).disabledAt).toBeNull();
    });
  });

  describe('when it has moved while a request was under way', () => {
    test('is not disabled for what its old address says', async () => {
      const [left, receiver] = [await receive(), await receive()];
      left.become({ status: 410, afterMs: 1_000 });
      const { id } = await webhooks.add(left.url);
      await webhooks.test(id);
      await eventually(() => left.open() === 1);
      await webhooks.replace(id, receiver.url);
      await onlyDelivery(id, 'failed', 1);
      expect((await webhooks.read(id)).disabledAt).toBeNull();
    });
  });

  describe('when it is deleted', () => {
    test('takes its deliveries along, and nothing more is sent', async () => {
      const receiver = await receive();
      receiver.become(500);
      const { id } = await webhooks.add(receiver.url);
      const { id: deliveryId } = await webhooks.test(id);
      await onlyDelivery(id, 'queued', 1);
      await webhooks.remove(id);
      expect(await webhooks.deliveries(id)).toEqual([]);
      expect((await asAdmin<ListOf<DeliveryBody>>('GET', '/api/webhook-deliveries')).body.data).not.toContainEqual(
        expect.objectContaining({ webhookId: id }),
      );
      for (const [method, path] of [
        ['GET', `/api/webhooks/${id}`],
        ['DELETE', `/api/webhooks/${id}`],
        ['POST', `/api/webhooks/${id}/test`],
        ['POST', `/api/webhooks/${id}/secret`],
        ['POST', `/api/webhook-deliveries/${deliveryId}/send`],
      ] as const) {
        expectProblem(await asAdmin(method, path), 404, 'not_found');
      }
      const put = { body: { url: receiver.url, events: ['*'] } };
      expectProblem(await asAdmin('PUT', `/api/webhooks/${id}`, put), 404, 'not_found');
      await letPausePass(id);
      await product();
      await eventually(async () => {
        const rows = await shop.db`select state from webhook_deliveries where webhook_id = ${id}`;
        return rows.length === 1 && rows[0]?.state === 'failed';
      });
      expect(receiver.events).toHaveLength(1);
    });
  });

  describe('when it is made, changed and deleted', () => {
    test('leaves who did so, and never a secret', async () => {
      const { id, secret } = await webhooks.add('https://example.com/', ['*'], 'one');
      await webhooks.replace(id, 'https://example.com/', ['order.shipped']);
      const { secret: second } = await webhooks.renew(id);
      await webhooks.test(id);
      await webhooks.remove(id);
      const { body } = await asAdmin<ListOf<{ action: string; changes: object; subject: object; actor: object }>>(
        'GET',
        `/api/audit-events?subjectId=${id}`,
      );
      expect(body.data.map(({ action }) => action).toReversed()).toEqual([
        'webhook.created',
        'webhook.updated',
        'webhook.secret_changed',
        'webhook.deleted',
      ]);
      expect(body.data[1]).toMatchObject({ changes: { secret: {} }, subject: { kind: 'webhook', id } });
      expect(body.data[2]?.changes).toEqual({
        events: { from: '["*"]', to: '["order.shipped"]' },
        description: { from: 'one', to: null },
      });
      for (const hidden of [secret, second]) expect(JSON.stringify(body)).not.toContain(hidden.slice(6));
      expect(shop.output()).not.toContain('whsec_');
    });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mailOutbox } from '../src/domain/outbox/kinds.ts';
import type { MailBody } from '../src/schema/mails.ts';
import type { OrderBody } from '../src/schema/orders.ts';
import {
  type Account,
  createProduct,
  placeOrder,
  type RequestOptions,
  registerCustomer,
  request,
  signInAdmin,
} from './support/client.ts';
import type { ReceivedMail } from './support/mail-sink.ts';
import { bringTo, mailsOf } from './support/orders.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

let shop: Shop;
let adminToken: string;
let customer: Account;

beforeAll(async () => {
  shop = await startShop();
  adminToken = await signInAdmin(shop.url);
  customer = await registerConfirmed();
});

afterEach(() => shop.mail.become('accept'));

afterAll(() => shop.stop());

/** A customer whose mails may name them, because somebody has confirmed the address. */
async function registerConfirmed(given: { name?: string } = {}): Promise<Account> {
  const account = await registerCustomer(shop.url, given);
  await shop.db`update customers set email_verified_at = now() where id = ${account.id}`;
  return account;
}

function asAdmin<Body>(method: string, path: string, options: RequestOptions = {}) {
  return request<Body>(shop.url, method, path, { token: adminToken, ...options });
}

async function place(
  buyer: Account = customer,
  given: { name?: string; priceCents?: number } = {},
): Promise<OrderBody> {
  const { id } = await createProduct(shop.url, adminToken, given);
  return placeOrder(shop.url, buyer.token, [{ productId: id, quantity: 2 }]);
}

const messagesOf = (orderId: string) => shop.mail.messages.filter(({ headers }) => headers['x-order-id'] === orderId);

/** What has come for an order once the outbox says that nothing is left to send. */
function untilAllSent(orderId: string): Promise<ReceivedMail[]> {
  return eventually(async () => {
    const unsent = await shop.db`select 1 from mails where order_id = ${orderId} and state <> 'sent'`;
    return unsent.length === 0 && messagesOf(orderId);
  });
}

async function onlyMessageOf(orderId: string): Promise<ReceivedMail> {
  const messages = await untilAllSent(orderId);
  expect(messages).toHaveLength(1);
  return messages[0] as ReceivedMail;
}

async function mailOf(orderId: string): Promise<MailBody> {
  const { body } = await asAdmin<{ data: MailBody[] }>('GET', `/api/mails?orderId=${orderId}`);
  expect(body.data).toHaveLength(1);
  return body.data[0] as MailBody;
}

const untilMailIs = (state: MailBody['state'], orderId: string) =>
  eventually(async () => {
    const mail = await mailOf(orderId);
    return mail.state === state && mail;
  });

describe('the mails of an order', () => {
  describe('when it goes through its statuses', () => {
    test('come once for each status of each run, each with its headers', async () => {
      const order = await place(customer, { name: 'Enamel mug', priceCents: 1_234_567 });
      await request(shop.url, 'PATCH', `/api/orders/cancel/${order.id}`, { token: customer.token });
      await request(shop.url, 'PATCH', `/api/orders/restore/${order.id}`, { token: customer.token });
      await bringTo(shop.db, order.id, 'delivered');
      const expected = ['1 pending', '1 cancelled', '2 pending', '2 processing', '2 shipped', '2 delivered'];
      expect(await mailsOf(shop.db, order.id)).toEqual(expected);

      const messages = await untilAllSent(order.id);
      const labels = messages.map(({ headers }) => `${headers['x-order-run']} ${headers['x-order-status']}`);
      expect(labels.sort()).toEqual(expected.toSorted());
      for (const { to, headers, subject, html, text } of messages) {
        expect(to).toBe(customer.email);
        expect(headers.from).toBe('Shop <shop@example.com>');
        expect(headers['message-id']).toMatch(/^<[^\s<>@]+@example\.com>$/);
        expect(subject).not.toBe('');
        expect(headers['x-order-number']).toBe(order.number);
        for (const part of [html, text]) {
          expect(part).toContain('Enamel mug');
          expect(part).toContain('24,691.34');
          expect(part).toContain(order.number);
          expect(part).toContain(customer.name);
        }
        expect(html).toStartWith('<!doctype html>');
      }
      const different = (values: (string | undefined)[]) => new Set(values).size;
      expect(different(messages.map(({ headers }) => headers['message-id']))).toBe(6);
      expect(different(messages.map(({ subject }) => subject))).toBe(5);
    });
  });

  describe('when the commit that records them takes a while', () => {
    test('go out right after it, before any relay takes them up', async () => {
      const commitMs = 500;
      await shop.db.unsafe(`
        create function dawdle() returns trigger language plpgsql
          as 'begin perform pg_sleep(${commitMs / 1_000}); return null; end';
        create constraint trigger slow_commit after insert on mails
          deferrable initially deferred for each row execute function dawdle()`);
      const order = await place();
      await bringTo(shop.db, order.id, 'processing');
      await request(shop.url, 'PATCH', `/api/orders/cancel/${order.id}`, { token: customer.token });
      await shop.db.unsafe('drop trigger slow_commit on mails; drop function dawdle');
      expect(await untilAllSent(order.id)).toHaveLength(3);
      const delays = await shop.db<{ ms: number }[]>`
        select extract(epoch from sent_at - created_at)::float8 * 1000 as ms from mails where order_id = ${order.id}`;
      for (const { ms } of delays) expect(ms).toBeWithin(commitMs, mailOutbox.handoverMs);
    });
  });

  describe('when nobody has confirmed the address', () => {
    test('do not name the account', async () => {
      const ada = await registerCustomer(shop.url, { name: 'Visit pills.example' });
      const { id } = await place(ada);
      const { headers, html, text } = await onlyMessageOf(id);
      expect(headers.to).toBe(ada.email);
      for (const part of [html, text, ...Object.values(headers)]) expect(part).not.toContain('pills');
      expect(text).toContain('\nHello,\n');
    });
  });

  describe('when names hold markup', () => {
    test('show it as text', async () => {
      const ada = await registerConfirmed({ name: 'Ada <script>alert(1)</script>' });
      const { id } = await place(ada, { name: '<b>Mug</b> & "Co" \'s' });
      const { html, text } = await onlyMessageOf(id);
      expect(html).not.toMatch(/<script|<b>/);
      expect(html).toContain('Ada &lt;script&gt;');
      expect(html).toContain('&lt;b&gt;Mug&lt;/b&gt; &amp;');
      expect(text).toContain('Ada <script>alert(1)</script>');
      expect(text).toContain('<b>Mug</b> & "Co" \'s');
    });
  });

  describe('when names hold what addresses are made of', () => {
    test.each([
      'Ada, Countess <evil@example.com>',
      '"Ada" <evil@example.com>',
      'evil@example.com; other@example.com',
      'Ada (evil@example.com)',
      'Ädä 李 🛒',
      'a'.repeat(100),
    ])('go to the customer alone: %s', async (name) => {
      const ada = await registerConfirmed({ name });
      const { id } = await place(ada);
      const { to, text, headers } = await onlyMessageOf(id);
      expect(to).toBe(ada.email);
      expect(text).toContain(name);
      for (const header of ['cc', 'bcc', 'reply-to']) expect(headers).not.toHaveProperty(header);
    });
  });

  describe('when names hold line breaks', () => {
    test.each(['Ada\r\nBcc: evil@example.com', 'Ada\nBcc: evil@example.com', 'Ada\rX: y'])(
      'are refused at the door: %j',
      async (name) => {
        const body = { name, email: 'ada@example.com', password: 'open sesame' };
        expectProblem(await request(shop.url, 'POST', '/api/auth/register', { body }), 422, 'validation_failed');
        const product = { name, priceCents: 1, stock: 1 };
        expectProblem(await asAdmin('POST', '/api/products', { body: product }), 422, 'validation_failed');
      },
    );

    test('gain no header from them, should they have come in another way', async () => {
      const ada = await registerConfirmed();
      shop.mail.become({ refuseWith: 451 });
      const { id } = await place(ada);
      const injection = 'Ada\r\nBcc: evil@example.com\r\nX-Order-Run: 7';
      await shop.db`update customers set name = ${injection} where id = ${ada.id}`;
      await eventually(async () => {
        const refused = await shop.db`select 1 from mails where order_id = ${id} and last_error is not null`;
        return refused.length > 0;
      });
      shop.mail.become('accept');
      const { to, headers } = await onlyMessageOf(id);
      expect(to).toBe(ada.email);
      expect(headers).not.toHaveProperty('bcc');
      expect(headers['x-order-run']).toBe('1');
    });
  });
});

describe('what the mails of an order say', () => {
  const shippingAddress = {
    name: 'Grace <b>Hopper</b>',
    line1: '12 St James’s Square',
    line2: 'Second floor',
    city: 'London',
    region: 'Greater London',
    postalCode: 'SW1Y 4JH',
    country: 'GB',
  };
  const note = 'Ring twice.\n<i>Thank you</i>';
  const tracked = { carrier: 'DHL <u>', trackingNumber: 'JD0146', trackingUrl: 'https://dhl.example/?a=1&b="2"' };

  async function shipped(buyer: Account): Promise<{ order: OrderBody; mails: ReceivedMail[] }> {
    const { id: productId } = await createProduct(shop.url, adminToken);
    const body = { items: [{ productId, quantity: 1 }], shippingAddress, note };
    const order = (await request<OrderBody>(shop.url, 'POST', '/api/orders', { token: buyer.token, body })).body;
    for (const step of [{ status: 'processing' }, { status: 'shipped', ...tracked }, { status: 'delivered' }]) {
      await asAdmin('PATCH', `/api/orders/status/${order.id}`, { body: step });
      // A mail is written from the order as it is then.
      await untilAllSent(order.id);
    }
    return { order, mails: await untilAllSent(order.id) };
  }

  describe('when somebody has confirmed the address', () => {
    test('is number, name, address and note in each, and the shipment once it is on its way', async () => {
      const { order, mails } = await shipped(await registerConfirmed({ name: 'Grace Hopper' }));
      expect(mails).toHaveLength(4);
      for (const { text, html, headers } of mails) {
        const isShipped = headers['x-order-status'] === 'shipped';
        expect(headers.to).toStartWith('Grace Hopper <');
        for (const said of ['Hello Grace Hopper,', order.number, ...Object.values(shippingAddress).slice(1, -1)]) {
          expect(text).toContain(said);
          expect(html).toContain(said);
        }
        expect(text).toContain('Grace <b>Hopper</b>\n');
        expect(text).toContain('  SW1Y 4JH London\n  Greater London\n  United Kingdom\n');
        expect(text).toContain('  Ring twice.\n  <i>Thank you</i>\n');
        expect(html).toContain('Grace &lt;b&gt;Hopper&lt;/b&gt;');
        expect(html).toContain('Ring twice.\n&lt;i&gt;Thank you&lt;/i&gt;');
        expect(html).not.toMatch(/<[biu]>/);
        expect(text.includes('DHL <u> JD0146')).toBe(isShipped);
        expect(text.includes(tracked.trackingUrl)).toBe(isShipped);
        expect(html.includes('DHL &lt;u&gt; JD0146')).toBe(isShipped);
        expect(html.includes('href="https://dhl.example/?a=1&amp;b=&quot;2&quot;"')).toBe(isShipped);
      }
    });
  });

  describe('when nobody has', () => {
    test('is nothing that the account wrote, in no part of the message, but number and shipment', async () => {
      const stranger = await registerCustomer(shop.url, { name: 'Grace Hopper' });
      const { order, mails } = await shipped(stranger);
      expect(mails).toHaveLength(4);
      for (const { text, html, headers } of mails) {
        const all = [text, html, ...Object.values(headers)].join('\n');
        for (const written of [...Object.values(shippingAddress).slice(0, -1), 'Grace', 'Hopper', 'Ring', 'Kingdom']) {
          expect([written, all.includes(written)]).toEqual([written, false]);
        }
        expect(headers.to).toBe(stranger.email);
        expect(text).toContain('Hello,');
        expect(text).toContain(order.number);
        expect(text.includes('JD0146')).toBe(headers['x-order-status'] === 'shipped');
      }
    });
  });
});

describe('the mails of a shop in Budapest', () => {
  describe('when its domain is not ASCII and its currency has minor units that nobody uses', () => {
    test('name its domain in ASCII, and write amounts as ISO 4217 has it', async () => {
      const from = '"Müllers, Bolt" <shop@müller.test>';
      const other = await startShop({ env: { MAIL_FROM: from, CURRENCY: 'HUF' } });
      try {
        const ada = await registerCustomer(other.url, { email: "o'neil&sons/ada=1@xn--e1afmkfd.xn--p1ai" });
        await other.db`update customers set email_verified_at = now()`;
        const mug = await createProduct(other.url, await signInAdmin(other.url), { priceCents: 62_500 });
        const { id } = await placeOrder(other.url, ada.token, [{ productId: mug.id, quantity: 2 }]);
        const { headers, text } = await eventually(() => other.mail.messages[0]);
        expect(headers['message-id']).toBe(`<${id}.1.pending@xn--mller-kva.test>`);
        expect(headers.from).toEndWith('<shop@xn--mller-kva.test>');
        expect(headers.to).toBe(`Ada Lovelace <${ada.email}>`);
        expect(text).toContain('HUF\u00a01,250.00');
      } finally {
        await other.stop();
      }
    });
  });
});

describe('a mail that the server refuses', () => {
  describe('when it says 4xx', () => {
    test('is tried again within 5 s, then after at most twice as long, and sent once', async () => {
      const before = shop.mail.attempts();
      shop.mail.become({ refuseWith: 451 });
      const { id } = await place();
      const triedAt: number[] = [];
      for (const attempt of [1, 2, 3]) {
        if (attempt === 3) shop.mail.become('accept');
        await eventually(() => shop.mail.attempts() >= before + attempt);
        triedAt.push(Date.now());
      }
      const [first = 0, second = 0, third = 0] = triedAt;
      const noiseMs = 500;
      expect(second - first).toBeWithin(0, 5_000 + givenLoad(noiseMs));
      expect(third - second).toBeWithin(0, 2 * (second - first) + givenLoad(noiseMs));
      await onlyMessageOf(id);
      expect(await mailOf(id)).toMatchObject({ state: 'sent', attempts: 3, lastError: null, nextAttemptAt: null });
    });
  });

  describe('when it says 5xx', () => {
    test('is given up, visible to admins, and sent on demand', async () => {
      shop.mail.become({ refuseWith: 550 });
      const { id } = await place();
      const failed = await untilMailIs('failed', id);
      expect(failed).toMatchObject({ orderId: id, run: 1, status: 'pending', attempts: 1, nextAttemptAt: null });
      expect(failed.lastError).toContain('550');
      const { body: list } = await asAdmin<{ data: MailBody[] }>('GET', '/api/mails?state=failed');
      expect(list.data).toContainEqual(failed);

      shop.mail.become('accept');
      const { status, body } = await asAdmin<MailBody>('POST', `/api/mails/${failed.id}/send`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: failed.id, state: 'queued' });
      await onlyMessageOf(id);
      expect(await untilMailIs('sent', id)).toMatchObject({ attempts: 2, lastError: null, sentAt: expect.any(String) });
      expectProblem(await asAdmin('POST', `/api/mails/${failed.id}/send`), 409, 'mail_not_failed');
      expect(messagesOf(id)).toHaveLength(1);
    });
  });

  describe('when it has done so for a day', () => {
    test('is given up, and visible to admins; sent again, it has a day again', async () => {
      shop.mail.become({ refuseWith: 451 });
      const { id } = await place();
      await shop.db`update mails set created_at = created_at - interval '25 hours' where order_id = ${id}`;
      const failed = await untilMailIs('failed', id);
      expect(failed).toMatchObject({ nextAttemptAt: null });
      for (const path of [`/api/mails/${failed.id}/send`, '/api/failed-mails/send']) {
        await shop.db`update mails set state = 'failed', due_at = null, deferred_until = null where order_id = ${id}`;
        const { attempts } = await mailOf(id);
        expect((await asAdmin('POST', path)).status).toBe(200);
        await eventually(async () => {
          const mail = await mailOf(id);
          return mail.state === 'queued' && mail.attempts > attempts;
        });
      }
    });
  });
});

describe('the outbox of mails', () => {
  describe('when a status is recorded a second time in the same run', () => {
    test('refuses the row', async () => {
      const { id } = await place();
      const second = shop.db`
        insert into mails (order_id, run, status, created_at) values (${id}, 1, 'pending', now())`;
      await expect(Promise.resolve(second)).rejects.toMatchObject({
        code: '23505',
        constraint_name: 'mails_order_run_status_key',
      });
    });
  });

  describe('when an admin asks for what there is not', () => {
    test('answers 404, and 422 to a state that is none', async () => {
      const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';
      expectProblem(await asAdmin('POST', `/api/mails/${nowhere}/send`), 404, 'not_found');
      expectProblem(await asAdmin('POST', '/api/mails/mug/send'), 404, 'not_found');
      expectProblem(await asAdmin('GET', '/api/mails?state=lost'), 422, 'validation_failed');
    });
  });

  describe('when anyone else asks', () => {
    test('answers 403 to a customer, 401 to nobody', async () => {
      const order = await place();
      const mail = await mailOf(order.id);
      for (const [method, path] of [
        ['GET', '/api/mails'],
        ['POST', `/api/mails/${mail.id}/send`],
      ] as const) {
        expectProblem(await request(shop.url, method, path, { token: customer.token }), 403, 'forbidden');
        expectProblem(await request(shop.url, method, path), 401, 'unauthenticated');
      }
    });
  });
});

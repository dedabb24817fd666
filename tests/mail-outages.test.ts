import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { once } from 'node:events';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { OrderBody } from '../src/schema/orders.ts';
import { type Account, createProduct, placeOrder, registerCustomer, signInAdmin } from './support/client.ts';
import { bringTo } from './support/orders.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

type Buyer = { shop: Shop; account: Account; productId: string };

async function openBuyer(shop: Shop): Promise<Buyer> {
  const account = await registerCustomer(shop.url);
  const { id } = await createProduct(shop.url, await signInAdmin(shop.url), { stock: 1_000 });
  return { shop, account, productId: id };
}

function place({ shop, account, productId }: Buyer, count: number): Promise<OrderBody[]> {
  const items = [{ productId, quantity: 1 }];
  return Promise.all(Array.from({ length: count }, () => placeOrder(shop.url, account.token, items)));
}

/** The Message-IDs of an order's mails, in the order of their arrival. */
function messageIds({ mail }: Shop, orderId: string): (string | undefined)[] {
  const headers = mail.messages.map((message) => message.headers).filter((each) => each['x-order-id'] === orderId);
  return headers.map((each) => each['message-id']);
}

const untilSent = ({ db }: Shop, orders: OrderBody[], withinMs: number) =>
  eventually(
    async () => {
      const ids = orders.map(({ id }) => id);
      const unsent = await db`select 1 from mails where order_id in ${db(ids)} and state <> 'sent'`;
      return unsent.length === 0;
    },
    { withinMs },
  );

const untilTried = ({ db }: Shop, orders: OrderBody[]) =>
  eventually(async () => {
    const ids = orders.map(({ id }) => id);
    const untried = await db`select 1 from mails where order_id in ${db(ids)} and last_error is null`;
    return untried.length === 0;
  });

describe('mails', () => {
  let shop: Shop;
  let buyer: Buyer;

  beforeAll(async () => {
    shop = await startShop({ workers: 2 });
    buyer = await openBuyer(shop);
  });

  afterEach(() => shop.mail.become('accept'));

  afterAll(() => shop.stop());

  const expectEachOnce = (orders: OrderBody[]) => {
    for (const { id } of orders) expect(messageIds(shop, id)).toHaveLength(1);
  };

  describe('when the mail server is down for a while', () => {
    test('are all sent once when it is back', async () => {
      await shop.mail.link.cut();
      const orders = await place(buyer, 15);
      await untilTried(shop, orders);
      await shop.mail.link.restore();
      await untilSent(shop, orders, 15_000);
      expectEachOnce(orders);
    });
  });

  describe('when the mail server falls silent in mid-message', () => {
    test('are given up there and sent once', async () => {
      shop.mail.become('hang');
      const orders = await place(buyer, 3);
      await untilTried(shop, orders);
      shop.mail.become('accept');
      await untilSent(shop, orders, 20_000);
      expectEachOnce(orders);
    });
  });

  describe('when the mail server takes one, but the answer is lost', () => {
    test('are sent again under the same Message-ID, until the answer comes', async () => {
      const before = shop.mail.messages.length;
      shop.mail.become('accept unheard');
      const [order] = await place(buyer, 1);
      await eventually(() => shop.mail.messages.length > before, { everyMs: 1 });
      shop.mail.become('accept');
      await untilSent(shop, order ? [order] : [], 15_000);
      const [first, ...others] = messageIds(shop, order?.id ?? '');
      expect(others).toEqual([first]);
    });
  });

  describe('when Postgres goes away between the sending and the record of it', () => {
    test('are sent once', async () => {
      shop.mail.link.hang();
      const orders = await place(buyer, 3);
      const ids = orders.map(({ id }) => id);
      await eventually(async () => {
        const sending = await shop.db`select 1 from mails where order_id in ${shop.db(ids)} and state = 'sending'`;
        return sending.length === orders.length;
      });
      const mails = await shop.db<{ id: string }[]>`select id from mails where order_id in ${shop.db(ids)}`;
      const mailIds = mails.map(({ id }) => id);
      await shop.postgresLink.cut();
      await shop.mail.link.restore();
      await eventually(() => ids.every((id) => messageIds(shop, id).length === 1));
      // Until a first try has failed for each of them.
      await eventually(
        () => {
          const untold = shop.log().filter(({ msg }) => msg === 'mail sent but not yet recorded');
          return mailIds.every((id) => untold.some(({ mailId }) => mailId === id));
        },
        { withinMs: 10_000 },
      );
      await shop.postgresLink.restore();
      await untilSent(shop, orders, 15_000);
      expectEachOnce(orders);
    });
  });

  describe('when Redis is wiped while they wait', () => {
    test('are all sent once, and orders go on', async () => {
      await shop.mail.link.cut();
      const orders = await place(buyer, 10);
      await shop.redis.flushdb();
      await shop.mail.link.restore();
      await untilSent(shop, orders, 20_000);
      expectEachOnce(orders);
      const [order] = orders;
      await bringTo(shop.db, order?.id ?? '', 'processing');
      await untilSent(shop, orders, 15_000);
      expect(messageIds(shop, order?.id ?? '')).toHaveLength(2);
    });
  });
});

describe('a mail', () => {
  describe('when its worker is killed while it sends', () => {
    test('is sent once, by another worker, within 30 s', async () => {
      const shop = await startShop();
      try {
        const buyer = await openBuyer(shop);
        shop.mail.become('hang');
        const orders = await place(buyer, 3);
        await eventually(() => shop.mail.attempts() === orders.length);
        await shop.worker(0).kill();
        const killedAt = Date.now();
        shop.mail.become('accept');
        await shop.startWorker();
        await untilSent(shop, orders, 29_000);
        expect(Date.now() - killedAt).toBeLessThan(givenLoad(30_000));
        for (const { id } of orders) expect(messageIds(shop, id)).toHaveLength(1);
      } finally {
        await shop.stop();
      }
    });
  });
});

/** A mail server that bears three connections; `opened` is how many it has, and `taken` the mails that it took. */
async function startSmallServer(more: (opened: () => number) => SMTPServerOptions) {
  const sockets = new Set<string>();
  let taken = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (session, done) => {
      sockets.add(session.id);
      done();
    },
    onClose: (session) => void sockets.delete(session.id),
    onData: (stream, _session, done) => {
      stream.resume().on('end', () => {
        taken += 1;
        done();
      });
    },
    ...more(() => sockets.size),
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as { port: number };
  const close = () => new Promise<void>((resolve) => server.close(resolve));
  return { url: `smtp://127.0.0.1:${port}?tls=never`, taken: () => taken, close };
}

describe('forty mails', () => {
  const busy = Object.assign(new Error('4.3.2 Too many connections'), { responseCode: 432 });

  describe('when the mail server bears three connections', () => {
    test.each<[string, (opened: () => number) => SMTPServerOptions]>([
      ['turns more away with 421', () => ({ maxClients: 3 })],
      [
        'answers 432 to all while more are open',
        (opened) => ({ onMailFrom: (_address, _session, done) => done(opened() > 3 ? busy : null) }),
      ],
    ])(
      'and %s › are delivered within a minute, each once',
      async (_how, more) => {
        const server = await startSmallServer(more);
        const shop = await startShop({ workers: 0, env: { SMTP_URL: server.url } });
        try {
          const orders = await place(await openBuyer(shop), 40);
          await shop.startWorker();
          await untilSent(shop, orders, 60_000);
          expect(server.taken()).toBe(40);
        } finally {
          await shop.stop();
          await server.close();
        }
      },
      90_000,
    );
  });
});

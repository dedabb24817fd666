// Plays a whole purchase through the client package, in a shop that is brought up for it and leaves nothing behind.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { createClient, type Order, type Product, type ShopClient, unwrap } from '../clients/typescript/src/index.ts';
import { type DemoShop, openDemoShop } from './demo-shop.ts';
import { stopWithParent } from './parent.ts';

const deliveryTimeoutMs = 20_000;
const mailsTimeoutMs = 10_000;
const pollMs = 100;
const mailLinesShown = 3;

/** What the mail catcher tells of its mails, as far as it matters here. */
const caughtMailsSchema = z.array(
  z.object({
    subject: z.string(),
    text: z.string(),
    headers: z.object({
      'message-id': z.string(),
      'x-mail-kind': z.string(),
      'x-order-id': z.string().optional(),
      'x-order-status': z.string().optional(),
    }),
  }),
);

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stopping.abort());
// npm passes no signal on: all that shows is that it is gone.
if (process.env.npm_lifecycle_event !== undefined) stopWithParent(process.ppid);

// Everything is on this machine, but fetch would ask the proxy that an environment names even so.
for (const name of ['HTTP_PROXY', 'http_proxy']) delete process.env[name];

try {
  const startedMs = Date.now();
  await run(stopping.signal);
  const seconds = ((Date.now() - startedMs) / 1_000).toFixed(1);
  console.log(`\nAll eight steps in ${seconds} s. Nothing of this shop is left; npm start opens one that stays.`);
} catch (error) {
  // Ctrl-C reaches other programs, too, and their end may be known before it is.
  await sleep(0);
  if (stopping.signal.aborted) {
    console.error('\nInterrupted. Nothing of this shop is left.');
    process.exit(130);
  }
  console.error(`\nThe demo has failed: ${reasonOf(error)}`);
  process.exit(1);
}
process.exit(0);

async function run(stop: AbortSignal): Promise<void> {
  await using running = new AsyncDisposableStack();
  step(1, 'A shop comes up');
  const shop = await openDemoShop(running);
  try {
    await Promise.race([buy(shop), shop.broken, untilAborted(stop)]);
  } catch (error) {
    if (!stop.aborted) for (const complaint of shop.complaints()) console.error(complaint);
    throw error;
  }
}

async function untilAborted(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await once(stop, 'abort');
  stop.throwIfAborted();
}

async function buy({ url, mailUrl, untilReady }: DemoShop): Promise<void> {
  await untilReady();
  say(`Postgres, a mail catcher, the API on ${url} and the worker, all for this purchase alone.`);
  const visitor = createClient(url);
  const account = await register(visitor);
  const token = await signIn(visitor, account);
  const customer = createClient(url, { token });
  await confirm(visitor, customer, mailUrl);
  const products = await browse(visitor, url);
  const order = await placeOrder(customer, products);
  const delivered = await watch(customer, order);
  await readMails(mailUrl, delivered);
  await leave(customer, visitor, { ...account, id: order.customerId });
}

async function register(visitor: ShopClient) {
  step(2, 'Register');
  const account = { email: 'ada@example.com', password: 'correct horse battery' };
  const customer = await unwrap(visitor.api.auth.register.$post({ json: { name: 'Ada Lovelace', ...account } }));
  assert.equal(customer.email, account.email, 'The account has another address.');
  say(`${customer.name} <${customer.email}> is customer ${customer.id}.`);
  return account;
}

async function signIn(visitor: ShopClient, account: { email: string; password: string }): Promise<string> {
  step(3, 'Sign in');
  const { token, expiresAt, customer } = await unwrap(visitor.api.auth.login.$post({ json: account }));
  assert.equal(customer.email, account.email, 'Somebody else has been signed in.');
  say(`${customer.name} has a bearer token that is good until ${expiresAt}.`);
  return token;
}

/** Shows that the address is theirs, with what a mail brings there. */
async function confirm(visitor: ShopClient, customer: ShopClient, mailUrl: string): Promise<void> {
  await unwrap(customer.api.auth.email['send-verification'].$post());
  const deadline = Date.now() + mailsTimeoutMs;
  let token: string | undefined;
  while (token === undefined) {
    assert(Date.now() < deadline, 'There is no mail to confirm the address with.');
    await sleep(pollMs);
    const mail = (await caughtMails(mailUrl)).find(({ headers }) => headers['x-mail-kind'] === 'email_verification');
    token = /^[\w-]{64}$/m.exec(mail?.text ?? '')?.[0];
  }
  await unwrap(visitor.api.auth.email.verify.$post({ json: { token } }));
  say('The address is confirmed, with the token that a mail has brought there.');
}

/** Answers two products. */
async function browse(visitor: ShopClient, url: string): Promise<Product[]> {
  step(4, 'Browse');
  const cheapest = await unwrap(visitor.api.products.$get({ query: { inStock: true, sort: 'priceCents', limit: 3 } }));
  assert.equal(cheapest.data.length, 3, 'The catalogue is too small.');
  say(`${cheapest.pagination.totalItems} products are in stock, the cheapest of them:`);
  for (const product of cheapest.data) say(`  ${money(product.priceCents, product.currency)}  ${product.name}`);

  const found = await unwrap(visitor.api.products.$get({ query: { inStock: true, q: 'coff', limit: 2 } }));
  assert.equal(found.data.length, 2, 'The search has found too little.');
  say(`"coff" finds ${found.pagination.totalItems}, best first:`);
  for (const product of found.data) say(`  ${money(product.priceCents, product.currency)}  ${product.name}`);

  const [best] = found.data;
  const [tag] = best?.tags ?? [];
  const [image] = best?.images ?? [];
  assert(best?.sku && tag && image, 'The first of them has no SKU, no tag or no picture.');
  const alike = await unwrap(visitor.api.products.$get({ query: { tag, limit: 1 } }));
  const picture = await fetch(url + image.url);
  assert.equal(picture.status, 200, 'Its picture is not there.');
  say(
    `The first is ${best.sku}, one of ${alike.pagination.totalItems} with the tag "${tag}"; its picture is ${image.url}.`,
  );
  return found.data;
}

async function placeOrder(customer: ShopClient, products: Product[]): Promise<Order> {
  step(5, 'Order');
  const items = products.map(({ id }) => ({ productId: id, quantity: 1 }));
  // With a key of its own, a request whose answer got lost can be sent again.
  const header = { 'Idempotency-Key': crypto.randomUUID() };
  const shippingAddress = { name: 'Ada Lovelace', line1: '12 St James’s Square', city: 'London', country: 'GB' };
  const place = () => customer.api.orders.$post({ header, json: { items, shippingAddress } });

  const order = await unwrap(place());
  assert.equal(order.status, 'pending', 'The order does not begin at its beginning.');
  say(`Order ${order.number} over ${money(order.totalCents, order.currency)} is ${order.status}.`);

  const repeat = await place();
  assert.equal(repeat.headers.get('Idempotent-Replayed'), 'true', 'The repeat was not recognised.');
  assert.deepEqual(await unwrap(repeat), order, 'The repeat has another answer.');
  say('The same request once more gets the same answer (Idempotent-Replayed: true), and no second order.');

  const found = await unwrap(customer.api.orders.$get({ query: { number: order.number.toLowerCase() } }));
  const ids = found.data.map(({ id }) => id);
  assert.deepEqual(ids, [order.id], 'The order is not found by its number.');
  say(`It is found by "${order.number.toLowerCase()}" and goes to ${order.shippingAddress?.city}.`);

  const tooMuch = items.map((item) => ({ ...item, quantity: 1_000 }));
  const refusal = await customer.api.orders.$post({ json: { items: tooMuch } });
  assert(refusal.status === 409, 'More has been sold than there is.');
  // The status tells the types of the bodies apart, so this one is a problem document.
  const { code, detail } = await refusal.json();
  assert.equal(code, 'insufficient_stock', 'The refusal has another reason.');
  say(`A thousand of each would be too many: ${refusal.status} ${code}, "${detail}"`);
  return order;
}

/** Follows an order to its end. */
async function watch(customer: ShopClient, { id }: Order): Promise<Order> {
  step(6, 'Watch the order change');
  const deadline = Date.now() + deliveryTimeoutMs;
  let shown = 0;
  for (;;) {
    const order = await unwrap(customer.api.orders[':id'].$get({ param: { id } }));
    for (const { status, at } of order.history.slice(shown)) say(`${at}  ${status}`);
    shown = order.history.length;
    if (order.nextStatusAt === null) {
      const statuses = order.history.map(({ status }) => status);
      assert.deepEqual(statuses, ['pending', 'processing', 'shipped', 'delivered'], 'The order took another way.');
      return order;
    }
    assert(Date.now() < deadline, `The order is still ${order.status}.`);
    sayMeanwhile(`the next status is due in ${secondsUntil(order.nextStatusAt)} s`);
    await sleep(pollMs);
  }
}

async function readMails(mailUrl: string, { id, number, history }: Order): Promise<void> {
  step(7, 'Read the mails');
  const deadline = Date.now() + mailsTimeoutMs;
  const caughtOfOrders = async () =>
    (await caughtMails(mailUrl)).filter(({ headers }) => headers['x-mail-kind'] === 'order_status');
  let mails = await caughtOfOrders();
  while (mails.length < history.length) {
    assert(Date.now() < deadline, `There are ${mails.length} mails for ${history.length} statuses.`);
    sayMeanwhile(`${mails.length} of ${history.length} mails are here`);
    await sleep(pollMs);
    mails = await caughtOfOrders();
  }
  assert.equal(mails.length, history.length, 'There are more mails than statuses.');
  for (const { status } of history) {
    const mail = mails.find(({ headers }) => headers['x-order-id'] === id && headers['x-order-status'] === status);
    assert(mail, `There is no mail for ${status}.`);
    assert(mail.text.includes(number), 'The mail does not speak of the order by its number.');
    say(`${mail.subject} (Message-ID: ${mail.headers['message-id']})`);
    for (const line of mail.text.split('\n').filter(Boolean).slice(0, mailLinesShown)) say(`  | ${line.trim()}`);
  }
}

/** Takes all that is held along, and has the rest erased. */
async function leave(
  customer: ShopClient,
  visitor: ShopClient,
  { id, email, password }: { id: string; email: string; password: string },
): Promise<void> {
  step(8, 'Leave');
  const held = await unwrap(customer.api.customers[':id'].export.$get({ param: { id } }));
  assert.equal(held.customer.email, email, 'The export is somebody else’s.');
  assert.equal(held.orders.length, 1, 'The export has another number of orders.');
  say(
    `The export holds ${held.orders.length} order, ${held.sessions.length} session and ${held.auditEvents.length} event.`,
  );

  const erased = await customer.api.customers[':id'].erase.$post({
    param: { id },
    json: { currentPassword: password },
  });
  assert(erased.status === 204, 'The person was not erased.');
  const refused = await visitor.api.auth.login.$post({ json: { email, password } });
  assert(refused.status === 401, 'Somebody who was erased can sign in.');
  say('Name, address and password are gone; the order stays, and belongs to nobody who could be named.');
}

async function caughtMails(mailUrl: string) {
  const response = await fetch(`${mailUrl}/api/email`);
  return caughtMailsSchema.parse(await response.json());
}

function step(number: number, title: string): void {
  console.log(`\n${number}. ${title}`);
}

/** Prints a line, over the passing one if there is one. */
function say(line: string): void {
  console.log(`${process.stdout.isTTY ? '\r\x1b[K' : ''}   ${line}`);
}

/** Shows a line until the next one, on a terminal only. */
function sayMeanwhile(line: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K   ${line}`);
}

function money(cents: number, currency: string): string {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).format(cents / 100);
}

function secondsUntil(time: string): string {
  return Math.max(0, (Date.parse(time) - Date.now()) / 1_000).toFixed(1);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import type { CustomerBody } from '../../../src/schema/customers.ts';
import {
  type Account,
  admin,
  createProduct,
  placeOrder,
  registerCustomer,
  request,
  signInAdmin,
} from '../../support/client.ts';
import { type Shop, startShop } from '../../support/shop.ts';
import { eventually } from '../../support/wait.ts';
import { openBrowser, openTab, signIn, type Tab, untilShown } from '../browser.ts';

let shop: Shop;
let browser: Browser;
let tab: Tab;
let page: Page;
let adminToken: string;

beforeAll(async () => {
  [shop, browser] = await Promise.all([startShop({ env: { WEBHOOK_TARGETS: 'any' } }), openBrowser()]);
  adminToken = await signInAdmin(shop.url);
  tab = await openTab(browser);
  page = tab.page;
  await page.goto(`${shop.url}/console`);
  await signIn(page, admin);
  await untilShown(page, 'Today');
});

afterAll(async () => {
  await browser?.close();
  await shop?.stop();
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
const confirm = (name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
const untilSaid = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();

async function open(path: string, heading: string): Promise<void> {
  await page.goto(`${shop.url}/console${path}`);
  await untilShown(page, heading);
}

/** What the shop answers to somebody, by status and code. */
async function asked(method: string, path: string, token: string): Promise<string> {
  const { status, body } = await request<{ code?: string } | null>(shop.url, method, path, { token });
  return [status, body?.code].filter(Boolean).join(' ');
}

describe('The console › keys', () => {
  test('from making one to revoking it › shows it once, and it does what its scopes say', async () => {
    await open('/keys', 'Keys');
    await page.getByLabel('Name').fill('Warehouse');
    await button('Make the key').click();
    await page.getByText('Too small').waitFor();
    await page.getByLabel('Stock, write').check();
    await page.getByLabel('Works until').fill('2020-01-01T00:00');
    await button('Make the key').click();
    await page.getByText('must be in the future').waitFor();
    await page.getByLabel('Works until').fill('2099-01-01T00:00');
    await button('Make the key').click();
    const key = await page.getByLabel(/^The key\./).inputValue();
    expect(await asked('GET', '/api/stock-changes', key)).toBe('200');
    expect(await asked('GET', '/api/orders', key)).toBe('403 missing_scope');
    await button('I have it').click();
    expect(await page.content()).not.toContain(key);
    await button('Revoke').click();
    await confirm('Revoke');
    await untilSaid('does not work any more');
    expect(await asked('GET', '/api/stock-changes', key)).toBe('401 unauthenticated');
  });
});

describe('The console › webhooks', () => {
  test('from adding one to deleting it › tells what was sent, and why it failed', async () => {
    const answers: number[] = [];
    const receiver = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => {
        const status = answers.length === 0 ? 500 : 200;
        answers.push(status);
        return new Response(null, { status });
      },
    });
    await open('/webhooks/new', 'New webhook');
    await page.getByLabel('URL').fill('not a URL');
    await button('Add').click();
    await eventually(async () => (await page.getByLabel('URL').getAttribute('aria-invalid')) === 'true');
    await page.getByLabel('URL').fill(`http://127.0.0.1:${receiver.port}/`);
    await page.getByLabel('Order shipped').check();
    await button('Add').click();
    expect(await page.getByLabel('The secret that deliveries are signed with').inputValue()).toMatch(/^whsec_/);
    await button('I have it').click();
    await untilShown(page, 'Webhook');
    await button('Send a test').click();
    await untilSaid('A test is on its way');
    await eventually(() => answers.length > 1);
    await page.getByRole('link', { name: 'What it was sent' }).click();
    await untilShown(page, 'Webhook deliveries');
    await eventually(async () => {
      await page.reload();
      await untilShown(page, 'Webhook deliveries');
      return (await page.getByRole('row', { name: /webhook\.test/ }).textContent())?.includes('sent');
    });
    await page.goBack();
    await button('New secret').click();
    await confirm('New secret');
    expect(await page.getByLabel('The new secret').inputValue()).toMatch(/^whsec_/);
    await button('Delete').click();
    await confirm('Delete');
    await untilShown(page, 'Webhooks');
    await page.getByText('Nobody is told of what happens here.').waitFor();
    await receiver.stop(true);
  });
});

describe('The console › customers', () => {
  const read = async ({ id }: Account) =>
    (await request<CustomerBody>(shop.url, 'GET', `/api/customers/${id}`, { token: adminToken })).body;

  test('found by their name › are changed, signed out, deleted and restored', async () => {
    const customer = await registerCustomer(shop.url, { name: 'Katherine Johnson' });
    await open('/customers', 'Customers');
    await page.getByLabel('Begins with').fill('kath');
    await button('Show').click();
    await page.getByRole('link', { name: 'Katherine Johnson' }).click();
    await untilShown(page, 'Katherine Johnson');
    await page.getByLabel('Telephone').fill('0151');
    await button('Save').click();
    await page.getByText('must be E.164').waitFor();
    await page.getByLabel('Telephone').fill('+4915112345678');
    await button('Save').click();
    await untilSaid('is saved');
    expect((await read(customer)).phone).toBe('+4915112345678');
    await button('Sign out everywhere').click();
    await confirm('Sign out everywhere');
    await untilSaid('is signed out everywhere');
    expect(await asked('GET', '/api/sessions', customer.token)).toBe('401 unauthenticated');
    await button('Delete').click();
    await confirm('Delete');
    await untilSaid('is deleted');
    await button('Restore').click();
    await confirm('Restore');
    await untilSaid('can sign in again');
    expect((await read(customer)).deletedAt).toBeNull();
    const download = page.waitForEvent('download');
    await button('Export all data').click();
    expect(JSON.parse(await Bun.file(await (await download).path()).text()).customer.id).toBe(customer.id);
  });

  test('to be erased › are when their address is typed, and not by a slip', async () => {
    const customer = await registerCustomer(shop.url, { name: 'Annie Easley' });
    await open(`/customers/${customer.id}`, 'Annie Easley');
    await button('Erase').click();
    await page.getByLabel("The account's e-mail address, to confirm").fill('somebody@example.com');
    await confirm('Erase');
    await page.getByText('is not that of the account').waitFor();
    expect((await read(customer)).name).toBe('Annie Easley');
    await button('Back').click();
    await button('Erase').click();
    await page.getByLabel("The account's e-mail address, to confirm").fill(customer.email);
    await confirm('Erase');
    await untilSaid('is erased');
    expect((await read(customer)).name).toBe('erased');
  });
});

describe('The console › mails', () => {
  test('that failed › are counted, and sent again', async () => {
    const customer = await registerCustomer(shop.url);
    const product = await createProduct(shop.url, adminToken);
    shop.mail.become({ refuseWith: 550 });
    const order = await placeOrder(shop.url, customer.token, [{ productId: product.id, quantity: 1 }]);
    await eventually(async () => {
      const [mail] = await shop.db`select 1 from mails where order_id = ${order.id} and state = 'failed'`;
      return mail !== undefined;
    });
    shop.mail.become('accept');
    await open('', 'Today');
    await page.getByRole('link', { name: 'failed mails' }).click();
    await untilShown(page, 'Mails');
    await button('Send again').click();
    await untilSaid('The mail is queued again.');
    await eventually(() => shop.mail.messages.some(({ headers }) => headers['x-order-id'] === order.id));
    await open('/mails?state=failed', 'Mails');
    await page.getByText('No mail has failed.').waitFor();
  });
});

describe('The console › audit', () => {
  test('of what was done above › tells who, and leads to what', async () => {
    await open('/audit?action=customer.updated', 'Audit');
    expect(await page.getByRole('row', { name: /Customer updated/ }).textContent()).toContain('phone changed');
    await page.getByRole('link', { name: /^Customer …/ }).click();
    await untilShown(page, 'Katherine Johnson');
    expect(tab.faults).toEqual([]);
  });
});

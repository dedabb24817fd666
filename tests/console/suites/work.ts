import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import type { OrderBody } from '../../../src/schema/orders.ts';
import type { ProductBody } from '../../../src/schema/products.ts';
import {
  type Account,
  admin,
  createProduct,
  placeOrder,
  registerCustomer,
  request,
  signInAdmin,
} from '../../support/client.ts';
import { totpCode } from '../../support/codes.ts';
import { type Link, openLink } from '../../support/link.ts';
import { type Shop, startShop } from '../../support/shop.ts';
import { eventually } from '../../support/wait.ts';
import { openBrowser, openTab, signIn, type Tab, untilShown } from '../browser.ts';

let shop: Shop;
let link: Link;
let browser: Browser;
let tab: Tab;
let page: Page;
let adminToken: string;
let customer: Account;
/** Where the browser finds the shop: through a link that can be cut. */
let url: string;

beforeAll(async () => {
  [shop, browser] = await Promise.all([startShop(), openBrowser()]);
  link = await openLink(Number(new URL(shop.url).port));
  url = `http://127.0.0.1:${link.port}`;
  adminToken = await signInAdmin(shop.url);
  customer = await registerCustomer(shop.url, { name: 'Grace Hopper' });
});

afterAll(async () => {
  await browser?.close();
  await shop?.stop();
});

beforeEach(async () => {
  tab = await openTab(browser);
  page = tab.page;
});

afterEach(async () => {
  const { faults } = tab;
  await tab.close();
  expect(faults).toEqual([]);
});

/** The page at a path of the console, for a signed-in admin. */
async function open(path: string, heading: string | RegExp): Promise<void> {
  await page.goto(url + path);
  await signIn(page, admin);
  await untilShown(page, heading);
}

const button = (name: string) => page.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
/** The button in the dialog that does it. */
const confirm = (name: string) => dialog().getByRole('button', { name, exact: true }).click();
const untilSaid = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();
const readOrder = async (id: string) =>
  (await request<OrderBody>(shop.url, 'GET', `/api/orders/${id}`, { token: adminToken })).body;
const readProduct = async (id: string) =>
  (await request<ProductBody>(shop.url, 'GET', `/api/products/${id}`, { token: adminToken })).body;

async function orderOf(stock = 10): Promise<{ product: ProductBody; order: OrderBody }> {
  const product = await createProduct(shop.url, adminToken, { name: 'Enamel mug', stock });
  return { product, order: await placeOrder(shop.url, customer.token, [{ productId: product.id, quantity: 2 }]) };
}

describe('The console › a day of work', () => {
  test('from the sign-in to a shipped order › does it all, and the customer is told', async () => {
    const { order } = await orderOf();
    await open('/console', 'Today');
    await page.getByRole('link', { name: 'pending' }).click();
    await untilShown(page, 'Orders');
    expect(new URL(page.url()).search).toBe('?status=pending');
    await page.getByLabel('Number').fill(order.number.toLowerCase().replaceAll('-', ''));
    await button('Show').click();
    await page.getByRole('link', { name: order.number }).click();
    await untilShown(page, `Order ${order.number}`);

    await button('Start processing').click();
    await confirm('Start processing');
    await untilSaid(`Order ${order.number} is processing.`);
    await button('Ship').click();
    await page.getByLabel('Carrier').fill('DHL');
    await page.getByLabel('Tracking number').fill('JD0146000062');
    await page.getByLabel('Tracking URL').fill('https://carrier.example/JD0146000062');
    await confirm('Ship');
    await untilSaid(`Order ${order.number} is shipped.`);
    await page.getByRole('definition').filter({ hasText: 'JD0146000062' }).first().waitFor();

    const { status, shipment } = await readOrder(order.id);
    expect([status, shipment?.carrier, shipment?.trackingNumber]).toEqual(['shipped', 'DHL', 'JD0146000062']);
    const told = await eventually(() =>
      shop.mail.messages.find(
        ({ headers }) => headers['x-order-id'] === order.id && headers['x-order-status'] === 'shipped',
      ),
    );
    expect(told.text).toContain('JD0146000062');
    await page.reload();
    await untilShown(page, `Order ${order.number}`);
    await page.getByRole('rowheader', { name: 'Order shipped' }).waitFor();

    await page.goBack();
    await untilShown(page, 'Orders');
    await page.goBack();
    await untilShown(page, 'Orders');
    expect(new URL(page.url()).search).toBe('?status=pending');
  });

  test('an order that waits › is held, released, cancelled and restored', async () => {
    const { order, product } = await orderOf();
    await open(`/console/orders/${order.id}`, `Order ${order.number}`);
    await button('Hold').click();
    await page.getByLabel('Reason').fill('The address does not exist.');
    await confirm('Hold');
    await untilSaid('is on hold');
    await page.getByRole('definition').filter({ hasText: 'The address does not exist.' }).waitFor();
    expect((await readOrder(order.id)).hold?.reason).toBe('The address does not exist.');
    await button('Release').click();
    await confirm('Release');
    await untilSaid('is released');
    await button('Cancel order').click();
    await confirm('Cancel order');
    await untilSaid('is cancelled');
    expect((await readProduct(product.id)).stock).toBe(10);
    await button('Restore').click();
    await confirm('Restore');
    await untilSaid('is pending again');
    expect((await readProduct(product.id)).stock).toBe(8);
  });

  test('a refusal › is told in the words of the API', async () => {
    const { order, product } = await orderOf();
    await open(`/console/orders/${order.id}`, `Order ${order.number}`);
    await button('Delete').click();
    await confirm('Delete');
    await dialog().getByRole('alert').getByText('Order too recent').waitFor();
    const refusal = await request<{ detail: string }>(shop.url, 'DELETE', `/api/orders/${order.id}`, {
      token: adminToken,
    });
    expect(await dialog().getByRole('alert').textContent()).toContain(refusal.body.detail);
    await button('Back').click();
    await button('Cancel order').click();
    await confirm('Cancel order');
    await untilSaid('is cancelled');
    await request(shop.url, 'POST', '/api/stock-changes', {
      token: adminToken,
      body: { productId: product.id, change: -9, reason: 'damaged' },
    });
    await button('Restore').click();
    await confirm('Restore');
    await dialog().getByRole('alert').getByText('Not enough stock').waitFor();
    expect(await dialog().getByRole('alert').textContent()).toContain('2 asked for, 1 in stock');
  });

  test('an address › is corrected, with what is wrong beside its field', async () => {
    const { order } = await orderOf();
    await open(`/console/orders/${order.id}`, `Order ${order.number}`);
    await button('Change address').click();
    await page.getByLabel('Name').fill('Grace Hopper');
    await page.getByLabel('Street').fill('1 Navy Yard');
    await page.getByLabel('City').fill('Arlington');
    await page.getByLabel('Country').fill('XX');
    await confirm('Save');
    const country = page.getByLabel('Country');
    await eventually(async () => (await country.getAttribute('aria-invalid')) === 'true');
    await eventually(() => country.evaluate((element) => element === document.activeElement));
    const notes = ((await country.getAttribute('aria-describedby')) ?? '').split(' ');
    expect(notes.length).toBe(2);
    await country.fill('US');
    await confirm('Save');
    await untilSaid('has its address changed');
    expect((await readOrder(order.id)).shippingAddress?.country).toBe('US');
  });

  test('stock › is booked by what was counted, and stands among the changes', async () => {
    const product = await createProduct(shop.url, adminToken, { name: 'Tin plate', stock: 12 });
    await open(`/console/products/${product.id}`, 'Tin plate');
    await button('Book stock').click();
    await page.getByLabel('Reason').selectOption('count');
    await page.getByLabel('Units that there are').fill('9');
    await page.getByLabel('Note').fill('Shelf 4');
    await confirm('Book');
    await untilSaid('the stock of Tin plate is 9');
    const row = page.getByRole('row').filter({ hasText: 'Shelf 4' });
    await row.waitFor();
    expect(await row.textContent()).toContain('-3');
    expect((await readProduct(product.id)).stock).toBe(9);
    // Opened again, it begins with what comes in.
    await button('Book stock').click();
    await page.getByLabel('Change by').fill('5');
    await confirm('Book');
    await untilSaid('the stock of Tin plate is 14');
  });

  test('a product › is added, deleted and restored', async () => {
    await open('/console/products/new', 'New product');
    await page.getByLabel('Name').fill('Camping lantern');
    await page.getByLabel('Price in USD').fill('twelve');
    await page.getByLabel('Stock').fill('5');
    await button('Add to the catalogue').click();
    await page.getByText('must be an amount such as 12.99').waitFor();
    await page.getByLabel('Price in USD').fill('24,50');
    await page.getByLabel('SKU').fill('two words');
    await button('Add to the catalogue').click();
    await page.getByText('must be 1 to 64 printable ASCII characters without spaces').waitFor();
    await page.getByLabel('SKU').fill('LAN-1');
    await button('Add to the catalogue').click();
    await untilShown(page, 'Camping lantern');
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    expect(await readProduct(id)).toMatchObject({ priceCents: 2_450, stock: 5, sku: 'LAN-1' });
    await button('Delete').click();
    await confirm('Delete');
    await button('Restore').click();
    await confirm('Restore');
    await untilSaid('is in the catalogue again');
    expect((await readProduct(id)).deletedAt).toBeNull();
  });
});

describe('The console › two people at one product', () => {
  async function change(product: ProductBody, fields: Partial<ProductBody>): Promise<void> {
    const { name, description, priceCents, sku, tags, images } = { ...product, ...fields };
    const body = { name, description, priceCents, sku, tags, images };
    const { status } = await request(shop.url, 'PUT', `/api/products/${product.id}`, { token: adminToken, body });
    expect(status).toBe(200);
  }

  test('when both change it › shows both versions, and saves what is meant', async () => {
    const product = await createProduct(shop.url, adminToken, {
      name: 'Kettle',
      priceCents: 3_000,
      images: [{ url: '/media/kitchen-1.svg', alt: 'A kettle' }],
    });
    await open(`/console/products/${product.id}`, 'Kettle');
    await change(product, { priceCents: 3_500 });
    await page.getByLabel('Name').fill('Steel kettle');
    await button('Save').click();
    await page.getByText('Somebody else has changed this product').waitFor();
    expect((await readProduct(product.id)).name).toBe('Kettle');
    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'Price' }) });
    expect(await row.locator('th, td').allInnerTexts()).toEqual(['Price', '$30.00', '$35.00']);
    expect(await page.locator('.versions tbody tr').count()).toBe(2);
    // What was typed is there still.
    expect(await page.getByLabel('Name').inputValue()).toBe('Steel kettle');
    await page.getByLabel('Price in USD').fill('35.00');
    await button('Save').click();
    await untilSaid('Steel kettle is saved.');
    expect(await readProduct(product.id)).toMatchObject({ name: 'Steel kettle', priceCents: 3_500 });
    // And once more, which is no conflict with oneself.
    await page.getByLabel('Name').fill('Blue kettle');
    await button('Save').click();
    await untilSaid('Blue kettle is saved.');
  });

  test('when one gives way › the form has what was saved', async () => {
    const product = await createProduct(shop.url, adminToken, { name: 'Pan' });
    await open(`/console/products/${product.id}`, 'Pan');
    await change(product, { name: 'Iron pan' });
    await page.getByLabel('Name').fill('Copper pan');
    await button('Save').click();
    await button('Drop mine, take what was saved').click();
    await untilShown(page, 'Iron pan');
    expect(await page.getByLabel('Name').inputValue()).toBe('Iron pan');
    expect((await readProduct(product.id)).name).toBe('Iron pan');
  });

  test('when an order has taken stock meanwhile › saves, because nobody has changed what is edited', async () => {
    const product = await createProduct(shop.url, adminToken, { name: 'Bowl', stock: 5 });
    await open(`/console/products/${product.id}`, 'Bowl');
    await placeOrder(shop.url, customer.token, [{ productId: product.id, quantity: 1 }]);
    await page.getByLabel('Name').fill('Large bowl');
    await button('Save').click();
    await untilSaid('Large bowl is saved.');
    expect(await readProduct(product.id)).toMatchObject({ name: 'Large bowl', stock: 4 });
  });
});

describe('The console › signing in', () => {
  test('with a wrong password › says so, in the words of the API', async () => {
    await page.goto(`${url}/console/orders?status=shipped`);
    await signIn(page, { ...admin, password: 'not the password' });
    await page.getByRole('alert').getByText('Wrong credentials').waitFor();
    await signIn(page, admin);
    await untilShown(page, 'Orders');
    // The address that was shared is the one that is shown.
    expect(await page.getByLabel('Status').inputValue()).toBe('shipped');
  });

  test('as a customer › tells that this is for staff, and ends the session', async () => {
    await page.goto(`${url}/console`);
    await signIn(page, customer);
    await page.getByText('this page is for the people who run the shop').waitFor();
    const { body } = await request<{ data: unknown[] }>(shop.url, 'GET', '/api/sessions', { token: customer.token });
    expect(body.data.length).toBe(1);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  test('when the session has ended meanwhile › asks again, and keeps what was typed', async () => {
    const product = await createProduct(shop.url, adminToken, { name: 'Ladle' });
    await open(`/console/products/${product.id}`, 'Ladle');
    await page.getByLabel('Name').fill('Soup ladle');
    const { token } = JSON.parse(await page.evaluate(() => sessionStorage.getItem('shop-session') ?? '{}'));
    expect((await request(shop.url, 'POST', '/api/auth/logout', { token })).status).toBe(204);
    await button('Save').click();
    await dialog().getByRole('heading', { name: 'Your session has ended' }).waitFor();
    const password = dialog().getByLabel('Password');
    await eventually(() => password.evaluate((element) => element === document.activeElement));
    await page.keyboard.press('Escape');
    expect(await dialog().isVisible()).toBe(true);
    await password.fill(admin.password);
    await confirm('Sign in');
    await dialog().waitFor({ state: 'detached' });
    expect(await page.getByLabel('Name').inputValue()).toBe('Soup ladle');
    await button('Save').click();
    await untilSaid('Soup ladle is saved.');
  });
});

describe('The console › when the shop is out of reach', () => {
  test('says so, and goes on when it is back', async () => {
    const { order } = await orderOf();
    await open('/console/orders', 'Orders');
    await link.cut();
    await page.getByRole('link', { name: order.number }).click();
    const trouble = page.getByRole('alert').filter({ hasText: 'The shop cannot be reached' });
    await trouble.first().waitFor();
    await link.restore();
    await trouble.first().getByRole('button', { name: 'Try again' }).click();
    await untilShown(page, `Order ${order.number}`);
    // What the browser says of the connections that broke is no fault of the page.
    tab.faults.splice(0, tab.faults.length, ...tab.faults.filter((fault) => !fault.includes('ERR_')));
  });
});

describe('The console › a second factor', () => {
  test('when it is set up › signing in asks for a code, and takes it away again', async () => {
    await open('/console/account', 'Account');
    await button('Set up').click();
    await page.getByLabel('Current password').last().fill(admin.password);
    await confirm('Go on');
    await page.getByRole('img', { name: 'QR code of the secret below' }).waitFor();
    const secret = await page.locator('.second-factor code').textContent();
    await page.getByLabel('Code of the app').fill(totpCode(secret ?? ''));
    await button('Confirm').click();
    expect((await page.getByLabel('Ten recovery codes').inputValue()).split('\n').length).toBe(10);
    const [recoveryCode = ''] = (await page.getByLabel('Ten recovery codes').inputValue()).split('\n');
    await button('I have it').click();
    await button('Sign out').click();
    await page.getByText('You are signed out.').waitFor();
    await signIn(page, admin);
    // Each code counts once, so it is that of the next half minute.
    await page.getByLabel('Code', { exact: true }).fill(totpCode(secret ?? '', 1));
    await button('Sign in').click();
    await untilShown(page, 'Account');
    await button('Remove').click();
    await dialog().getByLabel('Current password').fill(admin.password);
    await dialog().getByLabel('Code of the app, or a recovery code').fill(recoveryCode);
    await confirm('Remove');
    await untilSaid('The second factor is gone.');
  });
});

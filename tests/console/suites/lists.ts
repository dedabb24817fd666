import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser } from 'playwright-core';
import { admin } from '../../support/client.ts';
import { type Shop, startShop } from '../../support/shop.ts';
import { eventually } from '../../support/wait.ts';
import { openBrowser, openTab, signIn, type Tab, untilShown } from '../browser.ts';

const productsMax = 1_000;

let shop: Shop;
let browser: Browser;
let tab: Tab;

beforeAll(async () => {
  [shop, browser] = await Promise.all([startShop({ workers: 0 }), openBrowser()]);
  tab = await openTab(browser);
  await tab.page.goto(`${shop.url}/console/products/upload`);
  await signIn(tab.page, admin);
  await untilShown(tab.page, 'Upload products');
});

afterAll(async () => {
  await browser?.close();
  await shop?.stop();
});

const csv = (lines: string[]) => ({
  name: 'products.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from(`sku,name,priceCents,stock,tags\r\n${lines.join('\r\n')}\r\n`),
});
const numbered = (number: number) => String(number).padStart(4, '0');
const thousand = Array.from({ length: productsMax }, (_, index) => {
  const number = numbered(index + 1);
  return `SKU-${number},"Product ${number}, of many",${1_000 + index},7,"[""bulk""]"`;
});

const button = (name: string | RegExp) => tab.page.getByRole('button', { name });
const figures = async () =>
  (await tab.page.locator('.tiles .tile').allInnerTexts()).map((text) => text.replace('\n', ' '));

describe('The console › uploading a CSV of a thousand products', () => {
  test('with faults in it › tells first what would be done, and writes nothing', async () => {
    const { page } = tab;
    const faulty = [...thousand.slice(0, 998), 'SKU-0999,No price,many,7,', 'SKU-0001,Again,1,7,', ',Nameless,1,1,'];
    await page.getByLabel('File', { exact: true }).setInputFiles(csv(faulty));
    await button('Check the file').click();
    await page.getByRole('heading', { name: 'What would be done' }).waitFor();
    expect(await figures()).toEqual(['3 refused', '998 created', '0 updated', '0 unchanged']);
    const [count] = await shop.db`select count(*)::int as products from products`;
    expect(count?.products).toBe(0);
  });

  test('without faults › writes all of it, and the next time changes nothing', async () => {
    const { page } = tab;
    await page.getByLabel('File', { exact: true }).setInputFiles(csv(thousand));
    await button('Check the file').click();
    await button('Write 1,000 of 1,000 products').click();
    const done = page.getByRole('heading', { name: 'What was done' });
    // A shop that is starved by others says so, and the one who uploads goes on.
    await eventually(async () => {
      if (await page.getByRole('alert').isVisible()) await button(/^(Write 1,000 of|Go on)/).click();
      return done.isVisible();
    });
    expect(await figures()).toEqual(['0 refused', '1,000 created', '0 updated', '0 unchanged']);
    const [sums] = await shop.db`select count(*)::int as products, sum(stock)::int as units from products`;
    expect(sums).toMatchObject({ products: 1_000, units: 7_000 });
    await page.getByLabel('File', { exact: true }).setInputFiles(csv(thousand));
    await button('Check the file').click();
    await page.locator('.tile', { hasText: /^1,000\s*unchanged$/ }).waitFor();
  });

  test('that is none › says what is wrong with it', async () => {
    const { page } = tab;
    await page
      .getByLabel('File', { exact: true })
      .setInputFiles({ ...csv([]), buffer: Buffer.from('sku,colour\r\nA,red\r\n') });
    await button('Check the file').click();
    await page.getByRole('alert').getByText('not colour').waitFor();
    await page
      .getByLabel('File', { exact: true })
      .setInputFiles({ ...csv([]), buffer: Buffer.from('sku,name\r\nA\r\n') });
    await button('Check the file').click();
    await page.getByRole('alert').getByText('Invalid Record Length').waitFor();
  });
});

describe('The console › a list of a thousand rows', () => {
  const rowsOf = async () => tab.page.locator('tbody th a').allInnerTexts();

  test('walked to its end › shows each once, and leads back the same way', async () => {
    const { page } = tab;
    await page.goto(`${shop.url}/console/products?sort=name`);
    await untilShown(page, 'Products');
    const next = page.getByRole('link', { name: 'Next page' });
    const seen = await rowsOf();
    const pages = [page.url()];
    while (await next.isVisible()) {
      await next.click();
      const shown = `page ${pages.length + 1} of 20`;
      await page.getByRole('navigation', { name: 'Pages of products' }).getByText(shown).waitFor();
      await untilShown(page, 'Products');
      seen.push(...(await rowsOf()));
      pages.push(page.url());
    }
    expect(seen.map((name) => name.trim())).toEqual(
      Array.from({ length: productsMax }, (_, index) => `Product ${numbered(index + 1)}, of many`),
    );
    await page.getByRole('link', { name: 'Previous page' }).click();
    await page.waitForURL(pages.at(-2) ?? '');
    await page.goBack();
    await page.goBack();
    await page.waitForURL(pages.at(-2) ?? '');
    expect(tab.faults).toEqual([]);
  });

  test('exported and uploaded › changes nothing', async () => {
    const { page } = tab;
    await button('Export').click();
    const download = page.waitForEvent('download');
    await button('Save').click();
    const path = await (await download).path();
    expect((await Bun.file(path).text()).split('\r\n').length).toBe(productsMax + 2);
    await page.goto(`${shop.url}/console/products/upload`);
    await page
      .getByLabel('File', { exact: true })
      .setInputFiles({ ...csv([]), buffer: Buffer.from(await Bun.file(path).arrayBuffer()) });
    await button('Check the file').click();
    await page.locator('.tile', { hasText: /^1,000\s*unchanged$/ }).waitFor();
  });
});

// Opens a page in Chromium and prints what it makes of `played`: node browser.js PROGRAM URL
import { chromium } from 'playwright-core';

const [executablePath, url] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error));
  await page.goto(url);
  console.log(JSON.stringify(await page.evaluate(() => globalThis.played)));
} finally {
  await browser.close();
}

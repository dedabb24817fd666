import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { installedProgram } from '../support/programs.ts';
import { givenLoad } from '../support/wait.ts';

const waitMs = 15_000;
const triesMax = 5;
const axeSource = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** A tab of a real browser, and what went wrong in it. */
export type Tab = {
  page: Page;
  /** Errors of the page's scripts, and what the browser has refused or missed. */
  faults: string[];
  close: () => Promise<void>;
};

/** A browser without a window. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = await installedProgram('chromium', 'chromium');
  // As root, and in many containers, its sandbox has not what it takes; it sees nothing but the shop of the suite.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A tab of its own, as of another person on another machine. */
export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({
    locale: 'en-US',
    viewport: { width: 1_280, height: 900 },
    // Or colours would be judged on their way from one scheme to the other.
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(givenLoad(waitMs));
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // A refusal of the API is no fault of the page, which says so itself.
    const isRefusal = message.text().startsWith('Failed to load resource') && message.location().url.includes('/api/');
    if (message.type() === 'error' && !isRefusal) faults.push(message.text());
  });
  return { page, faults, close: () => context.close() };
}

/** Fills in the form of the sign-in that is shown, and sends it; again while the shop is starved by others. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  const starved = page.getByRole('alert').filter({ hasText: 'Temporarily unavailable' });
  for (let tries = 0; tries < triesMax && (tries === 0 || (await starved.isVisible())); tries += 1) {
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForFunction(
      () =>
        !document.querySelector('[type="submit"][aria-busy="true"]') &&
        document.querySelector('.problem, .bar, [name="code"]'),
    );
  }
}

/** Waits until the page is there: its heading, and what it loads. */
export async function untilShown(page: Page, heading: string | RegExp): Promise<void> {
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
  await page.waitForFunction(() => document.querySelector('main [aria-busy="true"]') === null);
}

/** What axe finds wrong with the page, as rule and places; by all of its rules unless some are named. */
export async function violationsOf(page: Page, rules?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeSource);
  return page.evaluate(async (only) => {
    type Violation = { id: string; nodes: { target: string[]; failureSummary: string }[] };
    type Axe = { run: (place: Document, options: object) => Promise<{ violations: Violation[] }> };
    const { axe } = window as unknown as { axe: Axe };
    const options = { resultTypes: ['violations'], ...(only && { runOnly: { type: 'rule', values: only } }) };
    const { violations } = await axe.run(document, options);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  }, rules);
}

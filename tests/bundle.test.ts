import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProduct, placeOrder, registerCustomer, signIn, signInAdmin } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';
import { describeShop, spawnLogged } from './support/smoke.ts';
import { eventually } from './support/wait.ts';

const root = join(import.meta.dir, '..');

describe('deploy/bundle.sh', () => {
  const directory = mkdtempSync(join(tmpdir(), 'shop-bundle-'));
  const program = [process.execPath, join(directory, 'shop.js')];
  let shop: Shop;

  /** Runs a command of the bundle to its end, away from the sources. */
  async function run(command: string[], settings: Record<string, string> = {}) {
    const child = Bun.spawn([...program, ...command], {
      cwd: tmpdir(),
      env: settings,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [output, faults] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, output: output + faults };
  }

  beforeAll(async () => {
    const build = Bun.spawn(['sh', 'deploy/bundle.sh', directory], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    const faults = await build.stderr.text();
    if ((await build.exited) !== 0) throw new Error(faults);
    shop = await startShop({ workers: 0, queue: 'postgres' });
  });

  afterAll(async () => {
    await shop.stop();
    rmSync(directory, { recursive: true });
  });

  describeShop('the shop in it', 'Bun', (entry, settings) => {
    const command = [...program, entry === 'index' ? 'serve' : 'work'];
    return spawnLogged(command, `bundled-${entry}`, { ...settings, NODE_ENV: 'production' });
  });

  test('migrate › in an empty database › makes the schema, and finds nothing to do when it comes again', async () => {
    const database = `${new URL(shop.databaseUrl).pathname.slice(1)}_empty`;
    await shop.db.unsafe(`create database ${database}`);
    const url = new URL(shop.databaseUrl);
    url.pathname = database;
    const settings = { DATABASE_URL: url.href };
    try {
      for (const _time of ['first', 'second']) {
        expect(await run(['migrate'], settings)).toEqual({ code: 0, output: 'The database has the newest schema.\n' });
      }
    } finally {
      await shop.db.unsafe(`drop database ${database} with (force)`);
    }
  });

  test('work › when there is no Redis › takes its queue from Postgres', async () => {
    const { databaseUrl, smtpUrl } = shop;
    const settings = { DATABASE_URL: databaseUrl, SMTP_URL: smtpUrl };
    const worker = spawnLogged([...program, 'work'], 'bundled-worker-without-redis', settings);
    const { token } = await registerCustomer(shop.url);
    const product = await createProduct(shop.url, await signInAdmin(shop.url));
    const { id } = await placeOrder(shop.url, token, [{ productId: product.id, quantity: 1 }]);
    const isOfOrder = ({ headers }: { headers: Record<string, unknown> }) => headers['x-order-id'] === id;
    await eventually(() => shop.mail.messages.some(isOfOrder));
    worker.stop();
    expect(await worker.exited).toBe(0);
  });

  test('create-admin › when the address is new › makes an account that can sign in', async () => {
    const account = { email: 'grace@example.com', password: 'a long enough one' };
    const settings = { DATABASE_URL: shop.databaseUrl, ADMIN_PASSWORD: account.password };
    const { code } = await run(['create-admin', '--email', account.email, '--name', 'Grace Hopper'], settings);
    expect(code).toBe(0);
    expect(await signIn(shop.url, account)).not.toBeEmpty();
  });

  test('health › asks the API at its port › and ends with 0 only when it is there', async () => {
    const { port } = new URL(shop.url);
    expect((await run(['health'], { PORT: port })).code).toBe(0);
    expect((await run(['health'], { PORT: '1' })).code).toBe(1);
    expect((await run(['health'], { PORT: '1', METRICS_PORT: port })).code).toBe(0);
  });

  test('anything else › is refused › with the commands that there are', async () => {
    const { code, output } = await run(['server']);
    expect(code).toBe(1);
    expect(output).toContain('serve, work, migrate, create-admin, check-stock, import-products, health');
  });
});

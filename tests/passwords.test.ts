import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import { freshEmail, registerCustomer, signIn } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

const root = join(import.meta.dir, '..');

let shop: Shop;
let ask: Ask;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
});

afterAll(() => shop.stop());

const register = (password: string, email = freshEmail()) =>
  ask('POST', '/api/auth/register', { body: { name: 'Ada Lovelace', email, password } });
const login = (email: string, password: string) => ask('POST', '/api/auth/login', { body: { email, password } });

const common = ['password', 'PASSWORD1', 'PassWord123', '12345678', 'qwertyuiop', 'iLoveYou', '00000000', 'trustno1'];
const composed = 'm\u00fcllers kaffee';
const decomposed = 'mu\u0308llers kaffee';

describe('A new password', () => {
  test.each(common)('that everybody tries first, %s › is refused on every way in', async (password) => {
    expectInvalid(await register(password), 'password');
    const { token, password: currentPassword } = await registerCustomer(shop.url);
    const body = { currentPassword, newPassword: password };
    expectInvalid(await ask('POST', '/api/auth/password', { token, body }), 'newPassword');
    expect((await ask('GET', '/api/orders', { token })).status).toBe(200);
  });

  test('that holds a common one among other words › is taken', async () => {
    for (const password of ['my password is long', 'password of my cat', ' password ']) {
      expect((await register(password)).status).toBe(201);
    }
  });

  test('is counted in NFC', async () => {
    const letter = 'u\u0308';
    expectInvalid(await register(letter.repeat(7)), 'password');
    expect((await register(letter.repeat(8))).status).toBe(201);
    expect((await register(letter.repeat(128))).status).toBe(201);
    expectInvalid(await register(letter.repeat(129)), 'password');
  });
});

describe('Signing in', () => {
  test('from another keyboard, which writes the same characters otherwise › succeeds', async () => {
    for (const password of [composed, decomposed]) {
      const email = freshEmail();
      await register(password, email);
      for (const attempt of [composed, decomposed]) expect((await login(email, attempt)).status).toBe(200);
      expectProblem(await login(email, 'mullers kaffee'), 401, 'invalid_credentials');
    }
  });

  test('to an account whose password was hashed as it was sent › succeeds as it always did', async () => {
    const { id, email } = await registerCustomer(shop.url);
    await shop.db`update customers set password_hash = ${await hash(decomposed)} where id = ${id}`;
    const token = await signIn(shop.url, { email, password: decomposed });
    const body = { currentPassword: decomposed, newPassword: 'a better one' };
    expect((await ask('POST', '/api/auth/password', { token, body })).status).toBe(204);
  });

  test('with a password that is common by now › succeeds', async () => {
    const { id, email } = await registerCustomer(shop.url);
    await shop.db`update customers set password_hash = ${await hash('password')} where id = ${id}`;
    expect((await login(email, 'password')).status).toBe(200);
  });
});

describe('ADMIN_PASSWORD', () => {
  /** Runs a program that is expected to give up at once. */
  async function giveUp(...command: string[]) {
    const child = Bun.spawn([process.execPath, ...command], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        HOST: '127.0.0.1',
        DATABASE_URL: shop.databaseUrl,
        ADMIN_EMAIL: 'admin@example.com',
        ADMIN_PASSWORD: 'Password1',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [code, complaint] = await Promise.all([child.exited, child.stderr.text()]);
    return { code, complaint };
  }

  test('that everybody tries first › is a fault of the settings, for the API and for admin:create', async () => {
    const outcomes = await Promise.all([
      giveUp('index.ts'),
      giveUp('scripts/create-admin.ts', '--email', freshEmail(), '--name', 'Grace'),
    ]);
    for (const { code, complaint } of outcomes) {
      expect(code).toBe(1);
      expect(complaint).toContain('must not be one of the most common passwords');
      expect(complaint).not.toContain('Password1');
    }
  });
});

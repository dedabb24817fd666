import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CustomerBody } from '../src/schema/customers.ts';
import { admin, freshEmail, registerCustomer, signIn, signInAdmin } from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

type Session = { token: string; tokenType: string; expiresAt: string; customer: CustomerBody };

const dayMs = 24 * 3_600_000;

let shop: Shop;
let ask: Ask;

beforeAll(async () => {
  shop = await startShop({ workers: 0 });
  ask = await checkedRequests(shop.url);
});

afterAll(() => shop.stop());

const registration = (given: Record<string, unknown> = {}) => ({
  name: 'Ada Lovelace',
  email: freshEmail(),
  password: 'open sesame',
  ...given,
});

const register = (body: unknown) => ask<CustomerBody>('POST', '/api/auth/register', { body });
const login = (email: string, password: string) =>
  ask<Session>('POST', '/api/auth/login', { body: { email, password } });
const changePassword = (token: string | undefined, currentPassword: string, newPassword: string) =>
  ask('POST', '/api/auth/password', { body: { currentPassword, newPassword }, ...(token && { token }) });

/** Every account with this address, deleted ones included. */
function accountsWith(email: string) {
  return shop.db`select * from customers where lower(email) = lower(${email}) order by id`;
}

describe('POST /api/auth/register', () => {
  describe('when nothing is wrong', () => {
    test('answers 201 with the customer and its address', async () => {
      const body = registration({ phone: '+4915112345678' });
      const { status, headers, body: customer } = await register(body);
      expect(status).toBe(201);
      expect(customer).toEqual({
        id: expect.any(String),
        name: 'Ada Lovelace',
        email: body.email,
        emailVerifiedAt: null,
        phone: '+4915112345678',
        role: 'customer',
        createdAt: expect.any(String),
        updatedAt: customer.createdAt,
        deletedAt: null,
      });
      expect(headers.get('Location')).toBe(`/api/customers/${customer.id}`);
    });

    test('keeps the password as an argon2id hash only', async () => {
      const body = registration();
      await register(body);
      const [row] = await accountsWith(body.email);
      expect(row?.password_hash).toStartWith('$argon2id$');
      expect(JSON.stringify(row)).not.toContain(body.password);
    });
  });

  describe('when text stands in blanks', () => {
    test('trims name and address, but not the password', async () => {
      const email = freshEmail();
      const { body } = await register(
        registration({ name: '  Ada\u00a0', email: ` ${email} `, password: '  spaces  ' }),
      );
      expect(body).toMatchObject({ name: 'Ada', email });
      expect((await login(email, 'spaces')).status).toBe(401);
      expect((await login(email, '  spaces  ')).status).toBe(200);
    });
  });

  describe('when values are at their limits', () => {
    test.each([
      ['a name of 1 character', { name: 'A' }],
      ['a name of 100 characters outside the basic plane', { name: '🦉'.repeat(100) }],
      ['a password of 8 characters', { password: 'ß'.repeat(8) }],
      ['a password of 128 characters', { password: 'ß'.repeat(128) }],
      ['a phone number of 7 digits', { phone: '+1234567' }],
      ['a phone number of 15 digits', { phone: '+123456789012345' }],
      ['no phone number, said aloud', { phone: null }],
    ])('takes %s', async (_what, given) => {
      const { status, body } = await register(registration(given));
      const { password: _password, ...visible } = given as Record<string, unknown>;
      expect(status).toBe(201);
      expect(body).toMatchObject(visible);
    });
  });

  describe('when a value is bad', () => {
    test.each([
      ['no name', { name: undefined }, 'name'],
      ['a blank name', { name: '   ' }, 'name'],
      ['a name of 101 characters', { name: 'x'.repeat(101) }, 'name'],
      ['a name of two lines', { name: 'Ada\nBcc: all@example.com' }, 'name'],
      ['a name with NUL', { name: 'A\0da' }, 'name'],
      ['a name that is half a character', { name: 'Ada \ud800' }, 'name'],
      ['a name that is a number', { name: 5 }, 'name'],
      ['no address', { email: undefined }, 'email'],
      ['an address without a domain', { email: 'ada' }, 'email'],
      ['an address with a line break', { email: 'ada@example.com\nbcc@example.com' }, 'email'],
      ['an address that is too long', { email: `${'a'.repeat(250)}@example.com` }, 'email'],
      ['a local part that is too long', { email: `${'a'.repeat(65)}@example.com` }, 'email'],
      ['a label that is too long', { email: `ada@${'a'.repeat(64)}.com` }, 'email'],
      ['a label that ends in a hyphen', { email: 'ada@bad-.com' }, 'email'],
      ['a quoted local part', { email: '"ada"@example.com' }, 'email'],
      ['an address literal', { email: 'ada@[192.0.2.1]' }, 'email'],
      ['a domain in Unicode', { email: 'ada@müller.example' }, 'email'],
      ['a password of 7 characters', { password: 'x'.repeat(7) }, 'password'],
      ['a password of 129 characters', { password: 'x'.repeat(129) }, 'password'],
      ['no password', { password: undefined }, 'password'],
      ['a phone number without +', { phone: '4915112345678' }, 'phone'],
      ['a phone number of 6 digits', { phone: '+123456' }, 'phone'],
      ['a phone number of 16 digits', { phone: '+1234567890123456' }, 'phone'],
      ['a phone number with a line break', { phone: '+12345678\n' }, 'phone'],
      ['a role of its own choice', { role: 'admin' }, 'role'],
      ['an id of its own choice', { id: randomUUID() }, 'id'],
    ])('refuses %s', async (_what, given, path) => {
      const body = registration(given);
      const answer = await register(body);
      expectInvalid(answer, path);
      expect(await accountsWith(String(body.email))).toBeEmpty();
    });

    test('names every bad field at once', async () => {
      const answer = await register({ name: '', email: 'ada', password: 'short', phone: '1', role: 'admin' });
      expectInvalid(answer, 'name', 'email', 'password', 'phone', 'role');
    });
  });

  describe('when the address is a rare one', () => {
    test.each(['m&m', 'a/b', 'user=tag', "o'neil+shop", 'l'.repeat(64)])(
      'takes it, and knows it again in any case: %s',
      async (local) => {
        const email = `${local}@${randomUUID()}.xn--p1ai`;
        const { status, body } = await register(registration({ email }));
        expect(status).toBe(201);
        expect(body.email).toBe(email);
        expectProblem(await register(registration({ email: email.toUpperCase() })), 409, 'email_taken');
        expect((await login(email.toUpperCase(), 'open sesame')).status).toBe(200);
      },
    );
  });

  describe('when another account has the address', () => {
    test('answers 409 in whatever case it is written, and leaves that account alone', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const before = await accountsWith(email);
      expectProblem(await register(registration({ email: email.toUpperCase() })), 409, 'email_taken');
      expect(await accountsWith(email)).toEqual(before);
      expect((await login(email, password)).status).toBe(200);
    });
  });

  describe('when a deleted account had the address', () => {
    test('answers 201 with a new account, and the old one stays deleted', async () => {
      const old = await registerCustomer(shop.url);
      await ask('DELETE', `/api/customers/${old.id}`, { token: old.token });
      const { status, body } = await register(registration({ email: old.email, password: 'another one' }));
      expect(status).toBe(201);
      expect(body.id).not.toBe(old.id);
      expectProblem(await login(old.email, old.password), 401, 'invalid_credentials');
      expect((await login(old.email, 'another one')).body.customer.id).toBe(body.id);
      expectProblem(await ask('GET', `/api/customers/${old.id}`, { token: old.token }), 401, 'unauthenticated');
    });
  });

  describe('when the same address is registered many times at once', () => {
    test('lets one through and answers 409 to the others', async () => {
      const email = freshEmail();
      const spellings = [email, email.toUpperCase()];
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, index) => register(registration({ email: spellings[index % 2] }))),
      );
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
      for (const answer of answers.filter(({ status }) => status === 409)) expectProblem(answer, 409, 'email_taken');
      expect(await accountsWith(email)).toHaveLength(1);
    });
  });
});

describe('POST /api/auth/login', () => {
  describe('when address and password are right', () => {
    test('answers 200 with a token, its end, and the customer', async () => {
      const account = await registerCustomer(shop.url);
      const startedAt = Date.now();
      const { status, headers, body } = await login(account.email, account.password);
      expect(status).toBe(200);
      expect(body).toMatchObject({ tokenType: 'Bearer', customer: { id: account.id, email: account.email } });
      expect(Date.parse(body.expiresAt)).toBeWithin(startedAt + dayMs - 1, Date.now() + dayMs + 1);
      expect(headers.get('Cache-Control')).toBe('no-store');
      expect((await ask('GET', `/api/customers/${account.id}`, { token: body.token })).status).toBe(200);
    });

    test('compares the address without regard to case', async () => {
      const { id, email, password } = await registerCustomer(shop.url);
      expect((await login(email.toUpperCase(), password)).body.customer.id).toBe(id);
    });

    test('leaves tokens given before as they are', async () => {
      const { id, email, password, token } = await registerCustomer(shop.url);
      await login(email, password);
      expect((await ask('GET', `/api/customers/${id}`, { token })).status).toBe(200);
    });
  });

  describe('when they are not', () => {
    test('answers wrong password, unknown address and deleted account alike', async () => {
      const known = await registerCustomer(shop.url);
      const deleted = await registerCustomer(shop.url);
      await ask('DELETE', `/api/customers/${deleted.id}`, { token: deleted.token });
      const answers = [
        await login(known.email, 'not the password'),
        await login(freshEmail(), known.password),
        await login(deleted.email, deleted.password),
      ];
      for (const answer of answers) expectProblem(answer, 401, 'invalid_credentials');
      const bodies = answers.map(({ body }) => ({ ...body, requestId: undefined }));
      expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    });
  });

  describe('when the body is bad', () => {
    test.each([
      ['no password', { password: undefined }, 'password'],
      ['an empty password', { password: '' }, 'password'],
      ['an address that is none', { email: 'ada' }, 'email'],
      ['an unknown field', { remember: true }, 'remember'],
    ])('refuses %s', async (_what, given, path) => {
      const body = { email: freshEmail(), password: 'open sesame', ...given };
      const answer = await ask('POST', '/api/auth/login', { body });
      expectInvalid(answer, path);
    });
  });
});

describe('POST /api/auth/password', () => {
  describe('when the current password is right', () => {
    test('answers 204, and the new password is the one that counts', async () => {
      const { email, password, token } = await registerCustomer(shop.url);
      expect((await changePassword(token, password, 'new password')).status).toBe(204);
      expectProblem(await login(email, password), 401, 'invalid_credentials');
      expect((await login(email, 'new password')).status).toBe(200);
    });

    test('revokes every older token at once', async () => {
      const { id, email, password, token } = await registerCustomer(shop.url);
      const second = await signIn(shop.url, { email, password });
      await changePassword(token, password, 'new password');
      const answers = await Promise.all(
        [token, second].map((old) => ask('GET', `/api/customers/${id}`, { token: old })),
      );
      for (const answer of answers) expectProblem(answer, 401, 'unauthenticated');
      const third = await signIn(shop.url, { email, password: 'new password' });
      expect((await ask('GET', `/api/customers/${id}`, { token: third })).status).toBe(200);
    });

    test('takes none of an earlier version, though its session were still there', async () => {
      const { id, token } = await registerCustomer(shop.url);
      await shop.db`update customers set token_version = token_version + 1 where id = ${id}`;
      expectProblem(await ask('GET', `/api/customers/${id}`, { token }), 401, 'unauthenticated');
    });
  });

  describe('when the current password is wrong', () => {
    test('answers 401 and changes nothing', async () => {
      const { id, email, password, token } = await registerCustomer(shop.url);
      expectProblem(await changePassword(token, 'not the password', 'new password'), 401, 'invalid_credentials');
      expect((await ask('GET', `/api/customers/${id}`, { token })).status).toBe(200);
      expect((await login(email, password)).status).toBe(200);
    });
  });

  describe('when the new password is bad', () => {
    test.each([7, 129])('refuses one of %d characters and changes nothing', async (length) => {
      const { email, password, token } = await registerCustomer(shop.url);
      const answer = await changePassword(token, password, 'x'.repeat(length));
      expectInvalid(answer, 'newPassword');
      expect((await login(email, password)).status).toBe(200);
    });
  });

  describe('when nobody is signed in', () => {
    test('answers 401', async () => {
      expectProblem(await changePassword(undefined, 'open sesame', 'new password'), 401, 'unauthenticated');
    });
  });

  describe('when two changes race', () => {
    test('lets one through, and only its password signs in', async () => {
      const { email, password, token } = await registerCustomer(shop.url);
      const wanted = ['first password', 'second password'];
      const answers = await Promise.all(wanted.map((next) => changePassword(token, password, next)));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
      const winner = answers.findIndex(({ status }) => status === 204);
      const attempts = await Promise.all(wanted.map((next) => login(email, next)));
      expect(attempts.map(({ status }) => status)).toEqual(winner === 0 ? [200, 401] : [401, 200]);
    });
  });

  describe('when a sign-in with the old password races with the change', () => {
    test('leaves no token behind that outlives the password', async () => {
      const { id, email, password, token } = await registerCustomer(shop.url);
      const [change, ...sessions] = await Promise.all([
        changePassword(token, password, 'new password'),
        ...Array.from({ length: 6 }, () => login(email, password)),
      ]);
      expect(change.status).toBe(204);
      for (const session of sessions.filter(({ status }) => status === 200)) {
        const answer = await ask('GET', `/api/customers/${id}`, { token: session.body.token });
        expectProblem(answer, 401, 'unauthenticated');
      }
      expect((await login(email, password)).status).toBe(401);
    });
  });
});

describe('The first admin', () => {
  describe('when the shop starts', () => {
    test('is there, as an admin', async () => {
      expect((await login(admin.email, admin.password)).body.customer).toMatchObject({
        email: admin.email,
        role: 'admin',
      });
    });
  });

  describe('when the shop starts again with another password', () => {
    test('keeps the password of its creation', async () => {
      const api = await shop.startApi({ ADMIN_PASSWORD: 'changed meanwhile' });
      expect((await login(admin.email, admin.password)).status).toBe(200);
      expectProblem(await login(admin.email, 'changed meanwhile'), 401, 'invalid_credentials');
      expect(await accountsWith(admin.email)).toHaveLength(1);
      await api.kill();
    });
  });
});

describe('bun run admin:create', () => {
  /** Runs the command as an operator would, without a terminal. */
  async function createAdmin(options: string[], env: Record<string, string> = {}) {
    const root = join(import.meta.dir, '..');
    const child = Bun.spawn([process.execPath, join(root, 'scripts/create-admin.ts'), ...options], {
      cwd: root,
      env: { PATH: process.env.PATH, DATABASE_URL: shop.databaseUrl, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [code, out, complaint] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    return { code, out, complaint };
  }

  describe('when the address is new', () => {
    test('opens an admin’s account', async () => {
      const email = `grace/ops=${freshEmail()}`;
      const { code } = await createAdmin(['--email', email, '--name', 'Grace Hopper'], {
        ADMIN_PASSWORD: 'open sesame',
      });
      expect(code).toBe(0);
      expect((await login(email, 'open sesame')).body.customer).toMatchObject({ name: 'Grace Hopper', role: 'admin' });
    });
  });

  describe('when something is wrong', () => {
    test('says so in a line, and makes nobody an admin', async () => {
      const email = freshEmail();
      const outcomes = await Promise.all([
        createAdmin(['--email', email, '--name', 'Grace Hopper'], { ADMIN_PASSWORD: 'short' }),
        createAdmin(['--email', email, '--name', ' '], { ADMIN_PASSWORD: 'open sesame' }),
        createAdmin(['--email', 'nobody', '--name', 'Grace Hopper'], { ADMIN_PASSWORD: 'open sesame' }),
        createAdmin(['--email', 'grace@bad-.com', '--name', 'Grace Hopper'], { ADMIN_PASSWORD: 'open sesame' }),
        createAdmin(['--email', email, '--name', 'Grace Hopper']),
      ]);
      for (const { code, complaint } of outcomes) {
        expect(code).toBe(1);
        expect(complaint).not.toMatch(/\n\s+at /);
      }
      expect(await accountsWith(email)).toBeEmpty();
    });
  });
});

describe('The log', () => {
  describe('when people registered, signed in and changed their passwords', () => {
    test('holds neither passwords nor tokens nor addresses', async () => {
      const account = await registerCustomer(shop.url, { password: 'do not tell anyone' });
      await changePassword(account.token, account.password, 'nor about this one');
      await login(account.email, 'and not a wrong one');
      await signInAdmin(shop.url);
      const output = shop.output();
      expect(output).toContain('/api/auth/login');
      for (const secret of [
        account.password,
        'nor about this one',
        'and not a wrong one',
        account.token,
        account.email,
      ]) {
        expect(output).not.toContain(secret);
      }
    });
  });
});

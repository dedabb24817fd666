import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { TOTP, URI } from 'otpauth';
import { openAdmin } from './support/accounts.ts';
import {
  type Account,
  type Answer,
  admin,
  createProduct,
  registerCustomer,
  request,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { totpCode } from './support/codes.ts';
import { type Ask, checkedRequests } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type ApiProcess, type Shop, startShop } from './support/shop.ts';

const wrong = '000000';

let shop: Shop;
let ask: Ask;
let urls: string[];

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0, env: { TRUST_PROXY: '1' } });
  ask = await checkedRequests(shop.url);
  urls = [shop.api(0).url, shop.api(1).url];
});

afterAll(() => shop.stop());

let nextAddress = 0;
/** An address that nobody else guesses from. */
const elsewhere = () => {
  nextAddress += 1;
  return { 'X-Forwarded-For': `198.51.${Math.floor(nextAddress / 250)}.${nextAddress % 250}` };
};

type Begun = { secret: string; url: string };
type Enrolled = Account & { secret: string; recoveryCodes: string[] };

const begin = ({ token, password }: Account) =>
  ask<Begun>('POST', '/api/auth/totp', { token, body: { currentPassword: password }, headers: elsewhere() });
const confirm = ({ token }: Account, code: string) =>
  ask<{ recoveryCodes: string[] }>('POST', '/api/auth/totp/confirm', { token, body: { code }, headers: elsewhere() });
const remove = ({ token, password }: Account, code: string) =>
  ask('POST', '/api/auth/totp/remove', { token, body: { currentPassword: password, code }, headers: elsewhere() });
const login = ({ email, password }: Account, code?: string, headers = elsewhere()) =>
  ask<{ token: string }>('POST', '/api/auth/login', { body: { email, password, ...(code && { code }) }, headers });

/** An account whose second factor counts, and of which no code has been used. */
async function enrolled(): Promise<Enrolled> {
  const account = await registerCustomer(shop.url);
  const { secret } = (await begin(account)).body;
  const confirmed = await confirm(account, totpCode(secret));
  expect(confirmed.status).toBe(200);
  await forget(account);
  return { ...account, secret, recoveryCodes: confirmed.body.recoveryCodes };
}

/** Lets codes that were used count again, for half a minute is longer than a test should wait. */
const forget = ({ id }: Account) => shop.db`update second_factors set last_step = null where customer_id = ${id}`;

const statuses = (answers: Answer<unknown>[]) => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

/** All that the database says of an account's second factor. */
const held = async ({ id }: Account) =>
  JSON.stringify([
    await shop.db`select * from second_factors where customer_id = ${id}`,
    await shop.db`select * from recovery_codes where customer_id = ${id}`,
  ]);

describe('POST /api/auth/totp', () => {
  test('when the password is right › gives a secret that apps take, keeps it sealed, and changes nothing yet', async () => {
    const account = await registerCustomer(shop.url);
    const begun = await begin(account);
    expect(begun.status).toBe(200);
    const { secret, url } = begun.body;
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const parsed = URI.parse(url);
    if (!(parsed instanceof TOTP)) throw new Error('The address is of no time-based code.');
    expect(parsed).toMatchObject({ issuer: 'Shop', label: account.email, algorithm: 'SHA1', digits: 6, period: 30 });
    expect(parsed.secret.base32).toBe(secret);
    expect(await held(account)).not.toContain(secret);
    expect((await login(account)).status).toBe(200);
  });

  test('when it is begun again › the secret before is of no use', async () => {
    const account = await registerCustomer(shop.url);
    const first = (await begin(account)).body.secret;
    const second = (await begin(account)).body.secret;
    expect(second).not.toBe(first);
    expectProblem(await confirm(account, totpCode(first)), 401, 'invalid_credentials');
    expect((await confirm(account, totpCode(second))).status).toBe(200);
  });

  test('when the password is wrong, or there is one already › refuses', async () => {
    const account = await enrolled();
    const before = await held(account);
    expectProblem(await begin({ ...account, password: 'not this one' }), 401, 'invalid_credentials');
    expectProblem(await begin(account), 409, 'totp_active');
    expect(await held(account)).toBe(before);
  });
});

describe('POST /api/auth/totp/confirm', () => {
  test('when the code is right › gives ten recovery codes, keeps hashes, and asks for a code from now on', async () => {
    const account = await registerCustomer(shop.url);
    const { secret } = (await begin(account)).body;
    const { status, body } = await confirm(account, totpCode(secret));
    expect(status).toBe(200);
    expect(new Set(body.recoveryCodes).size).toBe(10);
    const kept = await held(account);
    for (const code of body.recoveryCodes) {
      expect(code.replaceAll('-', '').length).toBeGreaterThanOrEqual(16);
      expect(kept).not.toContain(code.replaceAll('-', ''));
      expect(kept).not.toContain(code);
    }
    expectProblem(await login(account), 401, 'code_required');
    // The code that confirmed is used up.
    expectProblem(await login(account, totpCode(secret)), 401, 'invalid_credentials');
    expect((await login(account, totpCode(secret, 1))).status).toBe(200);
  });

  test('when nothing was begun, all is done, or the code is wrong › refuses', async () => {
    const fresh = await registerCustomer(shop.url);
    expectProblem(await confirm(fresh, wrong), 409, 'totp_not_started');
    await begin(fresh);
    for (const code of [wrong, '', ' ', '12345', 'x'.repeat(100)].filter(Boolean)) {
      expectProblem(await confirm(fresh, code), 401, 'invalid_credentials');
    }
    expect((await login(fresh)).status).toBe(200);
    const done = await enrolled();
    expectProblem(await confirm(done, totpCode(done.secret)), 409, 'totp_active');
  });

  test('when twenty ask at once, of two processes › takes effect once', async () => {
    const account = await registerCustomer(shop.url);
    const { secret } = (await begin(account)).body;
    const body = { code: totpCode(secret) };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        request(urls[index % 2] ?? shop.url, 'POST', '/api/auth/totp/confirm', {
          token: account.token,
          body,
          headers: elsewhere(),
        }),
      ),
    );
    expect(statuses(answers)).toEqual({ 200: 1, 409: 19 });
    expect(await shop.db`select 1 from recovery_codes where customer_id = ${account.id}`).toHaveLength(10);
  });
});

describe('POST /api/auth/login', () => {
  test('when an account has a second factor › takes its code on every process, once, and with blanks', async () => {
    const account = await enrolled();
    const code = totpCode(account.secret);
    expect((await login(account, `${code.slice(0, 3)} ${code.slice(3)}`)).status).toBe(200);
    expectProblem(await login(account, code), 401, 'invalid_credentials');
    const body = { email: account.email, password: account.password, code: totpCode(account.secret, 1) };
    expect((await request(urls[1] ?? '', 'POST', '/api/auth/login', { body })).status).toBe(200);
    // An earlier step does not count after a later one.
    expectProblem(await login(account, code), 401, 'invalid_credentials');
  });

  test('when a code is of another time, or of another account › refuses it', async () => {
    const [account, other] = await Promise.all([enrolled(), enrolled()]);
    const codes = [totpCode(account.secret, -4), totpCode(account.secret, 4), totpCode(other.secret), wrong];
    for (const code of codes) expectProblem(await login(account, code), 401, 'invalid_credentials');
    for (const code of other.recoveryCodes.slice(0, 2)) {
      expectProblem(await login(account, code), 401, 'invalid_credentials');
    }
  });

  test('when fifty show the same code at once, from everywhere › lets one in', async () => {
    const account = await enrolled();
    const body = { email: account.email, password: account.password, code: totpCode(account.secret) };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        request(urls[index % 2] ?? shop.url, 'POST', '/api/auth/login', { body, headers: elsewhere() }),
      ),
    );
    expect(Object.keys(statuses(answers)).filter((status) => !['200', '401', '503'].includes(status))).toEqual([]);
    // One beside that of registering; an answer may be lost on a machine that is starved.
    expect(await shop.db`select 1 from sessions where customer_id = ${account.id}`).toHaveLength(2);
    expect(statuses(answers)[200] ?? 0).toBeLessThanOrEqual(1);
  });

  test('when a recovery code is shown, by twenty at once › lets one in, and the other codes stay good', async () => {
    const account = await enrolled();
    const [code = '', next = ''] = account.recoveryCodes;
    const body = { email: account.email, password: account.password, code };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        request(urls[index % 2] ?? shop.url, 'POST', '/api/auth/login', { body, headers: elsewhere() }),
      ),
    );
    expect(statuses(answers)).toEqual({ 200: 1, 401: 19 });
    expect((await login(account, next.toUpperCase().replaceAll('-', ''))).status).toBe(200);
    expect((await login(account, totpCode(account.secret))).status).toBe(200);
  });

  test('when the account has no second factor › overlooks a code', async () => {
    const account = await registerCustomer(shop.url);
    expect((await login(account, wrong)).status).toBe(200);
  });

  test('when the password is wrong › says so, whatever the code, and uses no code up', async () => {
    const account = await enrolled();
    const code = totpCode(account.secret);
    const guess = { ...account, password: 'not this one' };
    for (const shown of [undefined, code, account.recoveryCodes[0]]) {
      expectProblem(await login(guess, shown), 401, 'invalid_credentials');
    }
    expect((await login(account, account.recoveryCodes[0])).status).toBe(200);
    expect((await login(account, code)).status).toBe(200);
  });

  test('when codes are wrong › counts them as failed sign-ins', async () => {
    const account = await enrolled();
    const here = elsewhere();
    for (let time = 0; time < 10; time += 1) {
      expectProblem(await login(account, wrong, here), 401, 'invalid_credentials');
    }
    expectProblem(await login(account, totpCode(account.secret), here), 429, 'rate_limited');
    expect((await login(account, totpCode(account.secret))).status).toBe(200);
  });

  test('when the code is missing › neither counts nor clears', async () => {
    const account = await enrolled();
    const here = elsewhere();
    for (let time = 0; time < 12; time += 1) expectProblem(await login(account, undefined, here), 401, 'code_required');
    for (let time = 0; time < 9; time += 1) {
      expectProblem(await login(account, wrong, here), 401, 'invalid_credentials');
    }
    expectProblem(await login(account, undefined, here), 401, 'code_required');
    expectProblem(await login(account, wrong, here), 401, 'invalid_credentials');
    expectProblem(await login(account, wrong, here), 429, 'rate_limited');
  });

  test('when the second factor is confirmed at the same instant › nobody gets in past it afterwards', async () => {
    const account = await registerCustomer(shop.url);
    const { secret } = (await begin(account)).body;
    const body = { email: account.email, password: account.password };
    const [, ...answers] = await Promise.all([
      confirm(account, totpCode(secret)),
      ...Array.from({ length: 6 }, (_, index) =>
        request(urls[index % 2] ?? shop.url, 'POST', '/api/auth/login', { body, headers: elsewhere() }),
      ),
    ]);
    for (const { status, body } of answers) {
      if (status !== 200) expect(body).toMatchObject({ code: 'code_required' });
    }
    const [late] = await shop.db<{ count: number }[]>`
      select count(*)::int as count from sessions join second_factors using (customer_id)
      where customer_id = ${account.id} and sessions.created_at > second_factors.confirmed_at`;
    expect(late?.count).toBe(0);
  });

  test('when the password changes › goes on asking for the code', async () => {
    const account = await enrolled();
    const newPassword = 'another secret';
    const body = { currentPassword: account.password, newPassword };
    expect((await ask('POST', '/api/auth/password', { token: account.token, body })).status).toBe(204);
    expectProblem(await login({ ...account, password: newPassword }), 401, 'code_required');
  });
});

describe('POST /api/auth/totp/remove', () => {
  test('when password and code are right › takes it away, with all of its codes', async () => {
    const account = await enrolled();
    expect((await remove(account, totpCode(account.secret))).status).toBe(204);
    expect(await held(account)).toBe('[[],[]]');
    expect((await login(account)).status).toBe(200);
    expectProblem(await remove(account, totpCode(account.secret)), 409, 'totp_not_active');
  });

  test('when it is a recovery code › does the same', async () => {
    const account = await enrolled();
    expect((await remove(account, account.recoveryCodes[9] ?? '')).status).toBe(204);
    expect((await login(account)).status).toBe(200);
  });

  test('when either is wrong, or it was never confirmed › refuses and leaves it', async () => {
    const account = await enrolled();
    const before = await held(account);
    expectProblem(await remove(account, wrong), 401, 'invalid_credentials');
    const guess = { ...account, password: 'not this one' };
    expectProblem(await remove(guess, totpCode(account.secret)), 401, 'invalid_credentials');
    expect(await held(account)).toBe(before);
    const fresh = await registerCustomer(shop.url);
    const { secret } = (await begin(fresh)).body;
    expectProblem(await remove(fresh, totpCode(secret)), 409, 'totp_not_active');
  });

  test('when codes are guessed › counts them as failed sign-ins', async () => {
    const account = await enrolled();
    const headers = elsewhere();
    const body = { currentPassword: account.password, code: wrong };
    for (let time = 0; time < 10; time += 1) {
      const answer = await ask('POST', '/api/auth/totp/remove', { token: account.token, body, headers });
      expectProblem(answer, 401, 'invalid_credentials');
    }
    const right = { ...body, code: totpCode(account.secret) };
    const answer = await ask('POST', '/api/auth/totp/remove', { token: account.token, body: right, headers });
    expectProblem(answer, 429, 'rate_limited');
  });
});

describe('ADMIN_TOTP=required', () => {
  let strict: ApiProcess;
  let askStrict: Ask;

  beforeAll(async () => {
    strict = await shop.startApi({ ADMIN_TOTP: 'required' });
    askStrict = await checkedRequests(strict.url);
  });

  test('when an admin has none › gives them nothing that the shop gives to admins', async () => {
    const [{ token, id }, customer] = await Promise.all([openAdmin(shop), registerCustomer(shop.url)]);
    const product = await createProduct(shop.url, await signInAdmin(shop.url));
    await ask('DELETE', `/api/products/${product.id}`, { token: await signInAdmin(shop.url) });
    const refused: [method: string, path: string, body?: unknown][] = [
      ['GET', '/api/customers'],
      ['GET', `/api/customers/${customer.id}`],
      ['PATCH', `/api/customers/phone/${customer.id}`, { phone: null }],
      ['GET', '/api/orders'],
      ['GET', `/api/customers/${customer.id}/export`],
      ['POST', `/api/customers/${customer.id}/sign-out`],
      ['POST', `/api/customers/${customer.id}/erase`],
      ['PATCH', `/api/customers/restore/${customer.id}`],
      ['POST', '/api/products', { name: 'Mug', priceCents: 1, stock: 1 }],
      ['GET', '/api/mails'],
      ['GET', '/api/audit-events'],
      ['GET', '/api/keys'],
      ['POST', '/api/keys', { name: 'Mug', scopes: ['orders:read'] }],
      ['POST', '/api/auth/totp/remove', {}],
    ];
    for (const [method, path, body] of refused) {
      expectProblem(await askStrict(method, path, { token, body }), 403, 'totp_required');
    }
    expectProblem(await askStrict('GET', `/api/products/${product.id}`, { token }), 404, 'not_found');
    expect((await askStrict('GET', `/api/customers/${id}`, { token })).status).toBe(200);
    expect((await askStrict('GET', '/api/sessions', { token })).status).toBe(200);
    expect((await askStrict('GET', `/api/customers/${id}/export`, { token })).status).toBe(200);
    expectProblem(await askStrict('POST', `/api/customers/${id}/erase`, { token }), 422, 'validation_failed');
    // The other processes go by their own setting.
    expect((await ask('GET', '/api/customers', { token })).status).toBe(200);
  });

  test('when an admin sets one up › lets them at all of it, and does not let them take it away', async () => {
    const account = await openAdmin(shop);
    const { email, password } = account;
    const token = (await askStrict<{ token: string }>('POST', '/api/auth/login', { body: { email, password } })).body
      .token;
    const changed = { currentPassword: password, newPassword: 'another secret' };
    expect((await askStrict('POST', '/api/auth/password', { token, body: changed })).status).toBe(204);
    const again = { ...account, password: changed.newPassword };
    again.token = await signIn(strict.url, again);
    const body = { currentPassword: again.password };
    const { secret } = (await askStrict<Begun>('POST', '/api/auth/totp', { token: again.token, body })).body;
    expectProblem(await askStrict('GET', '/api/customers', again), 403, 'totp_required');
    const code = totpCode(secret);
    const confirmed = await askStrict('POST', '/api/auth/totp/confirm', { token: again.token, body: { code } });
    expect(confirmed.status).toBe(200);
    for (const path of ['/api/customers', '/api/orders', '/api/keys']) {
      expect((await askStrict('GET', path, { token: again.token })).status).toBe(200);
    }
    const removal = { currentPassword: again.password, code: totpCode(secret, 1) };
    const refused = await askStrict('POST', '/api/auth/totp/remove', { token: again.token, body: removal });
    expectProblem(refused, 403, 'totp_required');
    expect((await askStrict('POST', '/api/auth/logout', { token: again.token })).status).toBe(204);
  });

  test('when a customer has none, or a key calls › asks nothing of them', async () => {
    const customer = await registerCustomer(strict.url);
    expect((await askStrict('GET', '/api/orders', { token: customer.token })).status).toBe(200);
    expectProblem(await askStrict('GET', '/api/customers', { token: customer.token }), 403, 'forbidden');
    const made = await ask<{ key: string }>('POST', '/api/keys', {
      token: await signInAdmin(shop.url),
      body: { name: 'Till', scopes: ['customers:read'] },
    });
    expect((await askStrict('GET', '/api/customers', { token: made.body.key })).status).toBe(200);
  });
});

describe('bun run admin:create', () => {
  async function run(...given: string[]) {
    const child = Bun.spawn([process.execPath, 'scripts/create-admin.ts', ...given], {
      env: { ...process.env, DATABASE_URL: shop.databaseUrl, ADMIN_PASSWORD: 'the operator’s own' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [code, complaint] = await Promise.all([child.exited, child.stderr.text()]);
    return { code, complaint };
  }

  test('when it resets the second factor of an admin › they get in without a code, and an event tells', async () => {
    const account = await enrolled();
    await shop.db`update customers set role = 'admin' where id = ${account.id}`;
    expect(await run('--email', account.email.toUpperCase(), '--reset-totp')).toEqual({ code: 0, complaint: '' });
    expect((await login(account)).status).toBe(200);
    expect(await held(account)).toBe('[[],[]]');
    const events = await shop.db`
      select action from audit_events where subject_id = ${account.id} and actor_kind = 'system'`;
    expect(events.map(({ action }) => action)).toEqual(['customer.totp_disabled']);
    expect((await run('--email', account.email, '--reset-totp')).complaint).toContain('has no second factor');
  });

  test('when the address is a customer’s, or nobody’s › leaves all as it is', async () => {
    const account = await enrolled();
    for (const email of [account.email, `${randomUUID()}@example.com`]) {
      const { code, complaint } = await run('--email', email, '--reset-totp');
      expect([code, complaint]).toEqual([1, expect.stringContaining('is no admin’s address')]);
    }
    expectProblem(await login(account), 401, 'code_required');
  });

  test('when it takes an account over › the second factor of the one who had it goes', async () => {
    const account = await enrolled();
    expect((await run('--email', account.email, '--name', 'Root', '--promote')).code).toBe(0);
    expect((await login({ ...account, password: 'the operator’s own' })).status).toBe(200);
  });
});

test('The secrets of second factors › stand in no log', async () => {
  const account = await enrolled();
  await login(account, totpCode(account.secret));
  for (const secret of [account.secret, ...account.recoveryCodes]) expect(shop.output()).not.toContain(secret);
  expect(admin.email).not.toBe(account.email);
});

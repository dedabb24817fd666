import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHmac, randomUUID } from 'node:crypto';
import type { SessionBody } from '../src/schema/sessions.ts';
import {
  type Account,
  type Answer,
  claimsOf,
  registerCustomer,
  request,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';

const sessionsMax = 100;
const secret = `the shop signs with ${randomUUID()}`;

let shop: Shop;
let ask: Ask;
let urls: string[];

beforeAll(async () => {
  shop = await startShop({ apis: 2, workers: 0, env: { JWT_SECRET: secret, TRUST_PROXY: '1' } });
  ask = await checkedRequests(shop.url);
  urls = [shop.api(0).url, shop.api(1).url];
});

afterAll(() => shop.stop());

type SessionPage = { data: SessionBody[]; pagination: { totalItems: number; nextCursor: string | null } };

async function sessionsOf(token: string): Promise<SessionBody[]> {
  const answer = await ask<SessionPage>('GET', '/api/sessions?limit=100', { token });
  expect(answer.status).toBe(200);
  return answer.body.data;
}

/** The statuses that both processes answer a token with. */
const statusesOf = (token: string) =>
  Promise.all(urls.map(async (url) => (await request(url, 'GET', '/api/orders', { token })).status));
const works = [200, 200];
const ended = [401, 401];

/** So many of the same request at once, to both processes in turn. */
const many = (times: number, method: string, path: string, options: Parameters<typeof request>[3]) =>
  Promise.all(Array.from({ length: times }, (_, index) => request(urls[index % 2] ?? shop.url, method, path, options)));

const count = (answers: Answer<unknown>[], wanted: number) => answers.filter(({ status }) => status === wanted).length;

/** A token as the release before signed them, which name no session. */
function tokenOfReleaseBefore({ token }: Account): string {
  const { sub, ver, iat, exp } = claimsOf(token);
  const parts = [
    { alg: 'HS256', typ: 'JWT' },
    { sub, ver, iat, exp },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

describe('POST /api/auth/login', () => {
  test('when it succeeds › begins a session that tells where from, and until when', async () => {
    const { email, password, token: first } = await registerCustomer(shop.url);
    const headers = { 'X-Forwarded-For': '2001:db8:1:2:3::4', 'User-Agent': 'Pocket/1.0 (a telephone)' };
    const answer = await ask<{ token: string; expiresAt: string }>('POST', '/api/auth/login', {
      body: { email, password },
      headers,
    });
    const { token, expiresAt } = answer.body;
    const [newest, oldest, ...others] = await sessionsOf(token);
    expect(newest).toEqual({
      id: String(claimsOf(token).sid),
      createdAt: expect.any(String),
      expiresAt,
      userAgent: 'Pocket/1.0 (a telephone)',
      address: '2001:db8:1:2::/64',
      current: true,
    } as SessionBody);
    expect(oldest).toMatchObject({ id: claimsOf(first).sid, current: false });
    // Registering began none.
    expect(others).toEqual([]);
  });

  test('when it fails › begins none', async () => {
    const { email, token } = await registerCustomer(shop.url);
    expect((await ask('POST', '/api/auth/login', { body: { email, password: 'wrong guess' } })).status).toBe(401);
    expect(await sessionsOf(token)).toHaveLength(1);
  });

  test('when the client names itself at great length, or not at all › keeps what a list can show', async () => {
    const { email, password, token } = await registerCustomer(shop.url);
    for (const userAgent of [`${'x'.repeat(4_000)}`, 'a\tb', '']) {
      const answer = await ask('POST', '/api/auth/login', {
        body: { email, password },
        headers: { 'User-Agent': userAgent },
      });
      expect(answer.status).toBe(200);
    }
    const agents = (await sessionsOf(token)).map(({ userAgent }) => userAgent);
    expect(agents.slice(1, 3)).toEqual(['a b', 'x'.repeat(500)]);
  });

  test('when an account has a hundred sessions › ends the oldest, however many sign in at once', async () => {
    const account = await registerCustomer(shop.url);
    await shop.db`
      insert into sessions (id, customer_id, address, created_at, expires_at)
      select uuid_v7(now() - number * interval '1 minute'), ${account.id}, '192.0.2.1', now(), now() + interval '1 hour'
      from generate_series(1, ${sessionsMax - 1}) as number`;
    const tokens = await Promise.all(
      Array.from({ length: 6 }, (_, index) => signIn(urls[index % 2] ?? shop.url, account)),
    );
    const left = await shop.db`
      select id from sessions where customer_id = ${account.id} and address = '192.0.2.1' order by id`;
    expect(left).toHaveLength(sessionsMax - 7);
    const oldest = await shop.db<{ id: string }[]>`
      select uuid_v7(now() - ${sessionsMax - 5} * interval '1 minute')::text as id`;
    expect(String(left[0]?.id) > String(oldest[0]?.id)).toBe(true);
    for (const token of [account.token, ...tokens]) expect(await statusesOf(token)).toEqual(works);
    expect(await sessionsOf(account.token)).toHaveLength(sessionsMax);
  });

  test('when the password changes at the same instant › leaves no session of the old one', async () => {
    const account = await registerCustomer(shop.url);
    const newPassword = 'another secret';
    const body = { email: account.email, password: account.password };
    const [signIns, changed] = await Promise.all([
      many(8, 'POST', '/api/auth/login', { body }),
      request(shop.url, 'POST', '/api/auth/password', {
        token: account.token,
        body: { currentPassword: account.password, newPassword },
      }),
    ]);
    expect(changed.status).toBe(204);
    for (const { status, body } of signIns) {
      if (status === 200) expect(await statusesOf(String(body.token))).toEqual(ended);
      else expect(status).toBe(401);
    }
    const token = await signIn(shop.url, { email: account.email, password: newPassword });
    expect(await sessionsOf(token)).toHaveLength(1);
  });
});

describe('POST /api/auth/logout', () => {
  test('when signed in › ends the session of the token, at once and everywhere, and no other', async () => {
    const account = await registerCustomer(shop.url);
    const other = await signIn(shop.url, account);
    expect(await statusesOf(account.token)).toEqual(works);
    const answer = await ask('POST', '/api/auth/logout', { token: account.token });
    expect([answer.status, answer.body]).toEqual([204, null as never]);
    expect(await statusesOf(account.token)).toEqual(ended);
    expect(await statusesOf(other)).toEqual(works);
    expect(await sessionsOf(other)).toHaveLength(1);
    expectProblem(await ask('POST', '/api/auth/logout', { token: account.token }), 401, 'unauthenticated');
  });

  test('when twenty ask at once, of two processes › ends it, and no other', async () => {
    const account = await registerCustomer(shop.url);
    const other = await signIn(shop.url, account);
    const answers = await many(20, 'POST', '/api/auth/logout', { token: account.token });
    expect(count(answers, 204)).toBeGreaterThan(0);
    expect(count(answers, 204) + count(answers, 401)).toBe(20);
    expect(await statusesOf(account.token)).toEqual(ended);
    expect(await statusesOf(other)).toEqual(works);
  });

  test('when the token is of the release before › ends it with all of the account', async () => {
    const account = await registerCustomer(shop.url);
    const old = tokenOfReleaseBefore(account);
    expect(await statusesOf(old)).toEqual(works);
    expect((await ask('POST', '/api/auth/logout', { token: old })).status).toBe(204);
    for (const token of [old, account.token]) expect(await statusesOf(token)).toEqual(ended);
  });
});

describe('GET /api/sessions', () => {
  test('when asked with a token of the release before › shows the sessions, none of them as current', async () => {
    const account = await registerCustomer(shop.url);
    const sessions = await sessionsOf(tokenOfReleaseBefore(account));
    expect(sessions.map(({ current }) => current)).toEqual([false]);
  });

  test('when one has expired › does not show it', async () => {
    const account = await registerCustomer(shop.url);
    const other = await signIn(shop.url, account);
    await shop.db`update sessions set expires_at = now() where id = ${String(claimsOf(other).sid)}`;
    expect((await sessionsOf(account.token)).map(({ id }) => id)).toEqual([String(claimsOf(account.token).sid)]);
    expectProblem(
      await ask('DELETE', `/api/sessions/${claimsOf(other).sid}`, { token: account.token }),
      404,
      'not_found',
    );
  });

  test('when walked by its cursors › shows each session once, newest first', async () => {
    const account = await registerCustomer(shop.url);
    const tokens = [account.token];
    for (let time = 0; time < 2; time += 1) tokens.push(await signIn(shop.url, account));
    const first = await ask<SessionPage>('GET', '/api/sessions?limit=2', { token: account.token });
    const { nextCursor } = first.body.pagination;
    const second = await ask<SessionPage>('GET', `/api/sessions?limit=2&cursor=${nextCursor}`, account);
    const shown = [...first.body.data, ...second.body.data].map(({ id }) => id);
    expect(shown).toEqual(tokens.reverse().map((token) => String(claimsOf(token).sid)));
    expectInvalid(await ask('GET', '/api/sessions?customerId=1', { token: account.token }), 'customerId');
  });
});

describe('DELETE /api/sessions/{id}', () => {
  test('when it is one of the caller’s › ends it, at once and everywhere, and no other', async () => {
    const account = await registerCustomer(shop.url);
    const lost = await signIn(shop.url, account);
    const path = `/api/sessions/${claimsOf(lost).sid}`;
    expect((await ask('DELETE', path, { token: account.token })).status).toBe(204);
    expect(await statusesOf(lost)).toEqual(ended);
    expect(await statusesOf(account.token)).toEqual(works);
    expectProblem(await ask('DELETE', path, { token: account.token }), 404, 'not_found');
  });

  test('when it is somebody else’s, an admin’s wish too, or none at all › finds nothing and ends nothing', async () => {
    const [owner, stranger] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const adminToken = await signInAdmin(shop.url);
    const path = `/api/sessions/${claimsOf(owner.token).sid}`;
    for (const token of [stranger.token, adminToken]) {
      expectProblem(await ask('DELETE', path, { token }), 404, 'not_found');
    }
    for (const id of [randomUUID(), 'x', owner.id]) {
      expectProblem(await ask('DELETE', `/api/sessions/${id}`, { token: owner.token }), 404, 'not_found');
    }
    expect(await statusesOf(owner.token)).toEqual(works);
  });

  test('when twenty ask at once, of two processes › takes effect once', async () => {
    const account = await registerCustomer(shop.url);
    const lost = await signIn(shop.url, account);
    const answers = await many(20, 'DELETE', `/api/sessions/${claimsOf(lost).sid}`, { token: account.token });
    expect([count(answers, 204), count(answers, 404)]).toEqual([1, 19]);
  });
});

describe('Every session of an account', () => {
  const ways: [what: string, end: (account: Account) => Promise<Answer<unknown>>][] = [
    [
      'its password changes',
      ({ token, password }) =>
        ask('POST', '/api/auth/password', {
          token,
          body: { currentPassword: password, newPassword: 'another secret' },
        }),
    ],
    ['all are ended', ({ id, token }) => ask('POST', `/api/customers/${id}/sign-out`, { token })],
    [
      'an admin ends them',
      async ({ id }) => ask('POST', `/api/customers/${id}/sign-out`, { token: await signInAdmin(shop.url) }),
    ],
    ['it is closed', ({ id, token }) => ask('DELETE', `/api/customers/${id}`, { token })],
  ];

  test.each(ways)('when %s › ends at once on every process, with tokens of the release before', async (_what, end) => {
    const [account, bystander] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const tokens = [account.token, await signIn(shop.url, account), tokenOfReleaseBefore(account)];
    for (const token of tokens) expect(await statusesOf(token)).toEqual(works);
    expect((await end(account)).status).toBe(204);
    for (const token of tokens) expect(await statusesOf(token)).toEqual(ended);
    expect(await shop.db`select 1 from sessions where customer_id = ${account.id}`).toHaveLength(0);
    expect(await statusesOf(bystander.token)).toEqual(works);
  });

  test('when a closed account is open again › stays ended', async () => {
    const account = await registerCustomer(shop.url);
    const tokens = [account.token, tokenOfReleaseBefore(account)];
    expect((await ask('DELETE', `/api/customers/${account.id}`, { token: account.token })).status).toBe(204);
    await shop.db`update customers set deleted_at = null where id = ${account.id}`;
    for (const token of tokens) expect(await statusesOf(token)).toEqual(ended);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { CustomerBody } from '../src/schema/customers.ts';
import type { MailBody, TokenKind } from '../src/schema/mails.ts';
import {
  type Account,
  type Answer,
  createProduct,
  freshEmail,
  placeOrder,
  type RequestOptions,
  registerCustomer,
  request,
  signIn,
  signInAdmin,
} from './support/client.ts';
import { type Ask, checkedRequests, expectInvalid } from './support/document.ts';
import type { ReceivedMail } from './support/mail-sink.ts';
import { newestToken, passMinute } from './support/mail-tokens.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { createShopClient } from './support/shop-client.ts';
import { eventually } from './support/wait.ts';

const newPassword = 'a brand new secret';
const resetPage = 'https://shop.example/reset?token={token}&from=mail';

let shop: Shop;
let checked: Ask;
let adminToken: string;
let urls: string[];
/** Of a shop that asks for new addresses to be confirmed. */
let verifyingUrl: string;

beforeAll(async () => {
  shop = await startShop({ apis: 2, env: { TRUST_PROXY: '1', PASSWORD_RESET_URL: resetPage } });
  checked = await checkedRequests(shop.url);
  adminToken = await signInAdmin(shop.url);
  urls = [shop.api(0).url, shop.api(1).url];
  verifyingUrl = (await shop.startApi({ EMAIL_VERIFICATION: 'on' })).url;
});

afterEach(() => shop.mail.become('accept'));

afterAll(() => shop.stop());

/** From an address of its own, because so many requests from one are too many. */
const fromElsewhere = () => ({
  'X-Forwarded-For': `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`,
});

const ask = <Body = Record<string, unknown>>(method: string, path: string, options: RequestOptions = {}) =>
  checked<Body>(method, path, { headers: fromElsewhere(), ...options });

const forget = (email: string) => ask('POST', '/api/auth/password/forgot', { body: { email } });
const reset = (token: string, password = newPassword) =>
  ask('POST', '/api/auth/password/reset', { body: { token, newPassword: password } });
const askToVerify = ({ token }: Account) => ask('POST', '/api/auth/email/send-verification', { token });
const verify = (token: string) => ask('POST', '/api/auth/email/verify', { body: { token } });
const moveTo = ({ id, token }: Account, email: string) =>
  ask<CustomerBody>('PATCH', `/api/customers/email/${id}`, { token, body: { email } });

const signsIn = async (email: string, password: string) =>
  (await ask('POST', '/api/auth/login', { body: { email, password } })).status === 200;
const accountOf = async ({ id }: Pick<Account, 'id'>) =>
  (await ask<CustomerBody>('GET', `/api/customers/${id}`, { token: adminToken })).body;
const mailsOf = async ({ id }: Pick<Account, 'id'>) =>
  (await ask<{ data: MailBody[] }>('GET', `/api/mails?customerId=${id}&limit=100`, { token: adminToken })).body.data;
const owed = async (account: Pick<Account, 'id'>, kind: TokenKind) =>
  (await mailsOf(account)).filter((mail) => mail.kind === kind).length;
const { eventsOf } = createShopClient(ask, () => ({ url: shop.url, adminToken }));

/** What has come to an address of a kind. */
const messagesTo = (email: string, kind: MailBody['kind']) =>
  shop.mail.messages.filter(({ to, headers }) => to === email && headers['x-mail-kind'] === kind);
const messageTo = (email: string, kind: MailBody['kind']): Promise<ReceivedMail> =>
  eventually(() => messagesTo(email, kind)[0]);

/** Asks for a mail with a token, which it then gives; the mail is not waited for. */
async function tokenFor(account: Account, kind: TokenKind): Promise<string> {
  const { status } = kind === 'password_reset' ? await forget(account.email) : await askToVerify(account);
  expect(status).toBe(202);
  return newestToken(shop.db, kind, account.id);
}

/** So many of the same request at once, to both processes in turn. */
const many = (times: number, path: string, body: (index: number) => unknown): Promise<Answer<unknown>[]> =>
  Promise.all(
    Array.from({ length: times }, (_, index) =>
      request(urls[index % 2] ?? shop.url, 'POST', path, { body: body(index), headers: fromElsewhere() }),
    ),
  );

/** Two requests at the same instant, each to a process of its own, in either order. */
function race<One, Other>(
  round: number,
  one: (url: string) => Promise<One>,
  other: (url: string) => Promise<Other>,
): Promise<[One, Other]> {
  const [first = '', second = ''] = round % 2 === 0 ? urls : urls.toReversed();
  return Promise.all([one(first), other(second)]);
}

/** As if so many minutes had gone by since an account's mails were owed. */
const pass = (minutes: number, { id }: Account) => shop.db`
  update mails set created_at = created_at - make_interval(mins => ${minutes}) where customer_id = ${id}`;

describe('POST /api/auth/password/forgot', () => {
  test('when somebody has the address › sends it a link, and nothing that the account wrote', async () => {
    const ada = await registerCustomer(shop.url, { name: 'Ada Cheap-Pills' });
    const answer = await forget(ada.email.toUpperCase());
    expect([answer.status, answer.body]).toEqual([202, null as never]);
    const { headers, html, text, subject } = await messageTo(ada.email, 'password_reset');
    const [, token = ''] = /^https:\/\/shop\.example\/reset\?token=([A-Za-z0-9_-]+)&from=mail$/m.exec(text) ?? [];
    expect(html).toContain(`href="https://shop.example/reset?token=${token}&amp;from=mail"`);
    expect([headers.to, headers['auto-submitted']]).toEqual([ada.email, 'auto-generated']);
    expect(headers).not.toHaveProperty('x-order-id');
    for (const part of [html, text, subject, ...Object.values(headers)]) expect(part).not.toContain('Cheap');
    expect(token).toBe(await newestToken(shop.db, 'password_reset', ada.id));
    expect(await eventsOf(ada)).toHaveLength(1);

    const [mail, ...others] = await eventually(async () => {
      const mails = await mailsOf(ada);
      return mails[0]?.state === 'sent' && mails;
    });
    expect(others).toEqual([]);
    const [kind, customerId] = ['password_reset', ada.id];
    expect(mail).toMatchObject({ kind, customerId, orderId: null, run: null, status: null, lastError: null });
    expect(headers['message-id']).toBe(`<${mail?.id}.password_reset@example.com>`);

    // A worker that died before it could say that the mail was sent leaves it to another.
    await shop.db`update mails set state = 'queued', due_at = now() where id = ${mail?.id ?? ''}`;
    const [first, second] = await eventually(() => {
      const messages = messagesTo(ada.email, 'password_reset');
      return messages.length === 2 && messages;
    });
    expect(second?.text).toBe(first?.text ?? '');
    expect(second?.headers['message-id']).toBe(first?.headers['message-id'] ?? '');
  });

  test('when the address is confirmed › greets by name', async () => {
    const ada = await registerCustomer(shop.url, { name: 'Ada Lovelace' });
    await shop.db`update customers set email_verified_at = now() where id = ${ada.id}`;
    await forget(ada.email);
    const { headers, text } = await messageTo(ada.email, 'password_reset');
    expect(headers.to).toBe(`Ada Lovelace <${ada.email}>`);
    expect(text).toContain('Hello Ada Lovelace,');
  });

  test('when it has made a token › leaves nothing in the database that could be used', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'password_reset');
    const tables = await shop.db<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema in ('public', 'bullmq')`;
    const mac = Buffer.from(token, 'base64url').subarray(16);
    const forms = [token, token.slice(-40), mac.toString('hex'), mac.toString('base64')];
    for (const { name } of tables.filter(({ name }) => name.startsWith('mail') || name === 'customers')) {
      const rows = JSON.stringify(await shop.db`select * from ${shop.db(name)}`);
      for (const form of forms) expect(rows).not.toContain(form);
    }
  });

  test('when nobody has the address, or did before they left › answers alike, and sends nothing', async () => {
    const ada = await registerCustomer(shop.url);
    expect((await ask('DELETE', `/api/customers/${ada.id}`, { token: ada.token })).status).toBe(204);
    const known = await registerCustomer(shop.url);
    const answers = [];
    for (const email of [ada.email, freshEmail(), known.email]) answers.push(await forget(email));
    const seen = answers.map(({ status, body, headers }) => {
      const names = [...headers.keys()].filter((name) => name !== 'x-request-id' && name !== 'date');
      return { status, body, headers: names.map((name) => [name, headers.get(name)]) };
    });
    expect(seen[0]).toEqual(seen[2] as never);
    expect(seen[1]).toEqual(seen[2] as never);
    expect(await mailsOf(ada)).toEqual([]);
    expectInvalid(await ask('POST', '/api/auth/password/forgot', { body: { email: 'ada' } }), 'email');
    expectInvalid(await ask('POST', '/api/auth/password/forgot', { body: { email: known.email, name: '' } }), 'name');
  });

  test('when many requests are timed › takes as long for an address that nobody has', async () => {
    const rounds = 80;
    const rows = await shop.db<{ email: string }[]>`
      insert into customers (id, name, email, password_hash, created_at, updated_at)
      select uuid_v7(now()), 'Ada', gen_random_uuid() || '@example.com', 'x', now(), now()
      from generate_series(1, ${rounds}) returning email`;
    const took = { known: [] as number[], unknown: [] as number[] };
    async function measure(kind: keyof typeof took, email: string) {
      const options = { body: { email }, headers: fromElsewhere() };
      const startedAt = performance.now();
      const { status } = await request(shop.url, 'POST', '/api/auth/password/forgot', options);
      took[kind].push(performance.now() - startedAt);
      expect(status).toBe(202);
    }
    // In turns, so that whatever else the machine does slows both kinds alike.
    for (const { email } of rows) {
      await measure('known', email);
      await measure('unknown', freshEmail());
    }
    const medians = { known: median(took.known), unknown: median(took.unknown) };
    console.log(`Medians: ${medians.known.toFixed(2)} ms known, ${medians.unknown.toFixed(2)} ms unknown address.`);
    expect(medians.known / medians.unknown).toBeWithin(1 / 1.5, 1.5);
  });

  test('when there was one within the minute › makes no second token, and the first one works', async () => {
    const ada = await registerCustomer(shop.url);
    const answers = await many(20, '/api/auth/password/forgot', () => ({ email: ada.email }));
    for (const { status } of answers) expect(status).toBe(202);
    expect(await owed(ada, 'password_reset')).toBe(1);
    const first = await newestToken(shop.db, 'password_reset', ada.id);
    await passMinute(shop.db);
    const second = await tokenFor(ada, 'password_reset');
    expect(second).not.toBe(first);
    expectProblem(await reset(first), 422, 'token_invalid');
    expect((await reset(second)).status).toBe(204);
  });

  test('when the account has moved, or the address changed hands, within the minute › sends nothing either', async () => {
    const ada = await registerCustomer(shop.url);
    const { email } = ada;
    await forget(email);
    expect((await moveTo(ada, freshEmail())).status).toBe(200);
    const bob = await registerCustomer(shop.url, { email });
    const moved = await accountOf(ada);
    for (const address of [email, moved.email]) expect((await forget(address)).status).toBe(202);
    expect([await owed(ada, 'password_reset'), await owed(bob, 'password_reset')]).toEqual([1, 0]);
    await passMinute(shop.db);
    for (const address of [email, moved.email]) await forget(address);
    expect([await owed(ada, 'password_reset'), await owed(bob, 'password_reset')]).toEqual([2, 1]);
  });

  test('when a network address has asked 20 times in an hour › answers 429, to both requests, and resets go on', async () => {
    const ada = await registerCustomer(shop.url);
    const headers = fromElsewhere();
    const token = await tokenFor(ada, 'password_reset');
    for (let time = 0; time < 20; time += 1) {
      const options = { headers, ...(time % 2 === 0 ? { body: { email: freshEmail() } } : { token: ada.token }) };
      const path = time % 2 === 0 ? 'password/forgot' : 'email/send-verification';
      expect((await ask('POST', `/api/auth/${path}`, options)).status).toBe(202);
    }
    const refused = await ask('POST', '/api/auth/password/forgot', { headers, body: { email: ada.email } });
    expectProblem(refused, 429, 'rate_limited');
    expect(Number(refused.headers.get('Retry-After'))).toBeWithin(1, 3_601);
    expect(refused.headers.get('RateLimit-Limit')).toBe('20');
    const [other] = urls.toReversed();
    const elsewhere = await request(other ?? '', 'POST', '/api/auth/email/send-verification', {
      headers,
      token: ada.token,
    });
    expectProblem(elsewhere, 429, 'rate_limited');
    const wrong = { headers, body: { token: 'x', newPassword } };
    for (let time = 0; time < 25; time += 1) {
      expectProblem(await ask('POST', '/api/auth/password/reset', wrong), 422, 'token_invalid');
    }
    expect((await ask('POST', '/api/auth/password/reset', { headers, body: { token, newPassword } })).status).toBe(204);
  });

  test('when a backlog of orders’ mails waits for a slow mail server › does not wait behind it', async () => {
    const ada = await registerCustomer(shop.url);
    const { id } = await createProduct(shop.url, adminToken, { stock: 10_000 });
    const order = await placeOrder(shop.url, ada.token, [{ productId: id, quantity: 1 }]);
    await eventually(() => shop.db`select 1 from mails where order_id = ${order.id} and state = 'sent'`);
    const backlog = 3_000;
    // So slow that the worker needs a minute for it.
    shop.mail.become({ acceptAfterMs: 400 });
    await shop.db`
      insert into mails (order_id, run, status, created_at, due_at)
      select ${order.id}, run, 'pending', now(), now() from generate_series(2, ${backlog + 1}) as run`;
    const left = async () =>
      (await shop.db`select 1 from mails where order_id = ${order.id} and state in ('queued', 'sending')`).length;
    await eventually(async () => (await left()) < backlog);
    try {
      const bob = await registerCustomer(shop.url);
      const startedAt = performance.now();
      await forget(bob.email);
      await askToVerify(bob);
      await Promise.all([messageTo(bob.email, 'password_reset'), messageTo(bob.email, 'email_verification')]);
      console.log(`Behind ${await left()} mails of orders: ${Math.round(performance.now() - startedAt)} ms.`);
      expect(await left()).toBeGreaterThan(backlog / 2);
    } finally {
      await shop.db`update mails set state = 'sent', due_at = null where order_id = ${order.id}`;
    }
  });
});

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe('POST /api/auth/password/reset', () => {
  test('when the token is genuine › sets the password, ends every session, and confirms the address, once', async () => {
    const ada = await registerCustomer(shop.url);
    const other = await signIn(shop.url, ada);
    expect(ada.emailVerifiedAt).toBeNull();
    const token = await tokenFor(ada, 'password_reset');
    const before = await eventsOf(ada);
    expect((await reset(token)).status).toBe(204);
    for (const url of urls) {
      for (const session of [ada.token, other]) {
        expect((await request(url, 'GET', '/api/sessions', { token: session })).status).toBe(401);
      }
    }
    expect([await signsIn(ada.email, newPassword), await signsIn(ada.email, ada.password)]).toEqual([true, false]);
    const account = await accountOf(ada);
    expect(account.emailVerifiedAt).toBeString();
    const listed = await ask<{ data: CustomerBody[] }>('GET', `/api/customers?email=${ada.email}`, {
      token: adminToken,
    });
    expect(listed.body.data).toEqual([account]);
    const [event, ...earlier] = await eventsOf(ada);
    expect(earlier).toEqual(before);
    expect(event).toMatchObject({
      actor: { kind: 'customer', id: ada.id },
      action: 'customer.password_changed',
      changes: { password: {}, emailVerifiedAt: { from: null, to: account.emailVerifiedAt } },
    });
    expectProblem(await reset(token, 'and another one'), 422, 'token_invalid');
    expect(await signsIn(ada.email, newPassword)).toBe(true);
    const { text } = await messageTo(ada.email, 'password_changed');
    expect(text).not.toContain(newPassword);
  });

  test('when it comes 50 times at the same instant › works once', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'password_reset');
    const answers = await many(50, '/api/auth/password/reset', (index) => ({
      token,
      newPassword: `secret no. ${index}`,
    }));
    const winners = answers.flatMap(({ status }, index) => (status === 204 ? [index] : []));
    expect(winners).toHaveLength(1);
    for (const answer of answers) if (answer.status !== 204) expectProblem(answer, 422, 'token_invalid');
    expect(await signsIn(ada.email, `secret no. ${winners[0]}`)).toBe(true);
    expect((await eventsOf(ada)).filter(({ action }) => action === 'customer.password_changed')).toHaveLength(1);
    expect((await mailsOf(ada)).filter(({ kind }) => kind === 'password_changed')).toHaveLength(1);
  });

  test('when it is an hour old › is refused, and a minute before it works', async () => {
    const [early, late] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const tokens = [await tokenFor(early, 'password_reset'), await tokenFor(late, 'password_reset')];
    await pass(59, early);
    await pass(60, late);
    const [first = '', second = ''] = tokens;
    expect((await reset(first)).status).toBe(204);
    expectProblem(await reset(second), 422, 'token_invalid');
    expect(await signsIn(late.email, late.password)).toBe(true);
  });

  test('when its mail is sent again later › is no younger for it', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'password_reset');
    await pass(60, ada);
    await shop.db`update mails set state = 'failed', due_at = null where customer_id = ${ada.id}`;
    const sent = await ask('POST', '/api/failed-mails/send', { token: adminToken });
    expect(sent.status).toBe(200);
    expectProblem(await reset(token), 422, 'token_invalid');
  });

  test('when the password will not do › says so, and the token still works', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'password_reset');
    for (const password of ['short', 'password', 'x'.repeat(129)])
      expectInvalid(await reset(token, password), 'newPassword');
    expectInvalid(await ask('POST', '/api/auth/password/reset', { body: { newPassword } }), 'token');
    expectInvalid(await ask('POST', '/api/auth/password/reset', { body: { token: 1, newPassword } }), 'token');
    expect((await reset(token)).status).toBe(204);
  });

  test('when the token is another one’s, or none › is refused', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'password_reset');
    const others = [
      await tokenFor(ada, 'email_verification'),
      token.slice(1),
      `${token}A`,
      `${token} `,
      token.toLowerCase(),
      ada.token,
      '…',
    ];
    for (const each of others) expectProblem(await reset(each), 422, 'token_invalid');
    expectProblem(await verify(token), 422, 'token_invalid');
    expect((await accountOf(ada)).emailVerifiedAt).toBeNull();
    expect((await reset(token)).status).toBe(204);
  });

  const ends: [what: string, end: (account: Account) => Promise<Answer<unknown>>, verificationToo: boolean][] = [
    [
      'the password has changed',
      ({ token, password }) =>
        ask('POST', '/api/auth/password', {
          token,
          body: { currentPassword: password, newPassword: 'another secret' },
        }),
      false,
    ],
    ['the address has changed', (account) => moveTo(account, freshEmail()), true],
    [
      'the address has changed, and changed back',
      async (account) => {
        await moveTo(account, freshEmail());
        return moveTo(account, account.email);
      },
      true,
    ],
    [
      'an admin has changed the address',
      ({ id, name }) =>
        ask('PUT', `/api/customers/${id}`, { token: adminToken, body: { name, email: freshEmail(), phone: null } }),
      true,
    ],
    ['the account is closed', ({ id, token }) => ask('DELETE', `/api/customers/${id}`, { token }), true],
  ];

  test.each(ends)('when %s meanwhile › is refused', async (_what, end, verificationToo) => {
    const ada = await registerCustomer(shop.url);
    const tokens = [await tokenFor(ada, 'password_reset'), await tokenFor(ada, 'email_verification')];
    const [ofReset = '', ofVerification = ''] = tokens;
    expect([200, 204]).toContain((await end(ada)).status);
    // Whatever becomes of the account later.
    await shop.db`update customers set deleted_at = null where id = ${ada.id}`;
    expectProblem(await reset(ofReset), 422, 'token_invalid');
    const verified = await verify(ofVerification);
    if (verificationToo) expectProblem(verified, 422, 'token_invalid');
    else expect(verified.status).toBe(204);
    expect((await accountOf(ada)).emailVerifiedAt === null).toBe(verificationToo);
  });

  test('when the address moves at the same instant › never confirms the new one, nor sets a password too late', async () => {
    for (let round = 0; round < 12; round += 1) {
      const ada = await registerCustomer(shop.url);
      const token = await tokenFor(ada, 'password_reset');
      const email = freshEmail();
      const [moved, done] = await race(
        round,
        (url) => request(url, 'PATCH', `/api/customers/email/${ada.id}`, { token: adminToken, body: { email } }),
        (url) => request(url, 'POST', '/api/auth/password/reset', { body: { token, newPassword } }),
      );
      expect(moved.status).toBe(200);
      expect([204, 422]).toContain(done.status);
      expect(await accountOf(ada)).toMatchObject({ email, emailVerifiedAt: null });
      expect(await signsIn(email, done.status === 204 ? newPassword : ada.password)).toBe(true);
    }
  });

  test('when the account is closed, or changes its password, at the same instant › one comes first', async () => {
    for (let round = 0; round < 8; round += 1) {
      const [ada, bob] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
      const tokens = [await tokenFor(ada, 'password_reset'), await tokenFor(bob, 'password_reset')];
      const resetOf = (index: number) => (url: string) =>
        request(url, 'POST', '/api/auth/password/reset', { body: { token: tokens[index], newPassword } });
      const [closed, done] = await race(
        round,
        (url) => request(url, 'DELETE', `/api/customers/${ada.id}`, { token: adminToken }),
        resetOf(0),
      );
      expect(closed.status).toBe(204);
      expect([204, 422]).toContain(done.status);
      expect(await signsIn(ada.email, newPassword)).toBe(false);
      const body = { currentPassword: bob.password, newPassword: 'another secret' };
      const [changed, second] = await race(
        round,
        (url) => request(url, 'POST', '/api/auth/password', { token: bob.token, body }),
        resetOf(1),
      );
      expect([changed.status === 204, second.status === 204].filter(Boolean)).toHaveLength(1);
      expect(await signsIn(bob.email, changed.status === 204 ? body.newPassword : newPassword)).toBe(true);
    }
  });
});

describe('POST /api/auth/email/send-verification', () => {
  test('when the address is not confirmed › sends a token that confirms it, once', async () => {
    const ada = await registerCustomer(shop.url);
    expect((await askToVerify(ada)).status).toBe(202);
    const { text, html } = await messageTo(ada.email, 'email_verification');
    const [token = ''] = /^[A-Za-z0-9_-]{64}$/m.exec(text) ?? [];
    expect(html).toContain(`>${token}</code>`);
    expect((await askToVerify(ada)).status).toBe(202);
    expect(await owed(ada, 'email_verification')).toBe(1);
    expect((await verify(token)).status).toBe(204);
    const { emailVerifiedAt } = await accountOf(ada);
    expect(Date.parse(emailVerifiedAt ?? '')).toBeWithin(Date.now() - 60_000, Date.now() + 60_000);
    const [event, ...earlier] = await eventsOf(ada);
    expect(earlier).toHaveLength(1);
    expect(event).toMatchObject({
      actor: { kind: 'customer', id: ada.id },
      action: 'customer.verified',
      changes: { emailVerifiedAt: { from: null, to: emailVerifiedAt } },
    });
    expectProblem(await verify(token), 422, 'token_invalid');
    expectProblem(await askToVerify(ada), 409, 'email_already_verified');
    // Its owner stays signed in.
    expect((await ask('GET', '/api/sessions', { token: ada.token })).status).toBe(200);
    expectProblem(await ask('POST', '/api/auth/email/send-verification'), 401, 'unauthenticated');
  });

  test('when it comes 50 times at the same instant › is sent once, and confirms once', async () => {
    const ada = await registerCustomer(shop.url);
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        request(urls[index % 2] ?? '', 'POST', '/api/auth/email/send-verification', {
          token: ada.token,
          headers: fromElsewhere(),
        }),
      ),
    );
    for (const { status } of asked) expect(status).toBe(202);
    expect(await owed(ada, 'email_verification')).toBe(1);
    const token = await newestToken(shop.db, 'email_verification', ada.id);
    const answers = await many(50, '/api/auth/email/verify', () => ({ token }));
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    for (const answer of answers) if (answer.status !== 204) expectProblem(answer, 422, 'token_invalid');
    expect((await eventsOf(ada)).filter(({ action }) => action === 'customer.verified')).toHaveLength(1);
  });

  test('when it is three days old › is refused, and an hour before it works', async () => {
    const [early, late] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const tokens = [await tokenFor(early, 'email_verification'), await tokenFor(late, 'email_verification')];
    await pass(71 * 60, early);
    await pass(72 * 60, late);
    const [first = '', second = ''] = tokens;
    expect((await verify(first)).status).toBe(204);
    expectProblem(await verify(second), 422, 'token_invalid');
  });

  test('when a limit has kept its mail back › works for three days from when that may go', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'email_verification');
    await pass(72 * 60, ada);
    await shop.db`update mails set deferred_until = now() - interval '1 hour' where customer_id = ${ada.id}`;
    expect((await verify(token)).status).toBe(204);
  });

  test('when two accounts have had the address › the one that has it confirms it, and the other nothing', async () => {
    for (let round = 0; round < 8; round += 1) {
      const ada = await registerCustomer(shop.url);
      const ofAda = await tokenFor(ada, 'email_verification');
      expect((await moveTo(ada, freshEmail())).status).toBe(200);
      await passMinute(shop.db);
      const bob = await registerCustomer(shop.url, { email: ada.email });
      const ofBob = await tokenFor(bob, 'email_verification');
      const [first, second] = await race(
        round,
        (url) => request(url, 'POST', '/api/auth/email/verify', { body: { token: ofAda } }),
        (url) => request(url, 'POST', '/api/auth/email/verify', { body: { token: ofBob } }),
      );
      expect([first.status, second.status]).toEqual([422, 204]);
      expect((await accountOf(ada)).emailVerifiedAt).toBeNull();
      expect((await accountOf(bob)).emailVerifiedAt).toBeString();
    }
  });

  test('when the address moves at the same instant › never confirms the new one', async () => {
    for (let round = 0; round < 12; round += 1) {
      const ada = await registerCustomer(shop.url);
      const token = await tokenFor(ada, 'email_verification');
      const email = freshEmail();
      const [moved, verified] = await race(
        round,
        (url) => request(url, 'PATCH', `/api/customers/email/${ada.id}`, { token: ada.token, body: { email } }),
        (url) => request(url, 'POST', '/api/auth/email/verify', { body: { token } }),
      );
      expect(moved.status).toBe(200);
      expect([204, 422]).toContain(verified.status);
      expect(await accountOf(ada)).toMatchObject({ email, emailVerifiedAt: null });
    }
  });
});

describe('A new address', () => {
  test('when the shop asks for it to be confirmed › gets a mail for it, at registration and after a change', async () => {
    const ada = await registerCustomer(verifyingUrl);
    const first = await messageTo(ada.email, 'email_verification');
    expect((await verify(/^[\w-]{64}$/m.exec(first.text)?.[0] ?? '')).status).toBe(204);
    const email = freshEmail();
    const body = { name: ada.name, email, phone: null };
    const changed = await request<CustomerBody>(verifyingUrl, 'PUT', `/api/customers/${ada.id}`, {
      token: ada.token,
      body,
    });
    expect(changed.body).toMatchObject({ email, emailVerifiedAt: null });
    const second = await messageTo(email, 'email_verification');
    expect((await verify(/^[\w-]{64}$/m.exec(second.text)?.[0] ?? '')).status).toBe(204);
    expect((await accountOf(ada)).emailVerifiedAt).toBeString();
    // Nobody is sent mails without end by one who comes and goes.
    await request(verifyingUrl, 'PATCH', `/api/customers/email/${ada.id}`, {
      token: ada.token,
      body: { email: ada.email },
    });
    await request(verifyingUrl, 'PATCH', `/api/customers/email/${ada.id}`, { token: ada.token, body: { email } });
    expect(await owed(ada, 'email_verification')).toBe(2);
  });

  test('when it does not › gets none, and is unconfirmed all the same', async () => {
    const ada = await registerCustomer(shop.url);
    await shop.db`update customers set email_verified_at = now() where id = ${ada.id}`;
    const email = freshEmail();
    const { body } = await moveTo(ada, email);
    expect(body).toMatchObject({ email, emailVerifiedAt: null });
    expect(await owed(ada, 'email_verification')).toBe(0);
    const [event] = await eventsOf(ada);
    expect(event?.action).toBe('customer.email_changed');
    expect(event?.changes).toMatchObject({ email: {}, emailVerifiedAt: { to: null } });
  });

  test('when it takes the place of another › is told, and so is the old one, neither the other', async () => {
    const ada = await registerCustomer(shop.url);
    const email = freshEmail();
    await moveTo(ada, email);
    for (const [address, other] of [
      [ada.email, email],
      [email, ada.email],
    ] as const) {
      const { text, html, headers } = await messageTo(address, 'email_changed');
      for (const part of [text, html, headers.to]) expect(part).not.toContain(other);
    }
    expect((await mailsOf(ada)).map(({ kind }) => kind)).toEqual(['email_changed', 'email_changed']);
  });

  test('when it is the old one in other letters › is none', async () => {
    const ada = await registerCustomer(shop.url);
    const token = await tokenFor(ada, 'password_reset');
    await shop.db`update customers set email_verified_at = now() where id = ${ada.id}`;
    const { body } = await moveTo(ada, ada.email.toUpperCase());
    expect(body).toMatchObject({ email: ada.email.toUpperCase(), emailVerifiedAt: expect.any(String) });
    expect((await mailsOf(ada)).map(({ kind }) => kind)).toEqual(['password_reset']);
    expect((await reset(token)).status).toBe(204);
  });
});

describe('A changed password', () => {
  test('when its owner has changed it › is told to the address', async () => {
    const ada = await registerCustomer(shop.url);
    const body = { currentPassword: ada.password, newPassword };
    expect((await ask('POST', '/api/auth/password', { token: ada.token, body })).status).toBe(204);
    // To that address, even if it is another one's by the time the mail goes.
    await shop.db`update customers set email = ${freshEmail()} where id = ${ada.id}`;
    const { text, headers } = await messageTo(ada.email, 'password_changed');
    expect(text).not.toContain(newPassword);
    expect(headers['message-id']).toMatch(/^<[\w-]+\.password_changed@example\.com>$/);
  });
});

describe('GET /api/mails', () => {
  test('when asked for an account’s › shows those of its orders, too, newest first', async () => {
    const [ada, bob] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
    const { id } = await createProduct(shop.url, adminToken);
    const order = await placeOrder(shop.url, ada.token, [{ productId: id, quantity: 1 }]);
    await placeOrder(shop.url, bob.token, [{ productId: id, quantity: 1 }]);
    await forget(ada.email);
    await forget(bob.email);
    const mails = await mailsOf(ada);
    const [customerId, orderId] = [ada.id, order.id];
    expect(mails).toMatchObject([
      { kind: 'password_reset', customerId, orderId: null, run: null, status: null },
      { kind: 'order_status', customerId, orderId, run: 1, status: 'pending' },
    ]);
    const path = `/api/mails?customerId=${ada.id.toUpperCase()}&limit=1`;
    const first = await ask<{ data: MailBody[]; pagination: { totalItems: number; nextCursor: string } }>('GET', path, {
      token: adminToken,
    });
    expect(first.body.pagination.totalItems).toBe(2);
    const next = `${path}&cursor=${first.body.pagination.nextCursor}`;
    const second = await ask<{ data: MailBody[] }>('GET', next, { token: adminToken });
    expect([...first.body.data, ...second.body.data].map(({ id }) => id)).toEqual(mails.map(({ id }) => id));
    expectInvalid(await ask('GET', '/api/mails?customerId=ada', { token: adminToken }), 'customerId');
  });

  test('when one of an account has failed › sends it again, at once', async () => {
    shop.mail.become({ refuseWith: 550 });
    const ada = await registerCustomer(shop.url);
    await forget(ada.email);
    const failed = await eventually(async () => {
      const [mail] = await mailsOf(ada);
      return mail?.state === 'failed' && mail;
    });
    shop.mail.become('accept');
    const again = await ask<MailBody>('POST', `/api/mails/${failed.id}/send`, { token: adminToken });
    expect(again.body).toMatchObject({ id: failed.id, kind: 'password_reset', customerId: ada.id, state: 'queued' });
    await messageTo(ada.email, 'password_reset');
    await eventually(async () => (await mailsOf(ada))[0]?.state === 'sent');
    expectProblem(await ask('POST', `/api/mails/${failed.id}/send`, { token: adminToken }), 409, 'mail_not_failed');
  });
});

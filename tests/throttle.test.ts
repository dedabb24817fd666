import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { freshEmail, registerCustomer, untilServed } from './support/client.ts';
import { type Ask, checkedRequests } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

const pairFailuresMax = 10;
const addressFailuresMax = 100;
const accountFailuresMax = 100;
const windowSeconds = 15 * 60;

const registrationsMax = 3;

let shop: Shop;
let ask: Ask;
/** Two other APIs of the shop, with a limit on registrations. */
let limited: { one: Ask; other: Ask };

beforeAll(async () => {
  shop = await startShop({ workers: 0, env: { TRUST_PROXY: '1' } });
  ask = await checkedRequests(shop.url);
  const env = { REGISTRATIONS_PER_HOUR: String(registrationsMax) };
  const [one, other] = await Promise.all([shop.startApi(env), shop.startApi(env)]);
  limited = { one: await checkedRequests(one.url), other: await checkedRequests(other.url) };
});

afterAll(() => shop.stop());

let addresses = 0;

/** An address that no other test calls from. */
function freshAddress(): string {
  addresses += 1;
  return `198.51.100.${addresses}`;
}

const login = (address: string, email: string, password: string, askWhom = ask) =>
  askWhom('POST', '/api/auth/login', { body: { email, password }, headers: { 'X-Forwarded-For': address } });

/** So many wrong guesses, one after the other; each is told that it is wrong. */
async function fail(address: string, email: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    expectProblem(await login(address, email, 'not the password'), 401, 'invalid_credentials');
  }
}

/** How many of the answers have each status. */
function tally(answers: { status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** In waves, because each guess costs the shop a hash, and a guess that waits too long for its turn is told 503. */
async function guessAHundredTimes(address: string) {
  const waveSize = 20;
  const answers: Awaited<ReturnType<typeof login>>[] = [];
  while (answers.length < addressFailuresMax) {
    const wave = Array.from({ length: waveSize }, () => login(address, freshEmail(), 'guess'));
    answers.push(...(await Promise.all(wave)));
  }
  return answers;
}

/** Lets the one count that has such a key go on from here, because to come so far costs a hash each. */
async function goOnFrom(count: number, key: string): Promise<void> {
  const keys = await shop.redis.keys(key);
  expect(keys).toHaveLength(1);
  for (const found of keys) await shop.redis.set(found, count, 'KEEPTTL');
}

/** An address that has one failure left. */
async function almostClosedAddress(): Promise<string> {
  const address = freshAddress();
  await fail(address, freshEmail(), 1);
  await goOnFrom(addressFailuresMax - 1, `login-address*:${address}`);
  return address;
}

describe('POST /api/auth/login', () => {
  describe('when a hundred have failed at an account, each from another address', () => {
    const strangers = (times: number, email: string, password: string) =>
      Promise.all(Array.from({ length: times }, () => login(freshAddress(), email, password)));

    /** An account with a session at an address, and no failure left. */
    async function besieged() {
      const { email, password } = await registerCustomer(shop.url);
      const home = freshAddress();
      expect((await login(home, email, password)).status).toBe(200);
      for (let failed = 0; failed < accountFailuresMax; ) {
        const answers = await strangers(10, email, 'not the password');
        failed += answers.filter(({ status }) => status === 401).length;
      }
      return { email, password, home };
    }

    test('lets strangers try one after the other, and the owner at once', async () => {
      const { email, password, home } = await besieged();
      const startedAt = performance.now();
      const guesses = strangers(3, email, 'not the password');
      const siege = strangers(20, email.toUpperCase(), 'not the password');
      // A machine with other work to do may be late, but refuses nobody who is at home.
      await eventually(async () => {
        const { status } = await login(home, email, password);
        expect(status).toBeOneOf([200, 503]);
        return status === 200;
      });
      expect(Object.keys(tally(await guesses)).every((status) => ['401', '429', '503'].includes(status))).toBe(true);
      const answers = await siege;
      const refused = answers.find(({ status }) => status === 429);
      expect(Number(refused?.headers.get('Retry-After'))).toBeWithin(1, 3);
      const guessed = [...answers, ...(await guesses)].filter(({ status }) => status === 401).length;
      // The first goes at once, each of the others a second after the one before.
      expect(guessed).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 1_000) + 1);
      // A stranger who knows the password gets their turn, too, and is at home there from then on.
      const abroad = freshAddress();
      await eventually(async () => (await login(abroad, email, password)).status === 200);
      expect((await login(abroad, email, password)).status).toBe(200);
    });
  });

  describe('when a pair of address and account has failed ten times', () => {
    test('answers 429 with what is left of the window, to the right password too', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      await fail(address, email, pairFailuresMax);
      for (const guess of ['not the password', password]) {
        const answer = await login(address, email, guess);
        expectProblem(answer, 429, 'rate_limited');
        const retryAfter = Number(answer.headers.get('Retry-After'));
        expect(retryAfter).toBeWithin(windowSeconds - 60, windowSeconds + 1);
        expect(answer.headers.get('RateLimit-Limit')).toBe(String(pairFailuresMax));
        expect(answer.headers.get('RateLimit-Remaining')).toBe('0');
        expect(Number(answer.headers.get('RateLimit-Reset'))).toBe(retryAfter);
      }
    });

    test('counts the account in whatever case it is written', async () => {
      const email = freshEmail();
      const address = freshAddress();
      await fail(address, email, pairFailuresMax - 1);
      await fail(address, email.toUpperCase(), 1);
      expectProblem(await login(address, ` ${email} `, 'not the password'), 429, 'rate_limited');
    });

    test('answers unknown accounts alike', async () => {
      const email = freshEmail();
      const address = freshAddress();
      await fail(address, email, pairFailuresMax);
      expectProblem(await login(address, email, 'not the password'), 429, 'rate_limited');
    });

    test('leaves other accounts and other addresses alone', async () => {
      const [account, other] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
      const address = freshAddress();
      await fail(address, account.email, pairFailuresMax);
      expect((await login(address, other.email, other.password)).status).toBe(200);
      expect((await login(freshAddress(), account.email, account.password)).status).toBe(200);
      expectProblem(await login(address, account.email, account.password), 429, 'rate_limited');
    });

    test('holds on every process', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      await fail(address, email, pairFailuresMax);
      expectProblem(await login(address, email, password, limited.other), 429, 'rate_limited');
    });

    test('ends with the window', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      await fail(address, email, pairFailuresMax);
      expectProblem(await login(address, email, password), 429, 'rate_limited');
      const keys = (await shop.redis.keys('*login-pair*')).filter((key) => key.includes(email));
      expect(keys).not.toBeEmpty();
      for (const key of keys) {
        expect(await shop.redis.ttl(key)).toBeWithin(1, windowSeconds + 1);
        await shop.redis.pexpire(key, 1);
      }
      await eventually(async () => (await login(address, email, password)).status === 200);
    });
  });

  describe('when the right password comes in time', () => {
    test('the pair starts afresh', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      await fail(address, email, pairFailuresMax - 1);
      expect((await login(address, email, password)).status).toBe(200);
      await fail(address, email, pairFailuresMax);
      expectProblem(await login(address, email, password), 429, 'rate_limited');
    });

    test('is never refused for its own number, at the same instant either', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      // So that it is refused as soon as two of the right ones count at once.
      await fail(address, email, pairFailuresMax - 1);
      // 503 says that the machine has too much to do, and nothing about their number.
      const signIns = Array.from({ length: 25 }, () => untilServed(() => login(address, email, password)));
      expect(tally(await Promise.all(signIns))).toEqual({ 200: 25 });
    });
  });

  describe('when many guess at the same instant', () => {
    test('no more than ten are told that they are wrong', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      const answers = await Promise.all(Array.from({ length: 30 }, () => login(address, email, 'not the password')));
      expect(tally(answers)).toEqual({ 401: pairFailuresMax, 429: 30 - pairFailuresMax });
      expectProblem(await login(address, email, password), 429, 'rate_limited');
    });
  });

  describe('when an address has failed a hundred times, under whatever name', () => {
    test('answers 429 to it, whatever account it tries, and to no other', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      expect(tally(await guessAHundredTimes(address))).toEqual({ 401: addressFailuresMax });
      for (const guess of ['not the password', password]) {
        const answer = await login(address, email, guess);
        expectProblem(answer, 429, 'rate_limited');
        expect(answer.headers.get('RateLimit-Limit')).toBe(String(addressFailuresMax));
      }
      expect((await login(freshAddress(), email, password)).status).toBe(200);
    });

    test('does not count what succeeded', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = await almostClosedAddress();
      for (let time = 0; time < 5; time += 1) expect((await login(address, email, password)).status).toBe(200);
      await fail(address, freshEmail(), 1);
      expectProblem(await login(address, freshEmail(), 'guess'), 429, 'rate_limited');
    });
  });

  describe('when the caller writes more addresses than the proxy', () => {
    test('counts by the one that the trusted hop has added', async () => {
      const email = freshEmail();
      const address = freshAddress();
      for (let time = 0; time < pairFailuresMax; time += 1) {
        await fail(`203.0.113.${time}, ${address}`, email, 1);
      }
      expectProblem(await login(`203.0.113.99, ${address}`, email, 'not the password'), 429, 'rate_limited');
    });

    test('counts by the peer when no proxy is trusted', async () => {
      const email = freshEmail();
      const api = await shop.startApi({ TRUST_PROXY: '0' });
      const askOther = await checkedRequests(api.url);
      const guess = (time: number) =>
        askOther('POST', '/api/auth/login', {
          body: { email, password: 'not the password' },
          headers: { 'X-Forwarded-For': `203.0.113.${time}` },
        });
      for (let time = 0; time < pairFailuresMax; time += 1) {
        expectProblem(await guess(time), 401, 'invalid_credentials');
      }
      expectProblem(await guess(99), 429, 'rate_limited');
      await api.kill();
    });
  });

  describe('when one address is written in many ways', () => {
    const spellings: Record<string, (time: number) => string> = {
      'with a port that changes': (time) => `203.0.113.9:${1_024 + time}`,
      'as IPv4 mapped into IPv6, in both forms': (time) => (time % 2 ? '::ffff:203.0.113.10' : '::FFFF:cb00:710a'),
      'as IPv6 in brackets with a port': (time) => `[2001:db8:0:1::1]:${1_024 + time}`,
      'as addresses of one IPv6 /64': (time) => `2001:db8:0:2:${time}::${time}`,
      'as IPv6 in capitals, with zeros and with a zone': (time) =>
        ['2001:DB8:0:3::1', '2001:0db8:0000:0003::0001', '2001:db8:0:3::1%eth0'][time % 3] ?? '',
      'as what is no address': (time) => `garbage-${time}`,
    };

    test.each(Object.entries(spellings))('counts them as one, %s', async (_, spelling) => {
      const { email, password } = await registerCustomer(shop.url);
      for (let time = 0; time < pairFailuresMax; time += 1) await fail(spelling(time), email, 1);
      expectProblem(await login(spelling(pairFailuresMax), email, password), 429, 'rate_limited');
      expect((await login(freshAddress(), email, password)).status).toBe(200);
    });

    test.each([
      ['203.0.113.11:4321', '203.0.113.11'],
      ['::ffff:203.0.113.11', '203.0.113.11'],
      ['[2001:db8:0:4::1]:443', '2001:db8:0:4::/64'],
    ])('tells it in the log in one form, %s', async (written, logged) => {
      const { headers } = await login(written, freshEmail(), 'a guess');
      const requestId = headers.get('X-Request-Id');
      const line = await eventually(() => shop.log().find((each) => each.requestId === requestId));
      expect(line.address).toBe(logged);
    });

    test('tells the addresses of two IPv6 /64 apart', async () => {
      const { email, password } = await registerCustomer(shop.url);
      await fail('2001:db8:0:5::1', email, pairFailuresMax);
      expect((await login('2001:db8:0:6::1', email, password)).status).toBe(200);
    });
  });

  describe('when an address is closed and goes on', () => {
    test('writes nothing to Redis for the accounts that it names, and closes none of them', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = await almostClosedAddress();
      await fail(address, freshEmail(), 1);
      const keysBefore = (await shop.redis.keys('login-*')).toSorted();
      for (let time = 0; time < 50; time += 1) {
        expectProblem(await login(address, freshEmail(), 'a guess'), 429, 'rate_limited');
      }
      for (let time = 0; time < pairFailuresMax + 1; time += 1) {
        expectProblem(await login(address, email, password), 429, 'rate_limited');
      }
      expect((await shop.redis.keys('login-*')).toSorted()).toEqual(keysBefore);
      // The window of the address has passed, that of its pairs would not have.
      const keys = await shop.redis.keys(`login-address*${address}`);
      expect(keys).toHaveLength(1);
      for (const key of keys) await shop.redis.pexpire(key, 1);
      await eventually(async () => (await login(address, email, password)).status === 200);
    });
  });

  describe('when nothing could be checked', () => {
    test('leaves nothing in Redis', async () => {
      const address = freshAddress();
      await shop.postgresLink.cut();
      const answers = await Promise.all(Array.from({ length: 20 }, () => login(address, freshEmail(), 'a guess')));
      await shop.postgresLink.restore();
      expect(tally(answers)).toEqual({ 503: 20 });
      await eventually(async () => (await ask('GET', '/readyz')).status === 200);
      expect((await shop.redis.keys('*')).filter((key) => key.includes(address))).toEqual([]);
    });
  });

  describe('when Postgres is down', () => {
    test('does not count what nobody could check', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      await shop.postgresLink.cut();
      const answers = await Promise.all(
        Array.from({ length: pairFailuresMax + 2 }, () => login(address, email, password)),
      );
      await shop.postgresLink.restore();
      expect(tally(answers)).toEqual({ 503: pairFailuresMax + 2 });
      await eventually(async () => (await login(address, email, password)).status === 200);
      await fail(address, email, pairFailuresMax);
    });

    test('answers within five seconds, however many wait', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      shop.postgresLink.hang();
      const startedAt = Date.now();
      const answers = await Promise.all([1, 2, 3].map(() => login(address, email, password)));
      const tookMs = Date.now() - startedAt;
      await shop.postgresLink.restore();
      expect(tally(answers)).toEqual({ 503: 3 });
      expect(tookMs).toBeLessThan(givenLoad(5_000));
      await eventually(async () => (await login(address, email, password)).status === 200);
    });
  });

  describe('when Redis is down', () => {
    test('goes on limiting', async () => {
      const { email, password } = await registerCustomer(shop.url);
      const address = freshAddress();
      await shop.redisLink.cut();
      // Without Redis every process counts for itself.
      const askOne = await checkedRequests(shop.api(0).url);
      const answers = [];
      for (let time = 0; time < pairFailuresMax + 2; time += 1) {
        answers.push(await login(address, email, 'not the password', askOne));
      }
      const right = await login(freshAddress(), email, password);
      await shop.redisLink.restore();
      await eventually(async () => (await ask('GET', '/readyz')).body.status === 'ok');
      expect(tally(answers)).toEqual({ 401: pairFailuresMax, 429: 2 });
      expect(right.status).toBe(200);
    });
  });
});

describe('POST /api/auth/password', () => {
  describe('when the current password has been guessed wrong ten times', () => {
    test('answers 429, to the right one too, and the password stands', async () => {
      const { email, password, token } = await registerCustomer(shop.url);
      const headers = { 'X-Forwarded-For': freshAddress() };
      const change = (currentPassword: string) =>
        ask('POST', '/api/auth/password', { token, body: { currentPassword, newPassword: 'new password' }, headers });
      for (let time = 0; time < pairFailuresMax; time += 1) {
        expectProblem(await change('not the password'), 401, 'invalid_credentials');
      }
      expectProblem(await change(password), 429, 'rate_limited');
      expect((await login(freshAddress(), email, password)).status).toBe(200);
    });

    test('counts with failures to sign in, and starts afresh with a success there', async () => {
      const { email, password, token } = await registerCustomer(shop.url);
      const address = freshAddress();
      const guess = () =>
        ask('POST', '/api/auth/totp', {
          token,
          body: { currentPassword: 'not the password' },
          headers: { 'X-Forwarded-For': address },
        });
      for (let time = 1; time < pairFailuresMax; time += 1) expectProblem(await guess(), 401, 'invalid_credentials');
      expect((await login(address, email.toUpperCase(), password)).status).toBe(200);
      for (let time = 0; time < pairFailuresMax / 2; time += 1) {
        expectProblem(await guess(), 401, 'invalid_credentials');
        await fail(address, email, 1);
      }
      expectProblem(await guess(), 429, 'rate_limited');
      expectProblem(await login(address, email, password), 429, 'rate_limited');
    });
  });
});

describe('POST /api/auth/register', () => {
  const limit = 100;
  const register = (askWhom: Ask, address: string, email = freshEmail()) =>
    askWhom('POST', '/api/auth/register', {
      body: { name: 'Ada Lovelace', email, password: 'open sesame' },
      headers: { 'X-Forwarded-For': address },
    });

  /** Registers so often, a few at a time, and tells what came of it. */
  async function registerOften(askWhom: Ask, address: (time: number) => string, times: number) {
    const answers = [];
    for (let time = 0; time < times; time += 10) {
      const few = Math.min(10, times - time);
      answers.push(...(await Promise.all(Array.from({ length: few }, (_, i) => register(askWhom, address(time + i))))));
    }
    return tally(answers);
  }

  function expectLimited(answer: Awaited<ReturnType<typeof register>>, limitShown: number): void {
    expectProblem(answer, 429, 'rate_limited');
    expect(Number(answer.headers.get('Retry-After'))).toBeWithin(60 * 60 - 120, 60 * 60 + 1);
    expect(answer.headers.get('RateLimit-Limit')).toBe(String(limitShown));
    expect(answer.headers.get('RateLimit-Remaining')).toBe('0');
    expect(answer.headers.get('RateLimit-Reset')).toBe(answer.headers.get('Retry-After'));
  }

  describe('when an address has registered as often in an hour as by default it may', () => {
    test('answers 429 to it and to nobody else, and opens no account', async () => {
      const api = await shop.startApi({ REGISTRATIONS_PER_HOUR: '' });
      const askLimited = await checkedRequests(api.url);
      const address = (time: number) => `2001:db8:1:1::${time}`;
      expect((await register(askLimited, address(0))).status).toBe(201);
      await goOnFrom(limit - 10, 'registration*2001:db8:1:1*');
      expect(await registerOften(askLimited, address, 10)).toEqual({ 201: 10 });
      const email = freshEmail();
      expectLimited(await register(askLimited, address(limit), email), limit);
      expect((await register(askLimited, freshAddress(), email)).status).toBe(201);
      await api.kill();
    });
  });

  describe('when there is a limit', () => {
    test('counts what is hashed, and not what is refused before', async () => {
      const askLimited = limited.one;
      const address = freshAddress();
      const email = freshEmail();
      const headers = { 'X-Forwarded-For': address };
      for (let time = 0; time < 5; time += 1) {
        expectProblem(await askLimited('POST', '/api/auth/register', { body: {}, headers }), 422, 'validation_failed');
      }
      expect((await register(askLimited, address, email)).status).toBe(201);
      for (let time = 0; time < 2; time += 1) {
        expectProblem(await register(askLimited, address, email), 409, 'email_taken');
      }
      expectLimited(await register(askLimited, address), registrationsMax);
    });

    test('holds on every process, and without Redis in each', async () => {
      const { one, other } = limited;
      const address = freshAddress();
      expect(await registerOften(one, () => address, registrationsMax)).toEqual({ 201: registrationsMax });
      expectLimited(await register(other, address), registrationsMax);
      const another = freshAddress();
      await shop.redisLink.cut();
      const answers = await registerOften(one, () => another, registrationsMax + 2);
      await shop.redisLink.restore();
      await eventually(async () => (await ask('GET', '/readyz')).body.status === 'ok');
      expect(answers).toEqual({ 201: registrationsMax, 429: 2 });
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { type Account, registerCustomer, request } from './support/client.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually, givenLoad } from './support/wait.ts';

const crowd = 300;
/** As many as a client here has connections for at once, and more than the shop serves in time on two busy cores. */
const crowdOfClients = 200;
/** Some have their turn before it is known that they are gone. */
const servedMax = 30;
const signIns = 20;
const answerMsMax = 5_000;

let shop: Shop;
let account: Account;

beforeAll(async () => {
  shop = await startShop({ apis: 1, workers: 0 });
  account = await registerCustomer(shop.url);
});

afterAll(() => shop.stop());

const registration = (domain: string, number: number) => ({
  name: 'Mallory',
  email: `${number}@${domain}`,
  password: 'open sesame',
});

/** Sends a whole request and hangs up as soon as it is written. */
function sendAndHangUp(path: string, body: object): Promise<void> {
  const text = JSON.stringify(body);
  const head = ['Host: shop', 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`];
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(shop.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.write(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
  });
}

/** Signs in so many times, one after the other; answers each status once and the longest time that one took. */
async function signInOften(): Promise<{ statuses: number[]; longestMs: number }> {
  const { email, password } = account;
  const statuses = new Set<number>();
  let longestMs = 0;
  for (let time = 0; time < signIns; time += 1) {
    const startedAt = Date.now();
    statuses.add((await request(shop.url, 'POST', '/api/auth/login', { body: { email, password } })).status);
    longestMs = Math.max(longestMs, Date.now() - startedAt);
  }
  return { statuses: [...statuses], longestMs };
}

async function accountsAt(domain: string): Promise<string[]> {
  const rows = await shop.db<{ email: string }[]>`select email from customers where email like ${`%@${domain}`}`;
  return rows.map(({ email }) => email);
}

/** Until the shop has answered everything that was asked of `path`, as its log has it. */
const untilAnswered = (path: string, count: number) =>
  eventually(() => shop.log().filter((line) => line.msg === 'request' && line.path === path).length >= count, {
    withinMs: 20_000,
  });

const unexpected = () => shop.log().filter(({ level }) => level === 'error');

describe('POST /api/auth/register', () => {
  describe('when hundreds register and hang up at once', () => {
    test('opens next to no account for them, and sign-ins go on', async () => {
      const domain = 'gone.example';
      const before = shop.log().filter(({ path }) => path === '/api/auth/register').length;
      const [signedIn] = await Promise.all([
        signInOften(),
        ...Array.from({ length: crowd }, (_, number) =>
          sendAndHangUp('/api/auth/register', registration(domain, number)),
        ),
      ]);
      expect(signedIn.statuses).toEqual([200]);
      expect(signedIn.longestMs).toBeLessThan(givenLoad(answerMsMax));
      // Nobody waits behind those who are gone.
      const startedAt = Date.now();
      await registerCustomer(shop.url);
      expect(Date.now() - startedAt).toBeLessThan(givenLoad(answerMsMax));
      await untilAnswered('/api/auth/register', before + crowd + 1);
      expect((await accountsAt(domain)).length).toBeLessThan(servedMax);
      expect(unexpected()).toEqual([]);
    });
  });

  describe('when hundreds register at once and wait', () => {
    test('opens an account for each or answers 503 within 5 s and opens none, and sign-ins go on', async () => {
      const domain = 'waits.example';
      const ask = async (number: number) => {
        const body = registration(domain, number);
        const startedAt = Date.now();
        const { status, headers } = await request(shop.url, 'POST', '/api/auth/register', { body });
        return { email: body.email, status, retryAfter: headers.get('Retry-After'), tookMs: Date.now() - startedAt };
      };
      const [signedIn, ...answers] = await Promise.all([
        signInOften(),
        ...Array.from({ length: crowdOfClients }, (_, number) => ask(number)),
      ]);
      expect(signedIn.statuses).toEqual([200]);
      expect(signedIn.longestMs).toBeLessThan(givenLoad(answerMsMax));
      const opened = answers.filter(({ status }) => status === 201);
      const refused = answers.filter(({ status }) => status === 503);
      expect(opened.length + refused.length).toBe(crowdOfClients);
      expect(refused.map(({ retryAfter }) => retryAfter)).toEqual(refused.map(() => '1'));
      expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(givenLoad(answerMsMax));
      expect((await accountsAt(domain)).toSorted()).toEqual(opened.map(({ email }) => email).toSorted());
    });
  });
});

describe('POST /api/auth/login', () => {
  describe('when hundreds guess and hang up at once', () => {
    test('registering goes on, and those whose turn never came are not counted', async () => {
      const { email } = account;
      const before = shop.log().filter(({ path }) => path === '/api/auth/login').length;
      const guesses = Array.from({ length: crowd }, (_, number) =>
        sendAndHangUp('/api/auth/login', { email: `${number}.${email}`, password: 'a guess' }),
      );
      const startedAt = Date.now();
      await Promise.all([registerCustomer(shop.url), ...guesses]);
      expect(Date.now() - startedAt).toBeLessThan(givenLoad(answerMsMax));
      await untilAnswered('/api/auth/login', before + crowd + 1);
      const keys = await shop.redis.keys('login-pair*');
      expect(keys.length).toBeLessThan(servedMax);
      expect((await signInOften()).statuses).toEqual([200]);
      expect(unexpected()).toEqual([]);
    });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHmac, createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { exchange } from './hostile/sockets.ts';
import { type Account, claimsOf, registerCustomer } from './support/client.ts';
import { type Ask, checkedRequests } from './support/document.ts';
import { expectProblem } from './support/problem.ts';
import { type Shop, startShop } from './support/shop.ts';
import { eventually } from './support/wait.ts';

const secret = `the shop signs with ${randomUUID()}`;

let shop: Shop;
let ask: Ask;
let customer: Account;
let other: Account;

beforeAll(async () => {
  shop = await startShop({ workers: 0, env: { JWT_SECRET: secret } });
  ask = await checkedRequests(shop.url);
  [customer, other] = await Promise.all([registerCustomer(shop.url), registerCustomer(shop.url)]);
});

afterAll(() => shop.stop());

type Claims = Record<string, unknown>;

const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
const hs256 = { alg: 'HS256', typ: 'JWT' };
const now = () => Math.floor(Date.now() / 1_000);

/** What the shop says in its own tokens, with changes; undefined leaves a claim out. */
function claims(changes: Claims = {}, { token } = customer): Claims {
  return { ...claimsOf(token), ...changes };
}

/** A token signed by hand, after RFC 7515. */
function signed(payload: unknown, header: unknown = hs256, key = secret, hash = 'sha256'): string {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
}

function unsigned(header: unknown, signature = ''): string {
  return `${encode(header)}.${encode(claims())}.${signature}`;
}

/** What tokens of the release before lack. */
const sessionless = { sid: undefined, aud: undefined, typ: undefined };

const call = (token: string) => ask('GET', '/api/orders', { headers: { Authorization: `Bearer ${token}` } });

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

function signedByRsa(): string {
  const text = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims())}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}

describe('A token', () => {
  describe('when the shop’s own key has signed it', () => {
    test.each<[string, () => string]>([
      ['as the shop does', () => signed(claims())],
      ['without a type', () => signed(claims(), { alg: 'HS256' })],
      ['with a moment from which it is valid, in the past', () => signed(claims({ nbf: now() - 10 }))],
      ['by a host whose clock is ahead', () => signed(claims({ iat: now() + 30 }))],
      ['as the release before did, without a session', () => signed(claims(sessionless))],
    ])('is taken: %s', async (_what, make) => {
      expect((await call(make())).status).toBe(200);
    });

    test('makes nobody what the account is not', async () => {
      const token = signed(claims({ role: 'admin', admin: true, scope: '*' }));
      expectProblem(await ask('GET', '/api/customers', { token }), 403, 'forbidden');
    });

    test('stops at its end, however often it was taken before', async () => {
      const token = signed(claims({ exp: Date.now() / 1_000 + 2 }));
      expect((await call(token)).status).toBe(200);
      await eventually(async () => (await call(token)).status === 401);
      expectProblem(await call(token), 401, 'unauthenticated');
    });
  });

  describe('when it is signed in another way', () => {
    test.each<[string, () => string]>([
      ['not at all', () => unsigned({ alg: 'none' })],
      ['not at all, in capitals', () => unsigned({ alg: 'NONE' })],
      ['not at all, in both', () => unsigned({ alg: 'nOnE' })],
      ['not at all, with a signature', () => unsigned({ alg: 'none' }, customer.token.split('.')[2])],
      ['by no algorithm', () => signed(claims(), { typ: 'JWT' })],
      ['by an empty algorithm', () => signed(claims(), { alg: '' })],
      ['by a list of algorithms', () => signed(claims(), { alg: ['HS256'] })],
      ['by an algorithm in small letters', () => signed(claims(), { alg: 'hs256' })],
      ['by HS384', () => signed(claims(), { alg: 'HS384', typ: 'JWT' }, secret, 'sha384')],
      ['by HS512', () => signed(claims(), { alg: 'HS512', typ: 'JWT' }, secret, 'sha512')],
      ['by HS256 but said to be HS512', () => signed(claims(), { alg: 'HS512', typ: 'JWT' })],
      ['by HS256 but said to be RS256', () => signed(claims(), { alg: 'RS256', typ: 'JWT' })],
      ['by an RSA key', signedByRsa],
      ['with a public RSA key as the secret', () => signed(claims(), hs256, publicPem)],
      ['with no key', () => signed(claims(), hs256, '')],
      ['with a well-known key', () => signed(claims(), hs256, 'secret')],
      ['with the key and a line feed', () => signed(claims(), hs256, `${secret}\n`)],
      [
        'with a key that it brings along',
        () => signed(claims(), { ...hs256, jwk: { kty: 'oct', k: encode('x') } }, 'x'),
      ],
      ['with a key that it names', () => signed(claims(), { ...hs256, kid: '../../dev/null' }, '')],
      ['with a key that it links to', () => signed(claims(), { ...hs256, jku: 'http://127.0.0.1:1/' }, 'x')],
    ])('is refused: %s', async (_what, make) => {
      expectProblem(await call(make()), 401, 'unauthenticated');
    });
  });

  describe('when the shop’s own key has signed what the shop would not say', () => {
    test.each<[string, () => string]>([
      ['no end', () => signed(claims({ exp: undefined }))],
      ['no end, in so many words', () => signed(claims({ exp: null }))],
      ['an end in words', () => signed(claims({ exp: '2999-01-01T00:00:00Z' }))],
      ['an end in digits', () => signed(claims({ exp: String(now() + 60) }))],
      ['an end that is now', () => signed(claims({ exp: now() }))],
      ['an end before time', () => signed(claims({ exp: -1 }))],
      ['a moment from which it is valid, to come', () => signed(claims({ nbf: now() + 60 }))],
      ['a moment from which it is valid, in words', () => signed(claims({ nbf: 'now' }))],
      ['no moment of issue', () => signed(claims({ iat: undefined }))],
      ['no version', () => signed(claims({ ver: undefined }))],
      ['a version in digits', () => signed(claims({ ver: '1' }))],
      ['a version to come', () => signed(claims({ ver: 2 }))],
      ['a version before the first', () => signed(claims({ ver: 0 }))],
      ['a broken version', () => signed(claims({ ver: 1.5 }))],
      ['a version beyond whole numbers', () => signed(claims({ ver: 2 ** 60 }))],
      ['no account', () => signed(claims({ sub: undefined }))],
      ['an account that never was', () => signed(claims({ sub: randomUUID() }))],
      ['an account that is no id', () => signed(claims({ sub: "' or true --" }))],
      ['two accounts', () => signed(claims({ sub: [customer.id, other.id] }))],
      ['an object for an account', () => signed(claims({ sub: { id: customer.id } }))],
      ['no session, but for whom it is', () => signed(claims({ sid: undefined }))],
      ['nobody for whom it is', () => signed(claims({ aud: undefined }))],
      ['nobody for whom it is, and no session', () => signed(claims({ ...sessionless, typ: 'access' }))],
      ['another for whom it is', () => signed(claims({ aud: 'another shop' }))],
      ['several for whom it is', () => signed(claims({ aud: ['shop', 'another shop'] }))],
      ['nothing that it is good for', () => signed(claims({ typ: undefined }))],
      ['something else that it is good for', () => signed(claims({ typ: 'refresh' }))],
      ['something else, and no session', () => signed(claims({ ...sessionless, typ: 'password-reset' }))],
      ['a session of nothing', () => signed(claims({ sid: null }))],
      ['a session that never was', () => signed(claims({ sid: randomUUID() }))],
      ['a session that is no id', () => signed(claims({ sid: "' or true --" }))],
      ['the session of another', () => signed(claims({ sid: claims({}, other).sid }))],
      ['the account of another', () => signed(claims({ sub: other.id }))],
      ['what must be understood, and is not', () => signed(claims(), { ...hs256, crit: ['exp'] })],
      ['another type', () => signed(claims(), { ...hs256, typ: 'at+jwt' })],
      ['a list of claims', () => signed([claims()])],
      ['nothing', () => signed(null)],
      ['no JSON', () => signed('{')],
      ['a header that is no JSON', () => signed(claims(), '{')],
      ['a header that is nothing', () => signed(claims(), null)],
    ])('is refused: %s', async (_what, make) => {
      expectProblem(await call(make()), 401, 'unauthenticated');
    });

    test('is refused for a deleted account, at the version that it had', async () => {
      const gone = await registerCustomer(shop.url);
      const token = signed(claims({}, gone));
      expect((await call(token)).status).toBe(200);
      expect((await ask('DELETE', `/api/customers/${gone.id}`, { token })).status).toBe(204);
      expectProblem(await call(token), 401, 'unauthenticated');
    });
  });

  describe('when it has another shape', () => {
    test.each<[string, () => string]>([
      ['very long', () => 'a'.repeat(12_000)],
      ['very long, in three parts', () => `${'a'.repeat(4_000)}.${'a'.repeat(4_000)}.${'a'.repeat(4_000)}`],
      ['a thousand parts', () => 'a.'.repeat(1_000)],
      ['five parts', () => `${signed(claims())}.a.b`],
      ['no parts', () => '....'],
      ['no signature', () => signed(claims()).replace(/\.[^.]*$/, '')],
      ['a cut signature', () => signed(claims()).slice(0, -4)],
      ['letters that base64url lacks', () => signed(claims()).replace('.', '.*')],
      ['a blank inside', () => signed(claims()).replace('.', '. ')],
      ['a deep header', () => `${encode('['.repeat(4_000) + ']'.repeat(4_000))}.e30.e30`],
    ])('is refused: %s', async (_what, make) => {
      const { status } = await call(make());
      expect(status).toBe(401);
    });
  });

  describe('when there are two of them', () => {
    test('is refused, whichever comes first', async () => {
      const statusWith = async (...tokens: string[]) => {
        const lines = tokens.map((token) => `Authorization: Bearer ${token}\r\n`).join('');
        return (await exchange(shop.url, `GET /api/orders HTTP/1.1\r\nHost: x\r\n${lines}\r\n`)).status;
      };
      expect(await statusWith(customer.token)).toBe(200);
      for (const tokens of [
        [customer.token, other.token],
        [customer.token, customer.token],
        [customer.token, 'a.b.c'],
        ['a.b.c', customer.token],
      ]) {
        expect(await statusWith(...tokens)).toBeOneOf([400, 401]);
      }
    });
  });
});

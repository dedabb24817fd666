import { describe, expect, test } from 'bun:test';
import { sign } from 'hono/jwt';
import type { Account } from '../domain/customers/accounts.ts';
import { readSettings } from '../settings.ts';
import { clientAddress, createTokens } from './auth.ts';

const jwtSecret = 'known to this test and to nobody else';
// Far ahead, because the library below looks at the machine's clock as well.
const bornAt = new Date('2099-11-22T12:00:00.250Z');

const sessionId = '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3d';

const account: Account = {
  id: '019379c3-8f00-7cc1-b2f4-1d6e8f1a2b3c',
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  emailVerifiedAt: null,
  phone: null,
  role: 'customer',
  passwordHash: '',
  tokenVersion: 3,
  createdAt: bornAt,
  updatedAt: bornAt,
  deletedAt: null,
};

/** Tokens of a shop whose clock the test moves. */
function tokensAt(start: Date, secret = jwtSecret) {
  const clock = { now: start };
  const settings = { ...readSettings({ JWT_TTL: '1h' }), jwtSecret: secret, tokenSecret: secret };
  const { sessionEnd, issue, check } = createTokens({ settings, now: () => clock.now });
  const issueNow = async () => {
    const expiresAt = sessionEnd();
    return { token: await issue(account, { id: sessionId, expiresAt }), expiresAt };
  };
  return { clock, issue: issueNow, check };
}

describe('createTokens', () => {
  describe('when a token is given', () => {
    test('says whose it is, of which session and version, until it ends, to the millisecond', async () => {
      const { clock, issue, check } = tokensAt(bornAt);
      const { token, expiresAt } = await issue();
      expect(expiresAt.toISOString()).toBe('2099-11-22T13:00:00.250Z');
      expect(await check(token)).toMatchObject({ sub: account.id, ver: 3, sid: sessionId });
      clock.now = new Date(expiresAt.getTime() - 1);
      expect(await check(token)).toMatchObject({ sub: account.id });
      clock.now = expiresAt;
      expect(await check(token)).toBeNull();
    });

    test('ends for a process that has never seen it, too', async () => {
      const { token, expiresAt } = await tokensAt(bornAt).issue();
      expect(await tokensAt(expiresAt).check(token)).toBeNull();
    });

    test('is taken by a process whose clock is a little behind', async () => {
      const { token } = await tokensAt(bornAt).issue();
      expect(await tokensAt(new Date(bornAt.getTime() - 5_000)).check(token)).not.toBeNull();
    });

    test('holds nothing personal', async () => {
      const { token } = await tokensAt(bornAt).issue();
      const [, payload = ''] = token.split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      expect(Object.keys(claims).sort()).toEqual(['aud', 'exp', 'iat', 'sid', 'sub', 'typ', 'ver']);
    });
  });

  describe('when a token is not genuine', () => {
    const claims = { sub: account.id, ver: 3, iat: 0, exp: 9_999_999_999 };

    test('refuses one that another secret signed', async () => {
      const { token } = await tokensAt(bornAt, 'known to somebody else, and long enough').issue();
      expect(await tokensAt(bornAt).check(token)).toBeNull();
    });

    test('refuses other algorithms with the same secret', async () => {
      for (const algorithm of ['HS384', 'HS512'] as const) {
        expect(await tokensAt(bornAt).check(await sign(claims, jwtSecret, algorithm))).toBeNull();
      }
    });

    test('refuses claims of another shape', async () => {
      const bad = [
        { ...claims, sub: 'ada' },
        { ...claims, ver: '3' },
        { sub: account.id, ver: 3, iat: 0 },
        { ...claims, nbf: 9_999_999_998 },
      ];
      for (const each of bad) expect(await tokensAt(bornAt).check(await sign(each, jwtSecret, 'HS256'))).toBeNull();
      expect(await tokensAt(bornAt).check(await sign(claims, jwtSecret, 'HS256'))).not.toBeNull();
    });

    test.each(['', 'a', 'a.b', 'a.b.c', '..', '.'.repeat(10_000)])('refuses what is no token: %p', async (token) => {
      expect(await tokensAt(bornAt).check(token)).toBeNull();
    });
  });
});

describe('clientAddress', () => {
  describe('when no proxy is trusted', () => {
    test('is the peer, whatever the header says', () => {
      expect(clientAddress('203.0.113.9', '198.51.100.1', 0)).toBe('198.51.100.1');
      expect(clientAddress(undefined, '198.51.100.1', 0)).toBe('198.51.100.1');
    });
  });

  describe('when proxies are trusted', () => {
    test('is what the outermost of them saw, whatever was written before', () => {
      expect(clientAddress('203.0.113.9, 198.51.100.7', '10.0.0.1', 1)).toBe('198.51.100.7');
      expect(clientAddress('1.1.1.1, 203.0.113.9, 198.51.100.7', '10.0.0.1', 2)).toBe('203.0.113.9');
      expect(clientAddress(' 203.0.113.9 ,, 198.51.100.7 ', '10.0.0.1', 2)).toBe('203.0.113.9');
    });

    test('is the first that is known when fewer hops have written than are trusted', () => {
      expect(clientAddress(undefined, '10.0.0.1', 1)).toBe('10.0.0.1');
      expect(clientAddress('203.0.113.9', '10.0.0.1', 5)).toBe('203.0.113.9');
    });
  });

  describe('when the peer is not known', () => {
    test('is the same for all of them', () => {
      expect(clientAddress(undefined, undefined, 0)).toBe('unknown');
    });
  });
});

import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { sign, verify } from 'hono/jwt';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Account } from '../domain/customers/accounts.ts';
import type { AccountActor } from '../domain/customers/actor.ts';
import { ShopError } from '../errors.ts';
import { canonicalAddress } from '../lib/network-address.ts';
import { isUnset, type ParameterKind } from '../schema/common.ts';
import type { ApiServices } from '../services.ts';
import type { AppEnv } from './env.ts';

const algorithm = 'HS256';
const knownTokensMax = 10_000;

/** For whom tokens are, and what they are good for: nothing else that the same secret may have signed. */
const audience = 'shop';
const tokenType = 'access';

const claimsOfAll = { sub: z.guid(), ver: z.int(), iat: z.number(), exp: z.number() };
const absent = z.undefined().optional();
const claimsSchema = z.union([
  z.object({ ...claimsOfAll, sid: z.guid(), aud: z.literal(audience), typ: z.literal(tokenType) }),
  // Those of the release before work until they expire.
  z.object({ ...claimsOfAll, sid: absent, aud: absent, typ: absent }),
]);
type Claims = z.infer<typeof claimsSchema>;

export type Tokens = {
  /** When the session of a token that is given now ends. */
  sessionEnd: () => Date;
  /** A token that names a session, and ends with it. */
  issue: (account: Pick<Account, 'id' | 'tokenVersion'>, session: { id: string; expiresAt: Date }) => Promise<string>;
  /** The claims of a genuine token that has not expired; null for anything else. */
  check: (token: string) => Promise<Claims | null>;
};

/** Signs and verifies the shop's JSON Web Tokens (RFC 7519), HS256 and nothing else. */
export function createTokens({ settings, now }: Pick<ApiServices, 'settings' | 'now'>): Tokens {
  // Verifying costs as much as the rest of a request; a token that was genuine a moment ago still is.
  const genuine = new LRUCache<string, Claims>({ max: knownTokensMax });
  const seconds = () => now().getTime() / 1_000;

  return {
    sessionEnd: () => new Date(now().getTime() + settings.jwtTtlMs),
    issue: ({ id, tokenVersion }, session) => {
      const iat = Math.floor(seconds());
      const exp = session.expiresAt.getTime() / 1_000;
      const claims = { sub: id, ver: tokenVersion, sid: session.id, aud: audience, typ: tokenType, iat, exp };
      return sign(claims, settings.jwtSecret, algorithm);
    },
    check: async (token) => {
      const known = genuine.get(token);
      if (known) return known.exp > seconds() ? known : null;
      // Clocks of several hosts differ, so a token from just ahead is let pass; `exp` is held against our clock below.
      const payload = await verify(token, settings.jwtSecret, { alg: algorithm, iat: false, exp: false }).catch(
        () => null,
      );
      const claims = claimsSchema.safeParse(payload);
      if (!claims.success || claims.data.exp <= seconds()) return null;
      genuine.set(token, claims.data);
      return claims.data;
    },
  };
}

type SignedInEnv = AppEnv & { Variables: { actor: AccountActor; sessionId: string | undefined } };

export type Guards = ReturnType<typeof createGuards>;

/** Middleware that asks who calls. Account, session and role are read from Postgres for every request. */
export function createGuards({ findAccountStatus }: Pick<ApiServices, 'findAccountStatus'>, tokens: Tokens) {
  type Caller = { actor: AccountActor; sessionId: string | undefined };

  async function callerOf(c: Pick<Context<AppEnv>, 'req' | 'get'>): Promise<Caller | null> {
    const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
    const claims = token === undefined ? null : await tokens.check(token);
    if (!claims) return null;
    const account = await findAccountStatus({ accountId: claims.sub, sessionId: claims.sid });
    if (!account || account.tokenVersion !== claims.ver) return null;
    const actor = { kind: account.role, id: account.id, requestId: c.get('requestId') };
    return { actor, sessionId: claims.sid };
  }

  /** Who calls a route that anyone may, if they say so. */
  async function identify(c: Pick<Context<AppEnv>, 'req' | 'get'>): Promise<AccountActor | null> {
    return (await callerOf(c))?.actor ?? null;
  }

  async function requireActor(c: Context<SignedInEnv>): Promise<AccountActor> {
    const caller = await callerOf(c);
    if (!caller) throw new ShopError('unauthenticated', 'A valid bearer token is required.');
    const { actor, sessionId } = caller;
    c.set('actor', actor);
    c.set('sessionId', sessionId);
    c.get('logFields').customerId = actor.id;
    return actor;
  }

  const signedIn = createMiddleware<SignedInEnv>(async (c, next) => {
    await requireActor(c);
    await next();
  });

  const adminOnly = createMiddleware<SignedInEnv>(async (c, next) => {
    const actor = await requireActor(c);
    if (actor.kind !== 'admin') throw new ShopError('forbidden', 'Only an admin may do this.');
    await next();
  });

  /** For query parameters that only an admin may send, whatever their value, unless it means that they are not sent. */
  const adminParameters = (parameters: Record<string, ParameterKind>) =>
    createMiddleware<SignedInEnv>(async (c, next) => {
      const isSent = ([name, kind]: [string, ParameterKind]) =>
        c.req.queries(name)?.some((value) => !isUnset(value, kind)) ?? false;
      if (c.get('actor').kind !== 'admin' && Object.entries(parameters).some(isSent)) {
        throw new ShopError('forbidden', `Only an admin may ask by ${Object.keys(parameters).join(' or ')}.`);
      }
      await next();
    });

  return { identify, signedIn, adminOnly, adminParameters };
}

/** The address that guesses and requests are counted under; the access log tells it, too. */
export function addressOf(
  c: Pick<Context<AppEnv>, 'req' | 'env' | 'get'>,
  { trustProxyHops }: Pick<ApiServices['settings'], 'trustProxyHops'>,
): string {
  const address = clientAddress(c.req.header('x-forwarded-for'), c.env?.remoteAddress, trustProxyHops);
  c.get('logFields').address = address;
  return address;
}

/**
 * The caller's address, for counting attempts: the peer's, or as many hops before it as the operator trusts to have
 * written the end of `X-Forwarded-For`, in the one form of `canonicalAddress`. Where a hop wrote what is no address, it
 * is that of the hop itself, so that nobody goes uncounted.
 */
export function clientAddress(forwardedFor: string | undefined, peer: string | undefined, trustedHops: number): string {
  const forwarded = (forwardedFor ?? '').split(',').map((part) => part.trim());
  const path = [...forwarded.filter(Boolean), peer ?? 'unknown'];
  const trusted = path.slice(-1 - trustedHops).map(canonicalAddress);
  return trusted.find((address) => address !== undefined) ?? 'unknown';
}

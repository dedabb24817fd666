import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { sign, verify } from 'hono/jwt';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Account, AccountStatus } from '../domain/customers/accounts.ts';
import type { Actor } from '../domain/customers/actor.ts';
import { ShopError } from '../errors.ts';
import { canonicalAddress } from '../lib/network-address.ts';
import { isUnset, type ParameterKind } from '../schema/common.ts';
import type { ApiServices } from '../services.ts';
import type { AppEnv } from './env.ts';

const algorithm = 'HS256';
const knownTokensMax = 10_000;

const claimsSchema = z.object({ sub: z.guid(), ver: z.int(), iat: z.number(), exp: z.number() });
type Claims = z.infer<typeof claimsSchema>;

export type Tokens = {
  issue: (account: Account) => Promise<{ token: string; expiresAt: Date }>;
  /** The claims of a genuine token that has not expired; null for anything else. */
  check: (token: string) => Promise<Claims | null>;
};

/** Signs and verifies the shop's JSON Web Tokens (RFC 7519), HS256 and nothing else. */
export function createTokens({ settings, now }: Pick<ApiServices, 'settings' | 'now'>): Tokens {
  // Verifying costs as much as the rest of a request; a token that was genuine a moment ago still is.
  const genuine = new LRUCache<string, Claims>({ max: knownTokensMax });
  const seconds = () => now().getTime() / 1_000;

  return {
    issue: async ({ id, tokenVersion }) => {
      const iat = Math.floor(seconds());
      const exp = seconds() + settings.jwtTtlMs / 1_000;
      const token = await sign({ sub: id, ver: tokenVersion, iat, exp }, settings.jwtSecret, algorithm);
      return { token, expiresAt: new Date(Math.floor(exp * 1_000)) };
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

type SignedInEnv = AppEnv & { Variables: { actor: Actor } };

export type Guards = ReturnType<typeof createGuards>;

/** Middleware that asks who calls. Revocation and role are read from Postgres for every request. */
export function createGuards({ findAccountStatus }: Pick<ApiServices, 'findAccountStatus'>, tokens: Tokens) {
  async function identify(authorization: string | undefined): Promise<Actor | null> {
    const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization ?? '') ?? [];
    const claims = token === undefined ? null : await tokens.check(token);
    const account = claims && (await findAccountStatus(claims.sub));
    if (!account || !isCurrent(account, claims)) return null;
    return { id: account.id, role: account.role };
  }

  async function requireActor(c: Context<SignedInEnv>): Promise<Actor> {
    const actor = await identify(c.req.header('authorization'));
    if (!actor) throw new ShopError('unauthenticated', 'A valid bearer token is required.');
    c.set('actor', actor);
    c.get('logFields').customerId = actor.id;
    return actor;
  }

  const signedIn = createMiddleware<SignedInEnv>(async (c, next) => {
    await requireActor(c);
    await next();
  });

  const adminOnly = createMiddleware<SignedInEnv>(async (c, next) => {
    const actor = await requireActor(c);
    if (actor.role !== 'admin') throw new ShopError('forbidden', 'Only an admin may do this.');
    await next();
  });

  /** For query parameters that only an admin may send, whatever their value, unless it means that they are not sent. */
  const adminParameters = (parameters: Record<string, ParameterKind>) =>
    createMiddleware<SignedInEnv>(async (c, next) => {
      const isSent = ([name, kind]: [string, ParameterKind]) =>
        c.req.queries(name)?.some((value) => !isUnset(value, kind)) ?? false;
      if (c.get('actor').role !== 'admin' && Object.entries(parameters).some(isSent)) {
        throw new ShopError('forbidden', `Only an admin may ask by ${Object.keys(parameters).join(' or ')}.`);
      }
      await next();
    });

  return { identify, signedIn, adminOnly, adminParameters };
}

function isCurrent(account: AccountStatus, claims: Claims | null): boolean {
  return account.tokenVersion === claims?.ver;
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

import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { sign, verify } from 'hono/jwt';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Account } from '../domain/customers/accounts.ts';
import type { AccountActor, KeyActor } from '../domain/customers/actor.ts';
import { ShopError } from '../errors.ts';
import { databaseWaitMsMax, waitEndsAt, withRestOfWait } from '../lib/deadline.ts';
import { canonicalAddress } from '../lib/network-address.ts';
import { hashOfSecret } from '../lib/secrets.ts';
import { isUnset, type ParameterKind } from '../schema/common.ts';
import { type Area, keyShape, type Scope } from '../schema/keys.ts';
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

/** Who calls, once that is known: an account, or a key. */
export type CallerActor = AccountActor | KeyActor;
type CallerEnv<Who extends CallerActor = CallerActor> = AppEnv & {
  Variables: { actor: Who; sessionId: string | undefined; lacksSecondFactor: boolean };
};
type Guard<Who extends CallerActor> = MiddlewareHandler<CallerEnv<Who>>;

/** Whether a key has a scope; one for writing is good for reading, too. */
function hasScope({ scopes }: KeyActor, scope: Scope): boolean {
  return scopes.some((each) => each === scope || each === scope.replace(/:read$/, ':write'));
}

/**
 * Lets accounts pass, and keys that have a scope.
 * @throws {ShopError} `missing_scope`
 */
function requireScope(actor: CallerActor, scope: Scope): void {
  if (actor.kind !== 'key' || hasScope(actor, scope)) return;
  throw new ShopError('missing_scope', `The key lacks the scope ${scope}.`, { scope });
}

/** What finding the caller may take without being counted as a part of the request's wait for Postgres. */
const unnoticedMs = 50;

export type Guards = ReturnType<typeof createGuards>;

/** Middleware that asks who calls. Account, session and role, or a key, are read from Postgres for every request. */
export function createGuards({ findCaller, settings }: Pick<ApiServices, 'findCaller' | 'settings'>, tokens: Tokens) {
  type Asked = Pick<Context<AppEnv>, 'req' | 'get'>;
  type Caller = {
    actor: CallerActor;
    sessionId: string | undefined;
    /** Whether it is an admin who has to set up a second factor before they may act as one. */
    lacksSecondFactor: boolean;
  };

  async function callerOf(c: Asked): Promise<Caller | null> {
    const [, token] = /^Bearer +([\w.~+/=-]+) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (token === undefined) return null;
    const requestId = c.get('requestId');
    if (keyShape.test(token)) {
      const key = await findCaller({ kind: 'key', keyHash: hashOfSecret(token) });
      return key?.kind === 'key'
        ? { actor: { ...key, requestId }, sessionId: undefined, lacksSecondFactor: false }
        : null;
    }
    const claims = await tokens.check(token);
    if (!claims) return null;
    const account = await findCaller({ kind: 'token', accountId: claims.sub, sessionId: claims.sid });
    if (!account || account.kind === 'key' || account.tokenVersion !== claims.ver) return null;
    const { kind, id, hasSecondFactor } = account;
    const lacksSecondFactor = kind === 'admin' && settings.adminTotp === 'required' && !hasSecondFactor;
    return { actor: { kind, id, requestId }, sessionId: claims.sid, lacksSecondFactor };
  }

  const scopeFor = (c: Asked, area: Area): Scope => `${area}:${c.req.method === 'GET' ? 'read' : 'write'}`;

  /** Who calls a route that anyone may, if they say so; a key counts only with the scope for it. */
  const identify =
    (area: Area) =>
    async (c: Asked): Promise<CallerActor | null> => {
      const caller = await callerOf(c);
      if (!caller || caller.lacksSecondFactor) return null;
      const { actor } = caller;
      return actor.kind === 'key' && !hasScope(actor, scopeFor(c, area)) ? null : actor;
    };

  /** @param judge throws when the caller may not pass */
  function guard<Who extends CallerActor>(judge: (caller: Caller, c: Asked) => Who): Guard<Who> {
    return createMiddleware<CallerEnv<Who>>(async (c, next) => {
      const endsAt = waitEndsAt();
      const caller = await callerOf(c);
      if (!caller) throw new ShopError('unauthenticated', 'A valid bearer token is required.');
      const { actor, sessionId, lacksSecondFactor } = caller;
      c.get('logFields')[actor.kind === 'key' ? 'keyId' : 'customerId'] = actor.id;
      c.set('actor', judge(caller, c));
      c.set('sessionId', sessionId);
      c.set('lacksSecondFactor', lacksSecondFactor);
      // The rule's own wait begins again, unless that would make a difference: a context for every request costs something.
      const isSlow = endsAt - performance.now() < databaseWaitMsMax - unnoticedMs;
      await (isSlow ? withRestOfWait(endsAt, next) : next());
    });
  }

  function accountOf({ actor }: Caller): AccountActor {
    if (actor.kind === 'key') throw new ShopError('forbidden', 'A key may not do this, whatever its scopes.');
    return actor;
  }

  function requireSecondFactor({ lacksSecondFactor }: Caller): void {
    if (!lacksSecondFactor) return;
    throw new ShopError('totp_required', 'Admins of this shop need a second factor: set one up at /api/auth/totp.');
  }

  const isAboutSelf = ({ id }: CallerActor, c: Asked) => c.req.param('id')?.toLowerCase() === id;

  /** Everyone but an admin without the second factor that they need is let at what is theirs, and staff at all of it. */
  const inArea =
    (area: Area) =>
    (caller: Caller, c: Asked): CallerActor => {
      const { actor } = caller;
      requireScope(actor, scopeFor(c, area));
      if (!isAboutSelf(actor, c)) requireSecondFactor(caller);
      return actor;
    };

  const staffInArea =
    (area: Area) =>
    (caller: Caller, c: Asked): CallerActor => {
      requireScope(caller.actor, scopeFor(c, area));
      return requireStaff(caller);
    };

  function requireStaff(caller: Caller): CallerActor {
    if (caller.actor.kind === 'customer') throw new ShopError('forbidden', 'Only an admin may do this.');
    requireSecondFactor(caller);
    return caller.actor;
  }

  /** For every account, and with an area, for keys with the scope to read (GET) or write there, which act as staff. */
  function signedIn(): Guard<AccountActor>;
  function signedIn(area: Area): Guard<CallerActor>;
  function signedIn(area?: Area): Guard<AccountActor> | Guard<CallerActor> {
    return area === undefined ? guard(accountOf) : guard(inArea(area));
  }

  /** For an account that is about itself, and for admins about any. */
  const selfOrAdmin = () =>
    guard((caller, c) => {
      const actor = accountOf(caller);
      if (!isAboutSelf(actor, c)) requireSecondFactor(caller);
      return actor;
    });

  /** For admins alone, and with an area, for keys likewise. */
  function adminOnly(): Guard<AccountActor>;
  function adminOnly(area: Area): Guard<CallerActor>;
  function adminOnly(area?: Area): Guard<AccountActor> | Guard<CallerActor> {
    if (area !== undefined) return guard(staffInArea(area));
    return guard((caller) => {
      requireStaff(caller);
      return accountOf(caller);
    });
  }

  /** For what an admin may not do where every admin needs a second factor. */
  const unlessRequired = createMiddleware<CallerEnv<AccountActor>>(async (c, next) => {
    if (c.get('actor').kind === 'admin' && settings.adminTotp === 'required') {
      throw new ShopError('totp_required', 'Admins of this shop may not do without a second factor.');
    }
    await next();
  });

  /** For query parameters that only staff may send, whatever their value, unless it means that they are not sent. */
  const adminParameters = (parameters: Record<string, ParameterKind>) =>
    createMiddleware<CallerEnv>(async (c, next) => {
      const isSent = ([name, kind]: [string, ParameterKind]) =>
        c.req.queries(name)?.some((value) => !isUnset(value, kind)) ?? false;
      if (c.get('actor').kind === 'customer' && Object.entries(parameters).some(isSent)) {
        throw new ShopError('forbidden', `Only an admin may ask by ${Object.keys(parameters).join(' or ')}.`);
      }
      await next();
    });

  /** For a scope that only some bodies need, which are told so before the rest of them is judged. */
  const bodyScope = (scope: Scope, isNeeded: (body: unknown) => boolean) =>
    createMiddleware<CallerEnv>(async (c, next) => {
      if (c.get('actor').kind === 'key' && isNeeded(await c.req.json())) requireScope(c.get('actor'), scope);
      await next();
    });

  return { identify, signedIn, selfOrAdmin, adminOnly, unlessRequired, adminParameters, bodyScope };
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

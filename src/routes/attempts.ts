import type { Context } from 'hono';
import { type Account, hasSessionFrom, type MatchPassword, reauthenticate } from '../domain/customers/accounts.ts';
import { addressOf } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import type { ApiServices } from '../services.ts';

type Attempt = Parameters<ApiServices['throttle']['guard']>[0];

/** What a route is asked with. */
export type Asked = Pick<Context<AppEnv>, 'req' | 'env' | 'get'>;

/** What routes need that ask for a password, and count who gets it wrong. */
export function createAttempts(services: Pick<ApiServices, 'passwords' | 'read' | 'settings' | 'throttle'>) {
  const { passwords, settings, throttle } = services;

  /** @param holder the account, as it is looked up when too many have guessed at it */
  function attempt(c: Asked, account: string, holder: Parameters<typeof hasSessionFrom>[1]): Attempt {
    const address = addressOf(c, settings);
    const isKnownAddress = () => services.read((reader) => hasSessionFrom(reader, holder, address));
    return { address, account, isKnownAddress, signal: c.req.raw.signal };
  }

  const matches =
    (c: Asked): MatchPassword =>
    (passwordHash, password) =>
      passwords.matches(passwordHash, password, c.req.raw.signal);

  /** The account of a caller who shows their password again. @throws {ShopError} `invalid_credentials`, `rate_limited` */
  function reauthenticated(c: Asked, id: string, currentPassword: string): Promise<Account> {
    return throttle.guard(attempt(c, id, { id }), () =>
      services.read((reader) => reauthenticate(reader, id, currentPassword, matches(c))),
    );
  }

  return { attempt, matches, reauthenticated };
}

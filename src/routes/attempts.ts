import type { Context } from 'hono';
import {
  type Account,
  emailOf,
  hasSessionFrom,
  type MatchPassword,
  reauthenticate,
} from '../domain/customers/accounts.ts';
import { addressOf } from '../middleware/auth.ts';
import type { AppEnv } from '../middleware/env.ts';
import type { ApiServices } from '../services.ts';

type Attempt = Parameters<ApiServices['throttle']['guard']>[0];

/** What a route is asked with. */
export type Asked = Pick<Context<AppEnv>, 'req' | 'env' | 'get'>;

/** What routes need that ask for a password, and count who gets it wrong. */
export function createAttempts(services: Pick<ApiServices, 'passwords' | 'read' | 'settings' | 'throttle'>) {
  const { passwords, settings, throttle } = services;

  /** An attempt at the account of an e-mail address. */
  function attempt(c: Asked, email: string): Attempt {
    const address = addressOf(c, settings);
    const isKnownAddress = () => services.read((reader) => hasSessionFrom(reader, { email }, address));
    return { address, account: email, isKnownAddress, signal: c.req.raw.signal };
  }

  /** One of a caller at their own account, which counts with those of the sign-ins to it. */
  async function ownAttempt(c: Asked, id: string): Promise<Attempt> {
    return attempt(c, (await services.read((reader) => emailOf(reader, id))) ?? id);
  }

  const matches =
    (c: Asked): MatchPassword =>
    (passwordHash, password) =>
      passwords.matches(passwordHash, password, c.req.raw.signal);

  /** The account of a caller who shows their password again. @throws {ShopError} `invalid_credentials`, `rate_limited` */
  async function reauthenticated(c: Asked, id: string, currentPassword: string): Promise<Account> {
    return throttle.guard(await ownAttempt(c, id), () =>
      services.read((reader) => reauthenticate(reader, id, currentPassword, matches(c))),
    );
  }

  return { attempt, ownAttempt, matches, reauthenticated };
}

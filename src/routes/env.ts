import type { Logger } from 'pino';
import type { CacheGroup, CacheOutcome } from '../cache/cache.ts';
import type { ProductRow } from '../domain/bodies.ts';

/** What the access log tells beside the request itself. */
export type Facts = { customerId?: string; address?: string; cache?: CacheOutcome };

/** What travels with a request. */
export type AppEnv = {
  Bindings: {
    /** The peer's address, which only the runtime's server knows. */
    remoteAddress?: string;
    /** The product that is asked for, when it has been looked up already. */
    found?: Promise<ProductRow | null>;
    /** Told that the answer may be given again as it is, as long as the version is the group's. */
    onKept?: (kept: { group: CacheGroup; version: string; expiresAt: number; route: string }) => void;
  };
  Variables: {
    requestId: string;
    log: Logger;
    facts: Facts;
  };
};

import type { Logger } from 'pino';
import type { CacheOutcome } from '../cache/cache.ts';

/** What travels with a request. */
export type AppEnv = {
  Bindings: {
    /** The peer's address, which only the runtime's server knows. */
    remoteAddress?: string;
  };
  Variables: {
    requestId: string;
    log: Logger;
    /** What the access log tells beside the request itself. */
    facts: { customerId?: string; cache?: CacheOutcome };
  };
};

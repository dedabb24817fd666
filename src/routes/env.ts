import type { Logger } from 'pino';
import type { CacheOutcome } from '../cache/cache.ts';

/** What the access log tells beside the request itself. */
export type Facts = { customerId?: string; cache?: CacheOutcome };

/** An answer that may be given again as it is. */
export type Kept = {
  route: string;
  /** For lists, which say where they come from. */
  cache?: 'HIT';
  /** Asks whether it is still the right one, by something that is read after this call. */
  isCurrent: () => Promise<boolean>;
};

/** What travels with a request. */
export type AppEnv = {
  Bindings: {
    /** The peer's address, which only the runtime's server knows. */
    remoteAddress?: string;
    /** Told that whoever asks the same may be given the same answer. */
    onKept?: (kept: Kept) => void;
    /** What kept an answer that is kept from being proven: the request fails of it. */
    failure?: unknown;
  };
  Variables: {
    requestId: string;
    log: Logger;
    facts: Facts;
  };
};

import type { Logger } from 'pino';
import type { CacheOutcome } from '../cache/cached-reads.ts';
import type { CacheGroup } from '../cache/versions.ts';

/** What the access log tells beside the request itself. */
export type LogFields = { customerId?: string; keyId?: string; address?: string; cache?: CacheOutcome };

/** An answer may be given again as it is until it expires (Unix ms), as long as the version is its group's. */
export type KeptAnswer = { group: CacheGroup; version: string; expiresAt: number };

/** What travels with a request. */
export type AppEnv = {
  Bindings: {
    /** The peer's address, which only the runtime's server knows. */
    remoteAddress?: string;
    /** The method that was asked with, where the chain sees another: HEAD is answered as GET. */
    method?: 'HEAD';
  };
  Variables: {
    requestId: string;
    log: Logger;
    logFields: LogFields;
    /** Set by a route whose answer may be given again to everyone. */
    kept?: KeptAnswer;
    /** Set by a route whose answer is made while it is sent. */
    streamed?: true;
  };
};

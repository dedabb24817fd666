import { createMiddleware } from 'hono/factory';
import { LRUCache } from 'lru-cache';
import type { Cache } from '../cache/cache.ts';
import { isFresh } from './conditional.ts';
import type { AppEnv, KeptAnswer } from './env.ts';

/** A finished answer, what proves that it is still current, and what logs and metrics call its route. */
type Entry = KeptAnswer & { body: ArrayBuffer; headers: Headers; routeIndex: number };

const bytesMax = 16_000_000;
/** What an entry takes beside its key and its body, headers above all. */
const entryBytes = 3_000;

/** Headers that describe a body, which a 304 has none of (RFC 9110, section 15.4.5). */
const bodyHeaders = ['Content-Type', 'Content-Encoding', 'Content-Length'];

/**
 * Answers public reads with the bytes and headers that went out before, compressed if they were, once the cache has
 * proven them current. That spares what follows in the chain, which costs more than the rest of such an answer.
 *
 * A route says with `c.set('kept', …)` that its answer may be kept. What stands before this middleware applies to every
 * request. What follows is part of the kept answer, so it may depend on nothing but what is in the key: address,
 * encodings, origin.
 * @param open false while the shop answers no reads, so that what follows refuses them
 */
export function responseCache(cache: Pick<Cache, 'isCurrent'>, open: () => boolean) {
  const entries = new LRUCache<string, Entry>({
    maxSize: bytesMax,
    sizeCalculation: ({ body }, key) => entryBytes + key.length + body.byteLength,
  });

  return createMiddleware<AppEnv>(async (c, next) => {
    const { method, headers, url } = c.req.raw;
    // Signed-in callers get answers of their own, and a body that nobody reads ends its connection.
    const passes = headers.has('authorization') || headers.has('content-length') || headers.has('transfer-encoding');
    if (method !== 'GET' || passes || !open()) return next();
    const key = `${headers.get('origin')} ${headers.get('accept-encoding')} ${url}`;
    const entry = entries.get(key);
    if (entry) {
      const current = entry.expiresAt > Date.now() && (await cache.isCurrent(entry.group, entry.version));
      if (current && open()) {
        c.get('logFields').cache = 'HIT';
        c.req.routeIndex = entry.routeIndex;
        return answerAgain(entry, c.get('requestId'), headers.get('if-none-match'));
      }
      if (entries.get(key) === entry) entries.delete(key);
    }
    await next();
    const kept = c.get('kept');
    if (!kept || c.res.status !== 200) return;
    const body = await c.res.arrayBuffer();
    const again = new Headers(c.res.headers);
    again.set('X-Cache', 'HIT');
    entries.set(key, { ...kept, body, headers: again, routeIndex: c.req.routeIndex });
    c.res = new Response(body, c.res);
  });
}

function answerAgain({ body, headers }: Entry, requestId: string, ifNoneMatch: string | null): Response {
  const fresh = ifNoneMatch !== null && isFresh(ifNoneMatch, opaqueTag(headers));
  const response = fresh ? new Response(null, { status: 304, headers }) : new Response(body, { headers });
  response.headers.set('X-Request-Id', requestId);
  if (fresh) for (const name of bodyHeaders) response.headers.delete(name);
  return response;
}

/** The entity tag as it was before compression made it weak. */
function opaqueTag(headers: Headers): string {
  return (headers.get('ETag') ?? '').replace(/^W\//, '');
}

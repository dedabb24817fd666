import type { Context, TypedResponse } from 'hono';
import type { Cache, CacheGroup } from '../cache/cache.ts';
import { isFresh } from '../middleware/conditional.ts';
import type { AppEnv, KeptAnswer } from '../middleware/env.ts';

/**
 * Answers a list from the cache, its bytes untouched, or 304 when the caller has them already. The type says what the
 * bytes are, because `load` made them.
 */
export async function sendCachedList<Body>(
  c: Pick<Context<AppEnv>, 'req' | 'get' | 'header' | 'body'> & { set: (key: 'kept', answer: KeptAnswer) => void },
  cache: Cache,
  group: CacheGroup,
  query: Record<string, unknown>,
  load: () => Promise<Body>,
): Promise<TypedResponse<Body, 200, 'json'>> {
  const { body, etag, outcome, kept } = await cache.read(group, JSON.stringify(query), async () =>
    JSON.stringify(await load()),
  );
  c.get('facts').cache = outcome;
  if (kept) c.set('kept', { group, ...kept });
  c.header('X-Cache', outcome);
  c.header('ETag', etag);
  const response = isFresh(c.req.header('if-none-match'), etag)
    ? c.body(null, 304)
    : c.body(body, 200, { 'Content-Type': 'application/json' });
  return response as unknown as TypedResponse<Body, 200, 'json'>;
}

import type { Context, TypedResponse } from 'hono';
import type { Cache } from '../cache/cache.ts';
import type { CacheGroup } from '../cache/versions.ts';
import { streamText } from '../lib/stream-text.ts';
import { ownTurnFor } from '../lib/turns.ts';
import { type HeldPage, type ListBody, serializePage } from '../schema/paging.ts';
import { isFresh } from './conditional.ts';
import type { AppEnv, KeptAnswer } from './env.ts';
import { methodOf } from './head.ts';

type ListAnswer<Body> = TypedResponse<ListBody<Body>, 200, 'json'>;

/**
 * Answers a list from the cache, its bytes untouched, or 304 when the caller has them already. The type says what the
 * bytes are, because `serializePage` made them.
 */
export async function sendCachedList<Row, Body>(
  c: Pick<Context<AppEnv>, 'req' | 'get' | 'header' | 'body'> & { set: (key: 'kept', answer: KeptAnswer) => void },
  cache: Cache,
  group: CacheGroup,
  query: Record<string, unknown>,
  load: () => Promise<HeldPage<Row>>,
  serialize: (row: Row) => Body,
): Promise<ListAnswer<Body>> {
  const { body, etag, outcome, kept } = await cache.read(group, JSON.stringify(query), async () =>
    serializePage(await load(), serialize),
  );
  c.get('logFields').cache = outcome;
  if (kept) c.set('kept', { group, ...kept });
  c.header('X-Cache', outcome);
  c.header('ETag', etag);
  if (isFresh(c.req.header('if-none-match'), etag)) {
    return c.body(null, 304) as unknown as ListAnswer<Body>;
  }
  await ownTurnFor(body);
  return asList(c, body);
}

/** A HEAD of what is made while it is sent would say that it is empty without this (RFC 9110, section 8.6). */
export const ofUnknownLength = { 'Transfer-Encoding': 'chunked' } as const;

/** Answers JSON that is made while it is sent, to be kept as a file; HEAD reads nothing of it. */
export function sendStream<Body>(
  c: Pick<Context<AppEnv>, 'body' | 'env' | 'req'> & { set: (key: 'streamed', value: true) => void },
  parts: AsyncGenerator<string>,
  fileName: string,
): TypedResponse<Body, 200, 'json'> {
  c.set('streamed', true);
  const headers = { 'Content-Type': 'application/json', 'Content-Disposition': `attachment; filename="${fileName}"` };
  const answer =
    methodOf(c) === 'HEAD'
      ? c.body(null, 200, { ...headers, ...ofUnknownLength })
      : c.body(streamText(parts), 200, headers);
  return answer as unknown as TypedResponse<Body, 200, 'json'>;
}

/** Answers a list that is not cached. */
export async function sendList<Row, Body>(
  c: Pick<Context<AppEnv>, 'body'>,
  page: HeldPage<Row>,
  serialize: (row: Row) => Body,
): Promise<ListAnswer<Body>> {
  return asList(c, await serializePage(page, serialize));
}

function asList<Body>(c: Pick<Context<AppEnv>, 'body'>, json: string): ListAnswer<Body> {
  return c.body(json, 200, { 'Content-Type': 'application/json' }) as unknown as ListAnswer<Body>;
}

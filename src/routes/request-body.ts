import { createMiddleware } from 'hono/factory';
import { ShopError } from '../errors.ts';
import type { AppEnv } from './env.ts';

const jsonMediaType = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/**
 * Requires a body of UTF-8 JSON before the validators look at it. They would take a missing Content-Type for an empty
 * object, and put replacement characters where the bytes are not UTF-8.
 */
export const requireJson = createMiddleware<AppEnv>(async (c, next) => {
  const encoding = c.req.header('content-encoding') ?? 'identity';
  if (!jsonMediaType.test(c.req.header('content-type') ?? '') || encoding !== 'identity') {
    throw new ShopError('unsupported_media_type', 'The body must be application/json in UTF-8, not compressed.');
  }
  const bytes = await c.req.arrayBuffer();
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ShopError('malformed_json', 'The body is not UTF-8.', {}, { cause: error });
  }
  await next();
});

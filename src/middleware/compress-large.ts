import { compress } from 'hono/compress';
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './env.ts';

const json = /^application\/(?:problem\+)?json\b/;
const compressAnswers = compress();

/** Gives JSON answers their length. Streams say theirs themselves, or have none. */
const tellLength = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  if (c.get('streamed') || headers.has('Content-Length') || !json.test(headers.get('Content-Type') ?? '')) return;
  const body = await c.res.arrayBuffer();
  c.res = new Response(body, c.res);
  c.res.headers.set('Content-Length', String(body.byteLength));
});

/**
 * Compresses what is worth it. `compress` tells by the length, which JSON answers do not say by themselves: compressing
 * one of 300 bytes costs 115 µs, more than all the rest of a product.
 */
export const compressLarge = createMiddleware<AppEnv>((c, next) => {
  if (c.req.header('accept-encoding') === undefined) return next();
  return compressAnswers(c, async () => {
    await tellLength(c, next);
  });
});

import type { Context } from 'hono';
import { parseAccept } from 'hono/utils/accept';
import { streamBytes } from '../lib/stream-bytes.ts';

/** A body that is the same for everyone, in both forms. */
export type Asset = { plain: Uint8Array; gzip: Uint8Array };

/** Answers an asset in the form that the caller takes, without work for each request and without a copy for each. */
export function answerAsset(c: Context, { plain, gzip }: Asset, headers: Record<string, string>): Response {
  const accepted = parseAccept(c.req.header('accept-encoding') ?? '');
  const takes = (encoding: string) =>
    ((accepted.find(({ type }) => type === encoding) ?? accepted.find(({ type }) => type === '*'))?.q ?? 0) > 0;
  const packed = takes('gzip');
  const body = packed ? gzip : plain;
  return c.body(streamBytes(body), 200, {
    ...headers,
    'Content-Length': String(body.byteLength),
    ...(packed && { 'Content-Encoding': 'gzip' }),
    // Otherwise `compress` would work on it, each time.
    ...(!packed && takes('deflate') && { 'Cache-Control': `${headers['Cache-Control']}, no-transform` }),
  });
}

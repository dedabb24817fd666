import type { Context } from 'hono';
import { parseAccept } from 'hono/utils/accept';
import { streamBytes } from '../lib/stream-bytes.ts';
import { mayBeKept } from './conditional.ts';

/** A body that is the same for everyone, in both forms. */
export type Asset = { plain: Uint8Array; gzip: Uint8Array };

/**
 * Answers an asset in the form that the caller takes, without work for each request and without a copy for each.
 * @param keep how long readers may keep it, as a directive of `Cache-Control`
 */
export function answerAsset(c: Context, { plain, gzip }: Asset, type: string, keep: string): Response {
  const accepted = parseAccept(c.req.header('accept-encoding') ?? '');
  const takes = (encoding: string) =>
    ((accepted.find(({ type }) => type === encoding) ?? accepted.find(({ type }) => type === '*'))?.q ?? 0) > 0;
  const packed = takes('gzip');
  const body = packed ? gzip : plain;
  // Otherwise `compress` would work on it, each time.
  mayBeKept(c, !packed && takes('deflate') ? `${keep}, no-transform` : keep);
  return c.body(streamBytes(body), 200, {
    'Content-Type': type,
    'Content-Length': String(body.byteLength),
    ...(packed && { 'Content-Encoding': 'gzip' }),
  });
}

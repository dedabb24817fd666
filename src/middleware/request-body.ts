import type { HonoRequest } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { ShopError } from '../errors.ts';
import type { AppEnv } from './env.ts';

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quotedString = '"(?:[^"\\\\]|\\\\.)*"';
/** What follows a media type, which may be nothing but a semicolon (RFC 9110, section 5.6.6); blanks round `=` are let pass. */
const parameter = new RegExp(`^[ \\t]*;[ \\t]*(?:(${token})[ \\t]*=[ \\t]*(${token}|${quotedString}))?`);

/** Whether a `Content-Type` says JSON in UTF-8 (RFC 9110, section 8.3); JSON that says no charset is in UTF-8. */
export function isUtf8Json(contentType: string): boolean {
  const [mediaType = ''] = /^[^;]*/.exec(contentType) ?? [];
  if (mediaType.trim().toLowerCase() !== 'application/json') return false;
  let rest = contentType.slice(mediaType.length).trimEnd();
  while (rest !== '') {
    const [found, name, value = ''] = parameter.exec(rest) ?? [];
    if (!found || (name?.toLowerCase() === 'charset' && !/^"?utf-?8"?$/i.test(value.replaceAll('\\', ''))))
      return false;
    rest = rest.slice(found.length);
  }
  return true;
}

/** Whether a `Content-Encoding` names no coding that has to be undone. */
const isIdentity = (encodings: string) =>
  encodings.split(',').every((coding) => ['', 'identity'].includes(coding.trim().toLowerCase()));

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new ShopError('malformed_json', 'The body is not UTF-8.', {}, { cause: error });
  }
}

/** Far deeper than any body is. What is nested 100 000 times would take seconds to be written out again. */
const depthMax = 100;
const [quote, backslash] = ['"', '\\'].map((sign) => sign.charCodeAt(0));

/** Whether JSON is nested deeper than is taken, which RFC 8259, section 9, leaves to who reads it. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) quoted = !quoted;
    else if (quoted) at += Number(code === backslash);
    // In ASCII, braces lie as far from brackets as small letters do from capitals.
    else if ((code & 0xdf) === 0x5b) depth += 1;
    else if ((code & 0xdf) === 0x5d) depth -= 1;
    if (depth > depthMax) return true;
  }
  return false;
}

function requireSyntax(text: string): void {
  if (isTooDeep(text)) throw new ShopError('malformed_json', `The body is nested deeper than ${depthMax} times.`);
  try {
    JSON.parse(text);
  } catch (error) {
    throw new ShopError('malformed_json', 'The body is not JSON.', {}, { cause: error });
  }
}

/**
 * Requires a body of UTF-8 JSON before the validators look at anything. They would judge the query first, take a missing
 * Content-Type for an empty object, and put replacement characters where the bytes are not UTF-8.
 */
export const requireJson = createMiddleware<AppEnv>(async (c, next) => {
  const contentType = c.req.header('content-type') ?? '';
  if (!isUtf8Json(contentType) || !isIdentity(c.req.header('content-encoding') ?? '')) {
    throw new ShopError('unsupported_media_type', 'The body must be application/json in UTF-8, not compressed.');
  }
  // The validators know fewer ways to write it.
  if (contentType !== 'application/json') {
    const headers = new Headers(c.req.raw.headers);
    headers.set('content-type', 'application/json');
    c.req.raw = new Request(c.req.raw, { headers });
  }
  requireSyntax(decode(await c.req.arrayBuffer()));
  await next();
});

const bytesMax = 1024 * 1024;

const tooLarge = () => new ShopError('payload_too_large', 'The body is larger than 1 MiB.');
const hasBody = (request: HonoRequest) =>
  request.header('content-length') !== undefined || request.header('transfer-encoding') !== undefined;
const announcedBytes = (request: HonoRequest) => Number(request.header('content-length') ?? 0);

const limitRead = bodyLimit({
  maxSize: bytesMax,
  onError: () => {
    throw tooLarge();
  },
});

/** Refuses a body that is too large: at once when it says so, and else as soon as it has come that far. */
export const limitBody = createMiddleware<AppEnv>((c, next) => {
  if (!hasBody(c.req)) return next();
  // That of a GET cannot be read.
  if (announcedBytes(c.req) > bytesMax) throw tooLarge();
  return limitRead(c, next);
});

/** The same where a body may be left out; an empty one is left out, whatever it says of its type. */
export const requireJsonIfSent = createMiddleware<AppEnv>(async (c, next) => {
  if (announcedBytes(c.req) > 0) return requireJson(c, next);
  // What comes in chunks does not say how much it is.
  const isChunked = c.req.header('transfer-encoding') !== undefined;
  const body = isChunked ? await c.req.arrayBuffer() : new ArrayBuffer(0);
  const { url, method, signal } = c.req.raw;
  const headers = new Headers(c.req.raw.headers);
  if (body.byteLength > 0) {
    c.req.raw = new Request(url, { method, headers, signal, body });
    return requireJson(c, next);
  }
  headers.delete('content-type');
  c.req.raw = new Request(url, { method, headers, signal });
  await next();
});

/** Ends the connection after an answer that did not wait for all of its request: else the rest is read, for ever. */
export const closeOnUnreadBody = createMiddleware<AppEnv>((c, next) =>
  hasBody(c.req) ? closeUnread(c, next) : next(),
);

const closeUnread = createMiddleware<AppEnv>(async (c, next) => {
  const asItCame = c.req.raw;
  await next();
  // What came in chunks and was read has been replaced by what is left of it, a whole.
  const chunksAreLeft = c.req.header('transfer-encoding') !== undefined && c.req.raw === asItCame;
  if (c.res.status === 413 || chunksAreLeft || announcedBytes(c.req) > bytesMax)
    c.res.headers.set('Connection', 'close');
});

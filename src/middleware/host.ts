import { createMiddleware } from 'hono/factory';
import { ShopError } from '../errors.ts';

/** One host with or without a port; blanks and commas are what servers put between two of them. */
const oneHost = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::\d{0,5})?$/;

/** Whether a `Host` header is what RFC 9112, section 3.2, lets pass; HTTP/1.0 needs none. */
export function isOneHost(host: string | null | undefined): boolean {
  return host === null || host === undefined || oneHost.test(host);
}

/** Refuses requests of which two servers on the way could think that they are for different hosts. */
export const requireOneHost = createMiddleware(async (c, next) => {
  if (!isOneHost(c.req.header('host'))) {
    throw new ShopError('malformed_json', 'The request has more than one Host, or one that is none.');
  }
  await next();
});

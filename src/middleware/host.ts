import { createMiddleware } from 'hono/factory';
import { ShopError } from '../errors.ts';

/** A host with or without a port (RFC 3986, section 3.2.2), but for the comma, which servers put between two of them. */
const oneHost = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*)(?::\d{0,5})?$/;

/** Whether a `Host` header is what RFC 9112, section 3.2, lets pass; HTTP/1.0 needs none. */
export function isOneHost(host: string | null | undefined): boolean {
  return host === null || host === undefined || oneHost.test(host);
}

/** Refuses requests of which two servers on the way could think that they are for different hosts. */
export const requireOneHost = createMiddleware((c, next) => {
  if (!isOneHost(c.req.header('host'))) {
    throw new ShopError('malformed_json', 'The request has more than one Host, or one that is none.');
  }
  return next();
});

import type { Context } from 'hono';

/** The entity tag of a thing that moves its version with every change (RFC 9110, section 8.8.3). */
export function versionEtag({ version }: { version: number }): string {
  return `"${version}"`;
}

/** The opaque part of entity tags, for the weak comparison of RFC 9110, section 8.8.3.2; compression makes ours weak. */
const opaqueTags = (header: string) => header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));

/** Whether an `If-None-Match` header names the current entity tag, so that 304 is the answer to a read. */
export function isFresh(header: string | undefined, etag: string): boolean {
  return header !== undefined && (header.trim() === '*' || opaqueTags(header).includes(etag));
}

/** Whether `If-Match` and `If-None-Match`, where they are sent, allow a change of the thing with this entity tag. */
export function mayChange(ifMatch: string | undefined, ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifMatch === undefined || isFresh(ifMatch, etag)) && !isFresh(ifNoneMatch, etag);
}

/** Readers must ask again each time, and may keep what has not changed. */
export function revalidate(c: Context): void {
  mayBeKept(c, 'no-cache');
}

/** Readers may keep the answer, as the directive says; what a signed-in caller gets is theirs alone. */
export function mayBeKept(c: Context, directive: string): void {
  c.header('Cache-Control', `${c.req.header('authorization') ? 'private' : 'public'}, ${directive}`);
  c.header('Vary', 'Authorization', { append: true });
}

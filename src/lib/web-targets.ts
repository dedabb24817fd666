import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Where requests of ours may go that others have asked for: only into the public internet by https, or anywhere. */
export const webTargets = ['public', 'any'] as const;
export type WebTargets = (typeof webTargets)[number];

/** A name's addresses, as `node:dns` finds them. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** The one part of IPv6 that is given out to be reached by everybody (RFC 4291, section 2.4; IANA). */
const globalIpv6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Whether an address is of the public internet, and of no special use, also where IPv6 carries one of IPv4. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(globalIpv6);
}

/** The host of a URL: an address without brackets, or a name without the dots that may end it. */
function hostOf({ hostname }: URL): string {
  return hostname.replaceAll(/^\[|\]$|\.+$/g, '');
}

/** Whether a host is an address that is not public, or this machine by name (RFC 6761, section 6.3). */
function isInside(host: string): boolean {
  return isIP(host) === 0 ? /^(?:.*\.)?localhost$/.test(host) : !isPublicAddress(host);
}

/**
 * What keeps a URL from being sent to, as far as it alone says: `URL` reads every spelling of an address as the same one.
 * A name may still lead to any address; `checkedLookup` sees to that.
 * @returns null when nothing does
 */
export function urlFault(text: string, targets: WebTargets): string | null {
  // `URL` would leave out line breaks, and blanks at the ends.
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return 'must be a URL';
  const url = new URL(text);
  if (targets === 'public' && url.protocol !== 'https:') return 'must begin with https://';
  if (!/^https?:$/.test(url.protocol)) return 'must begin with https:// or http://';
  if (url.username || url.password) return 'must not hold a user or a password';
  return targets === 'public' && isInside(hostOf(url)) ? 'must lead to a public address' : null;
}

/**
 * A lookup for `node:net` that answers the addresses of a name only if all of them may be sent to. What it has answered is
 * what is connected to, so a name that leads elsewhere a moment later changes nothing.
 */
export function checkedLookup(targets: WebTargets, resolve: Resolve = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      const inside = targets === 'public' && addresses?.some(({ address }) => !isPublicAddress(address));
      const fault = error ?? (inside || !first ? new Error(`${hostname} does not lead to a public address`) : null);
      if (fault || !first) callback(fault, []);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

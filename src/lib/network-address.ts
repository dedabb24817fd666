import ipaddr from 'ipaddr.js';

/** One customer of a provider has at least so many bits to choose addresses from (RFC 6177). */
const ipv6SiteBits = 64;

/**
 * What callers of a network address are counted under: IPv4 in its one form, also where it comes mapped into IPv6, and
 * the /64 of IPv6, such as `2001:db8::/64`; without port, brackets and zone. Undefined for what is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const [, bracketed, withPort] = /^(?:\[([^\]]*)\](?::\d*)?|([^:]*):\d*)$/.exec(text) ?? [];
  const host = bracketed ?? withPort ?? text;
  if (!ipaddr.isValid(host)) return undefined;
  const address = ipaddr.process(host);
  if (address.kind() === 'ipv4') return address.toString();
  const site = ipaddr.IPv6.networkAddressFromCIDR(`${address.toNormalizedString().replace(/%.*/, '')}/${ipv6SiteBits}`);
  return `${site.toRFC5952String()}/${ipv6SiteBits}`;
}

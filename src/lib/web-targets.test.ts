import { describe, expect, test } from 'bun:test';
import type { LookupAddress } from 'node:dns';
import { checkedLookup, isPublicAddress, urlFault } from './web-targets.ts';

const inside = [
  // This machine, in every spelling that URL takes for an address.
  ...['127.0.0.1', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '0177.1', '017700000001'],
  ...['127.0.0.1.', '127.0.0.1..', '%31%32%37.0.0.1', '１２７.0.0.1', '127。0。0。1', '0', '0.0.0.0', '0x0'],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[::7f00:1]'],
  ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'a.b.localhost.', 'ｌocalhost', 'local%68ost'],
  // IPv4 in IPv6: translated (RFC 6052), its local form (RFC 8215), 6to4, Teredo.
  ...['[64:ff9b::7f00:1]', '[64:ff9b::10.0.0.1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2001:0:7f00:1::]'],
  // Private, shared, link-local, of a cloud's metadata.
  ...['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255'],
  ...['169.254.169.254', '0xa9fea9fe', '2852039166', '[::ffff:169.254.169.254]', '[fe80::1]', '[febf::1]'],
  ...['[fc00::1]', '[fd00:ec2::254]', '[fec0::1]'],
  // Of protocols, documentation, benchmarks, multicast, broadcast, and reserved.
  ...['192.0.0.1', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
  ...['239.255.255.255', '240.0.0.1', '255.255.255.255', '[ff02::1]', '[2001:db8::1]', '[100::1]', '[4000::1]'],
];

const outside = ['8.8.8.8', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '[2606:4700::1111]'];
const names = ['example.com', 'example.com.', 'localhost.example.com', 'notlocalhost', 'bücher.example', 'a_b.example'];

describe('urlFault', () => {
  describe('when a URL leads into the network', () => {
    test.each(inside)('says so of %s', (host) => {
      expect(urlFault(`https://${host}/hook`, 'public')).not.toBeNull();
      expect(urlFault(`https://${host}:8443/hook?a=b`, 'public')).not.toBeNull();
    });
  });

  describe('when a URL leads out of it, or to a name', () => {
    test.each([...outside, ...names])('says nothing of %s', (host) => {
      expect(urlFault(`https://${host}/hook`, 'public')).toBeNull();
    });
  });

  describe('when it is no URL of the web, or holds more than it should', () => {
    test.each([
      ...['', 'example.com', '/hook', 'https://', 'https:///', 'ftp://example.com/', 'file:///etc/passwd', 'data:,a'],
      ...['javascript:alert(1)', 'gopher://example.com/', 'https://user@example.com/', 'https://:pass@example.com/'],
      ...['https://user:pass@example.com/', ' https://example.com/', 'https://example.com/ ', 'https://exa\nmple.com/'],
      ...[
        'https://example.com/\t',
        'https://[::1',
        'https://256.0.0.1/',
        'https://1.2.3.4.5/',
        'https://example.com:99999/',
      ],
    ])('says so of %p, wherever it may lead', (text) => {
      expect(urlFault(text, 'public')).not.toBeNull();
      expect(urlFault(text, 'any')).not.toBeNull();
    });
  });

  describe('when it may lead anywhere', () => {
    test('lets http and addresses within the network pass, and with public targets neither', () => {
      for (const url of [
        'http://127.0.0.1:3000/hook',
        'http://localhost/',
        'https://10.0.0.1/',
        'http://example.com/',
      ]) {
        expect(urlFault(url, 'any')).toBeNull();
        expect(urlFault(url, 'public')).not.toBeNull();
      }
    });
  });
});

describe('isPublicAddress', () => {
  describe('when it is asked of what a lookup may answer', () => {
    test.each(['127.0.0.1', '::1', '::ffff:10.0.0.1', 'fe80::1%eth0', '169.254.169.254', 'fd00::1', 'nonsense', ''])(
      'denies %p',
      (address) => expect(isPublicAddress(address)).toBe(false),
    );

    test.each(['8.8.8.8', '::ffff:8.8.8.8', '2606:4700::1111'])('affirms %p', (address) =>
      expect(isPublicAddress(address)).toBe(true),
    );
  });
});

describe('checkedLookup', () => {
  const answers = (...addresses: string[]) =>
    addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));

  function ask(found: LookupAddress[], all: boolean, targets: 'public' | 'any' = 'public') {
    const lookup = checkedLookup(targets, (_name, _options, callback) => callback(null, found));
    return new Promise<unknown>((resolve, reject) =>
      lookup('hooks.example.com', { all }, (error, address) => (error ? reject(error) : resolve(address))),
    );
  }

  describe('when one of the addresses is not public', () => {
    test.each([
      [answers('127.0.0.1')],
      [answers('8.8.8.8', '10.0.0.1')],
      [answers('::ffff:127.0.0.1', '8.8.8.8')],
      [[]],
    ])('answers none of %j', async (found) => {
      await expect(ask(found, true)).rejects.toThrow('does not lead to a public address');
      await expect(ask(found, false)).rejects.toThrow('does not lead to a public address');
    });
  });

  describe('when all are, or may be any', () => {
    test('answers them, or the first', async () => {
      const found = answers('8.8.8.8', '2606:4700::1111');
      expect(await ask(found, true)).toEqual(found);
      expect(await ask(found, false)).toBe('8.8.8.8');
      expect(await ask(answers('127.0.0.1'), false, 'any')).toBe('127.0.0.1');
    });
  });
});

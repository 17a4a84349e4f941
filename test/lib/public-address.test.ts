import test from 'ava';
import { isPublicAddress } from '../../src/lib/public-address.ts';

/** Blocks of addresses by their first and last ones. */
const refused: readonly (readonly [what: string, ...addresses: string[]])[] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private', '10.0.0.0', '10.255.255.255'],
  ['private', '172.16.0.0', '172.31.255.255'],
  ['private', '192.168.0.0', '192.168.255.255'],
  ['of a carrier', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.0', '127.0.0.1', '127.255.255.255'],
  ['link-local', '169.254.0.0', '169.254.169.254', '169.254.255.255'],
  ['protocol assignments', '192.0.0.0', '192.0.0.255'],
  ['documentation', '192.0.2.0', '192.0.2.255'],
  ['documentation', '198.51.100.0', '198.51.100.255'],
  ['documentation', '203.0.113.0', '203.0.113.255'],
  ['relays of 6to4', '192.88.99.0', '192.88.99.255'],
  ['benchmarks', '198.18.0.0', '198.19.255.255'],
  ['multicast', '224.0.0.0', '239.255.255.255'],
  ['reserved', '240.0.0.0', '255.255.255.254'],
  ['broadcast', '255.255.255.255'],
  ['unspecified', '::'],
  ['loopback', '::1', '0:0:0:0:0:0:0:1'],
  ['IPv4-compatible', '::7f00:1', '::8.8.8.8'],
  ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:8.8.8.8'],
  ['IPv4-translated', '::ffff:0:7f00:1'],
  [
    'NAT64 of what is not public',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::1',
    '64:ff9b::',
    '64:ff9b::a9fe:a9fe',
  ],
  ['NAT64 of a network', '64:ff9b:1::', '64:ff9b:1::808:808', '64:ff9b:1:ffff::'],
  ['discarded', '100::', '100::ffff'],
  ['Teredo', '2001::', '2001:0:7f00:1::', '2001::ffff'],
  ['benchmarks and ORCHID', '2001:2::', '2001:10::1', '2001:20::1', '2001:1ff:ffff::'],
  ['documentation', '2001:db8::', '2001:db8:ffff::1', '3fff::', '3fff:fff:ffff::1'],
  ['6to4', '2002::', '2002:7f00:1::', '2002:a00:1::1', '2002:808:808::1'],
  ['segment routing', '5f00::1'],
  ['unique local', 'fc00::', 'fd12:3456::1', 'fdff:ffff::'],
  ['link-local', 'fe80::', 'fe80::1', 'febf:ffff::', 'fe80::1%eth0'],
  ['site-local', 'fec0::1', 'feff::1'],
  ['multicast', 'ff00::', 'ff02::1', 'ffff::'],
  ['not given out', '4000::1', '8000::1', 'e000::1'],
  ['of a link, by its zone', '2600::1%lo'],
  ['no address', '', 'localhost', '127.1', '0x7f000001', '2130706433', '8.8.8.8:443', '8.8.8.8 ', '[2600::1]', '1.2.3'],
];

for (const [what, ...addresses] of refused) {
  for (const address of addresses) {
    test(`not public: ${address} (${what})`, (t) => {
      t.false(isPublicAddress(address));
    });
  }
}

const neighbours = [
  ...['1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0'],
  ...['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '191.255.255.255', '192.0.1.0', '192.0.3.0'],
  ...['192.88.98.255', '192.88.100.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0'],
  ...['198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0', '223.255.255.255', '8.8.8.8'],
  ...['2000::', '2001:200::', '2001:4860:4860::8888', '2001:db7:ffff::', '2001:db9::', '2003::', '2600::1'],
  ...['2606:4700::1111', '3ffe::1', '3fff:1000::'],
  ...['64:ff9b::8.8.8.8', '64:ff9b::808:808', '64:ff9b::100:0', '0064:FF9B:0000:0000:0000:0000:0808:0808'],
];
for (const address of neighbours) {
  test(`public: ${address}`, (t) => {
    t.true(isPublicAddress(address));
  });
}

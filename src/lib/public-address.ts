import { BlockList, isIP } from 'node:net';

/** IPv4 addresses that are not those of one host on the Internet. [RFC 6890, IANA IPv4 Special-Purpose Address Registry] */
const NOT_PUBLIC_4 = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared by customers of a carrier [RFC 6598]
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, where clouds keep their metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // relays of 6to4
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
] as const;

/** Global unicast is the only block of IPv6 that hosts of the Internet are in. [IANA IPv6 Address Space] */
const GLOBAL_6 = ['2000::', 3] as const;
/** In there, what is no host all the same. [IANA IPv6 Special-Purpose Address Registry] */
const NOT_PUBLIC_6 = [
  ['2001::', 23], // protocol assignments, Teredo among them, which holds IPv4 addresses
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which holds IPv4 addresses
  ['3fff::', 20], // documentation
] as const;
/** [RFC 6052] How hosts without IPv4 reach those that have nothing else: the last 32 bits are the IPv4 address. */
const NAT64 = ['64:ff9b::', 96] as const;

const notPublic = new BlockList();
for (const [net, prefix] of NOT_PUBLIC_4) notPublic.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of NOT_PUBLIC_6) notPublic.addSubnet(net, prefix, 'ipv6');
const global = new BlockList();
global.addSubnet(...GLOBAL_6, 'ipv6');
const nat64 = new BlockList();
nat64.addSubnet(...NAT64, 'ipv6');

/**
 * Whether an address may be that of a host on the Internet: a name that a stranger gave us must not lead to our own machine
 * or into our own network. Forms of IPv6 that hold an IPv4 address are refused, but for NAT64, where that address decides.
 * @param address IPv4 in dotted decimals, or IPv6; anything else is not public
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !notPublic.check(address, 'ipv4');
  if (family !== 6 || address.includes('%')) return false; // a zone is of a link
  if (nat64.check(address, 'ipv6')) return isPublicAddress(embedded(address));
  return global.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}

/** The IPv4 address in the last 32 bits. Written the short way, the zeros before them are `::`. [RFC 5952 §4.2] */
function embedded(address: string): string {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const groups = (short.split('::')[1] ?? '').split(':').map((group) => Number.parseInt(group || '0', 16));
  const [high = 0, low = 0] = groups.length === 1 ? [0, ...groups] : groups;
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

import { BlockList, isIP } from 'node:net';

const own = new BlockList();
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addAddress('::1', 'ipv6');

/**
 * Whether a listener on `host` is out of reach for other machines. Names other than `localhost` are not looked up: they
 * count as reachable.
 */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(plain);
  if (family === 0) return plain.toLowerCase() === 'localhost';
  return own.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

import { Resolver, lookup as systemLookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from '../../lib/public-address.ts';
import { z } from '../../lib/schema.ts';

/** Longest URL, in characters. Endpoints of UnifiedPush have 1,000 at most, those of browsers' services are shorter. */
export const URL_MAX = 2_048;
/** A name server is asked so often, and waited for so long each time, in milliseconds. */
const DNS_TRIES = 2;
const DNS_TIMEOUT_MS = 2_500;

const HOST = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i;
const CIDR = /^([0-9a-f.:]+)\/(\d{1,3})$/i;

/** One exception: a host name, an address, or a range of addresses. */
export const exceptionOption = () =>
  z.string().refine((text) => isException(text), 'must be a host name, an address or a range such as 192.168.1.0/24');

/** Where to, by the number of the family. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** All addresses of a name; rejects if there are none. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

export interface ExitRules {
  /** Host names, addresses and ranges that may be reached although they are not public. */
  readonly allow: readonly string[];
  /** Whether these exceptions may also be reached without TLS. */
  readonly allowHttp: boolean;
  /** Default: the name servers of the system, and for a name in `allow` also its file of hosts. */
  readonly resolve?: Resolve;
}

/** Where a URL leads that we do not go to. The message says why, and shows nothing of the path. */
export class ForbiddenUrl extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ForbiddenUrl';
  }
}

/**
 * Says where requests may go whose URL a stranger gave us: https, to public addresses. An address is judged when the
 * connection is made to it, so that a name can not lead to one address for the judge and to another for the connection.
 */
export class Exits {
  readonly #rules: ExitRules;
  readonly #names: ReadonlySet<string>;
  readonly #ranges: BlockList;
  /** One question for all who ask the same at once. */
  readonly #asked = new Map<string, Promise<readonly Address[]>>();

  /** @throws TypeError for an exception that is none */
  constructor(rules: ExitRules) {
    this.#rules = rules;
    const names = rules.allow.filter((text) => isIP(text) === 0 && !CIDR.test(text));
    this.#names = new Set(names.map((name) => name.toLowerCase()));
    this.#ranges = rangesOf(rules.allow.filter((text) => isIP(text) !== 0 || CIDR.test(text)));
  }

  /**
   * Reads a URL. The addresses of a name are judged when a connection is made; see {@link lookup}.
   * @throws ForbiddenUrl
   */
  read(text: string): URL {
    if (text.length > URL_MAX) throw new ForbiddenUrl(`longer than ${URL_MAX} characters`);
    // Whoever parses would pass over line breaks and blanks without a word.
    if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) throw new ForbiddenUrl('is no URL');
    const url = new URL(text);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && this.#rules.allowHttp)) {
      throw new ForbiddenUrl('must begin with https://');
    }
    if (url.username !== '' || url.password !== '') throw new ForbiddenUrl('must not hold a name or a password');
    const host = hostOf(url);
    if (isIP(host) !== 0) this.#judge(url.protocol, host, host);
    else if (url.protocol === 'http:' && !this.#names.has(host) && this.#names.size === this.#rules.allow.length) {
      throw new ForbiddenUrl('must begin with https://');
    }
    return url;
  }

  /** What a connection of this protocol looks names up with: gives only addresses that may be reached. */
  lookup(protocol: 'https:' | 'http:'): LookupFunction {
    return (host, _, callback) => {
      this.#addressesOf(host, protocol).then(
        (addresses) => callback(null, [...addresses]),
        (error) => callback(error, []),
      );
    };
  }

  async #addressesOf(host: string, protocol: string): Promise<readonly Address[]> {
    const all = await this.#resolve(host.toLowerCase());
    const good = all.filter(({ address }) => this.#mayReach(protocol, host, address));
    const [first] = all;
    if (good.length === 0 && first) this.#judge(protocol, host, first.address);
    return good;
  }

  #resolve(host: string): Promise<readonly Address[]> {
    const under = this.#asked.get(host);
    if (under) return under;
    const resolve = this.#rules.resolve ?? (this.#names.has(host) ? bySystem : byNameServers);
    const asked = resolve(host).finally(() => this.#asked.delete(host));
    this.#asked.set(host, asked);
    return asked;
  }

  #mayReach(protocol: string, host: string, address: string): boolean {
    if (this.#names.has(host.toLowerCase())) return true;
    if (this.#ranges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return true;
    return protocol === 'https:' && isPublicAddress(address);
  }

  /** @throws ForbiddenUrl */
  #judge(protocol: string, host: string, address: string): void {
    if (this.#mayReach(protocol, host, address)) return;
    throw new ForbiddenUrl(
      isPublicAddress(address) ? 'must begin with https://' : `the address of ${host} is not public`,
    );
  }
}

/** The host of a URL, IPv6 without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function isException(text: string): boolean {
  if (!text.includes('/') && isIP(text) === 0) return HOST.test(text);
  try {
    rangesOf([text]);
    return true;
  } catch {
    return false;
  }
}

/** @throws TypeError for what is neither an address nor a range */
function rangesOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [, net = text, prefix] = CIDR.exec(text) ?? [];
    const family = isIP(net);
    const bits = Number(prefix ?? (family === 6 ? 128 : 32));
    if (family === 0 || bits > (family === 6 ? 128 : 32)) throw new TypeError(`${text} is no range of addresses`);
    list.addSubnet(net, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Names that strangers made up occupy none of the few threads that the system looks names up with. */
async function byNameServers(host: string): Promise<readonly Address[]> {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES }); // reads afresh who is to be asked
  const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found: Address[] = [];
  for (const address of four.status === 'fulfilled' ? four.value : []) found.push({ address, family: 4 });
  for (const address of six.status === 'fulfilled' ? six.value : []) found.push({ address, family: 6 });
  if (found.length === 0 && four.status === 'rejected') throw four.reason;
  return found;
}

async function bySystem(host: string): Promise<readonly Address[]> {
  const found = await systemLookup(host, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/** Bytes of each part of a JID. [RFC 7622 §3.1] */
const PART_MAX = 1_023;

/** The address of an account or of one of its clients. */
export interface Jid {
  /** Empty for a server. */
  readonly local: string;
  readonly domain: string;
  /** Empty for an account. */
  readonly resource: string;
  /** Without the resource. */
  readonly bare: string;
}

const bad = (part: string): boolean => part === '' || Buffer.byteLength(part) > PART_MAX;

/**
 * Takes an address apart; undefined if it is none. It comes from a server, which has prepared it: parts are compared as they
 * are, only that domains have no case. [RFC 7622 §3]
 */
export function parseJid(text: string): Jid | undefined {
  const slash = text.indexOf('/');
  const whole = slash < 0 ? text : text.slice(0, slash);
  const resource = slash < 0 ? '' : text.slice(slash + 1);
  const at = whole.indexOf('@');
  const local = at < 0 ? '' : whole.slice(0, at);
  const domain = whole.slice(at + 1).toLowerCase();
  if (bad(domain) || domain.includes('@') || (at >= 0 && bad(local)) || (slash >= 0 && bad(resource))) return undefined;
  return { local, domain, resource, bare: local ? `${local}@${domain}` : domain };
}

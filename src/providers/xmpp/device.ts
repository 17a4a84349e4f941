import { type EndpointName, isHash, type Jid, parseJid } from '../../protocols/unifiedpush/index.ts';

/** What is behind an endpoint: the client that has registered it, and what it calls it. */
export interface Device {
  readonly name: EndpointName;
  /** The full JID of the client. */
  readonly jid: string;
  /** That of its account. */
  readonly bare: string;
}

/** Whose endpoints these are, for the core. */
export const ownerOf = (provider: string, bare: string): string => `xmpp:${provider}:${bare}`;

/** What the owner calls the endpoint, for the core. */
export function keyOf(name: EndpointName): string {
  if (name.dialect === 'legacy') return `legacy:${name.token}`;
  return `gultsch:${name.application}:${name.instance}`;
}

/** What a registration keeps of a device. */
export const writeDevice = (name: EndpointName, jid: string): string => JSON.stringify({ ...name, jid });

/** The device of a registration; undefined if its data are not of this provider's making. */
export function readDevice(data: string): Device | undefined {
  const fields = parse(data);
  const jid = textOf(fields.jid);
  const parsed: Jid | undefined = parseJid(jid);
  const name = nameOf(fields);
  return parsed && name && { name, jid, bare: parsed.bare };
}

function nameOf({
  dialect,
  token,
  application,
  instance,
}: Readonly<Record<string, unknown>>): EndpointName | undefined {
  if (dialect === 'legacy' && typeof token === 'string') return { dialect, token };
  if (dialect !== 'gultsch' || !isHash(textOf(application)) || !isHash(textOf(instance))) return undefined;
  return { dialect, application: textOf(application), instance: textOf(instance) };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parse(data: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

import { type BusCall, readMap } from './bus.ts';
import { fits, isService, isVapid, limits, type Version } from './names.ts';

/** An app wants an endpoint. */
export interface RegisterRequest {
  readonly version: Version;
  /** The app's name on the bus. */
  readonly app: string;
  readonly token: string;
  /** Empty if the app gave none. */
  readonly description: string;
  /** The public key of the only server that may push. */
  readonly vapid?: string;
}

/** A call that breaks the rules: nothing is done for it. [unifiedpush.md §2.2] */
export interface BadRequest {
  /** What is wrong, and with which argument. */
  readonly problem: string;
}

const REGISTER = ['service', 'token', 'description', 'vapid'] as const;
type Fields = Readonly<Partial<Record<(typeof REGISTER)[number], string>>>;

/**
 * Reads a `Register`. Version 1 has had two, three and, in a draft, four arguments, all of them texts.
 * [unifiedpush.md §2.3 Signature history]
 */
export function readRegister(
  version: Version,
  call: Pick<BusCall, 'signature' | 'body'>,
): RegisterRequest | BadRequest {
  const fields = version === 1 ? positional(call) : named(call, REGISTER);
  if ('problem' in fields) return fields;
  const { service, token, description = '', vapid } = fields;
  if (service === undefined || !isService(service)) return { problem: 'service: must be a name on the bus' };
  if (token === undefined || !fits(token, limits.token)) return { problem: bytes('token', limits.token) };
  if (description !== '' && !fits(description, limits.description)) {
    return { problem: `description: must have at most ${limits.description} bytes` };
  }
  // In version 1 an app without a key has to write something into its place.
  const key = version === 1 && vapid === '' ? undefined : vapid;
  if (key !== undefined && !isVapid(key)) {
    return { problem: 'vapid: must be an uncompressed point of P-256 in base64url, 87 characters' };
  }
  return { version, app: service, token, description, ...(key !== undefined && { vapid: key }) };
}

/** Reads an `Unregister`: the token. */
export function readUnregister(version: Version, call: Pick<BusCall, 'signature' | 'body'>): string | BadRequest {
  const fields = version === 1 && call.signature === 's' ? { token: String(call.body[0]) } : named(call, ['token']);
  if ('problem' in fields) return fields;
  const { token } = fields;
  return token !== undefined && fits(token, limits.token) ? token : { problem: bytes('token', limits.token) };
}

const bytes = (name: string, most: number): string => `${name}: must have 1 to ${most} bytes`;

function positional({ signature, body }: Pick<BusCall, 'signature' | 'body'>): Fields | BadRequest {
  if (!/^s{2,4}$/.test(signature)) return { problem: 'Register takes two to four texts' };
  return Object.fromEntries(body.map((value, index) => [REGISTER[index], String(value)])) as Fields;
}

function named(call: Pick<BusCall, 'signature' | 'body'>, keys: readonly (keyof Fields)[]): Fields | BadRequest {
  const map = readMap(call);
  if (!map) return { problem: 'the one argument must be a{sv}' };
  const fields: Partial<Record<keyof Fields, string>> = {};
  for (const key of keys) {
    const value = map.get(key);
    if (value === undefined) continue;
    if (typeof value !== 'string') return { problem: `${key}: must be a text` };
    fields[key] = value;
  }
  return fields;
}

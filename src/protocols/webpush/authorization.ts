import type { HeaderLines } from './push-request.ts';
import { isVapidKey } from './vapid-key.ts';

/** How a push is signed: a token and the key that it is to be checked with. [RFC 8292 §3] */
export interface VapidCredentials {
  /** A JWT. */
  readonly token: string;
  /** 87 characters of base64url, a point of P-256. */
  readonly key: string;
}

/** `undefined`: not signed. `malformed`: it was meant to be. */
export type Authorization = VapidCredentials | 'malformed' | undefined;

/** A JWS in its compact form. [RFC 7515 §7.1] */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const SCHEME = /^([!-~]+)(?: +(.*))?$/;
/** [RFC 9110 §11.2] */
const PARAMETER = /^\s*([!#$%&'*+.^`|~\w-]+)\s*=\s*(?:"([^"\\]*)"|([^\s"]*))\s*$/;

/**
 * Reads who signed a push: `Authorization: vapid t=…, k=…`, or as in the drafts `Authorization: WebPush JWT` with the key in
 * `Crypto-Key: p256ecdsa=…`. Other schemes are none of ours, and the same as nothing.
 */
export function readAuthorization(lines: HeaderLines): Authorization {
  const [authorization, ...more] = lines('authorization');
  if (authorization === undefined) return undefined;
  if (more.length > 0) return 'malformed';
  const [, scheme = '', rest = ''] = SCHEME.exec(authorization.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case 'vapid': {
      const parameters = readParameters(rest.split(','));
      return parameters ? credentials(parameters.get('t'), parameters.get('k')) : 'malformed';
    }
    case 'webpush':
      return credentials(rest.trim(), keyIn(lines('crypto-key')));
    default:
      return undefined;
  }
}

/** What `Crypto-Key` of the drafts says under a name. @returns undefined if it is not there, or not once */
export function cryptoKey(lines: readonly string[], name: string): string | undefined {
  const parts = lines.join(',').split(/[,;]/);
  const found = parts.map((part) => PARAMETER.exec(part)).filter((match) => match?.[1]?.toLowerCase() === name);
  return found.length === 1 ? (found[0]?.[2] ?? found[0]?.[3]) : undefined;
}

const keyIn = (lines: readonly string[]): string | undefined => cryptoKey(lines, 'p256ecdsa');

function credentials(token = '', key = ''): VapidCredentials | 'malformed' {
  const unpadded = key.replace(/=+$/, '');
  return TOKEN.test(token) && isVapidKey(unpadded) ? { token, key: unpadded } : 'malformed';
}

/** Unknown parameters are read and passed over; one that is there twice is an error. [RFC 8292 §3] */
function readParameters(parts: readonly string[]): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const part of parts) {
    const [, name, quoted, plain = ''] = PARAMETER.exec(part) ?? [];
    if (name === undefined || parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), quoted ?? plain);
  }
  return parameters;
}

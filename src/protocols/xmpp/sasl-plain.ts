import { isUtf8 } from 'node:buffer';

/** What a client says in PLAIN. [RFC 4616 §2] */
export interface PlainCredentials {
  /** The identity to act as; empty if it is that of `authcid`. */
  readonly authzid: string;
  readonly authcid: string;
  readonly password: string;
}

/** Conditions of [RFC 6120 §6.5] that a login may be refused with. */
export type SaslCondition =
  | 'aborted'
  | 'account-disabled'
  | 'credentials-expired'
  | 'encryption-required'
  | 'incorrect-encoding'
  | 'invalid-authzid'
  | 'invalid-mechanism'
  | 'malformed-request'
  | 'mechanism-too-weak'
  | 'not-authorized'
  | 'temporary-auth-failure';

const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/;

/**
 * Reads the base64 text of an initial response. White space around it is let pass: real clients send a line end.
 * @returns the credentials, or the condition to refuse it with
 */
export function parsePlain(base64: string): PlainCredentials | SaslCondition {
  const trimmed = base64.trim();
  if (!BASE64.test(trimmed)) return 'incorrect-encoding';
  const bytes = Buffer.from(trimmed, 'base64');
  if (!isUtf8(bytes)) return 'malformed-request';
  const [authzid, authcid, password, ...more] = bytes.toString('utf8').split('\0');
  if (authzid === undefined || !authcid || !password || more.length > 0) return 'malformed-request';
  return { authzid, authcid, password };
}

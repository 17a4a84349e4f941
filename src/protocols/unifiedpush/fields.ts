import { isUtf8 } from 'node:buffer';

/** Bytes of a public token in UTF-8. [unifiedpush.md §2.2] */
export const TOKEN_MAX = 100;
/** Bytes of what is pushed. [unifiedpush.md §2.2] */
export const BODY_MAX = 4_096;
/** Bytes of an endpoint. [unifiedpush.md §2.2] */
export const ENDPOINT_MAX = 1_000;

/** 32 bytes of standard base64, spelled in the one way that leaves no bits over. */
const HASH = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const SPACE = /[\t\n\r ]+/g;

/** What is wrong with a token; undefined if it may be used. */
export function tokenProblem(token: string): string | undefined {
  if (token === '') return 'no token';
  return Buffer.byteLength(token) > TOKEN_MAX ? `token: longer than ${TOKEN_MAX} bytes` : undefined;
}

/** Whether `text` is base64 of 32 bytes, as applications and instances are. [unifiedpush.md §3.1] */
export const isHash = (text: string): boolean => HASH.test(text);

/** The bytes of base64 that may be broken into lines; undefined if it is none, or not 1 to {@link BODY_MAX} bytes. */
export function decodeBody(text: string): Buffer | undefined {
  // Four characters for three bytes, and as much white space again: more is not worth a look.
  if (text.length > BODY_MAX * 3) return undefined;
  const base64 = text.replace(SPACE, '');
  if (!BASE64.test(base64)) return undefined;
  const body = Buffer.from(base64, 'base64');
  return body.length >= 1 && body.length <= BODY_MAX ? body : undefined;
}

/** What XML has no spelling for, and the carriage return, which does not survive every server. */
const UNSAFE = /[\0-\x08\x0b-\x1f\ufffe\uffff]/;

/** The text that these bytes are, if XML carries it without loss. */
export function plainText(body: Uint8Array): string | undefined {
  if (!isUtf8(body)) return undefined;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  return UNSAFE.test(text) ? undefined : text;
}

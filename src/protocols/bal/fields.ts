import { BalError, type JsonObject } from './frames.ts';

/** The longest `message_id`, in bytes of UTF-8. */
export const MAX_MESSAGE_ID_BYTES = 1_024;
/** The longest `session_id`, `group_id`, `provider`, `client` and `secret`, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 1_024;
/** The longest `data` of PING and PONG, in bytes of UTF-8. */
export const MAX_PING_DATA_BYTES = 1_024;
/** The longest `token` of an endpoint, in bytes of UTF-8: what UnifiedPush allows. [unifiedpush.md §2.2] */
export const MAX_ENDPOINT_TOKEN_BYTES = 100;
/** The longest `to`, in bytes of UTF-8. */
export const MAX_TARGET_BYTES = 4_096;
/** The widest `window` of a LOGON, in frames. */
export const MAX_WINDOW = 1_000;
/** What of a foreign name or key is repeated in an error text, in characters. */
const MAX_SHOWN = 64;

/** The header of a frame before anything about it is known; {@link RawFrame.data} is read only if the frame has any. */
export interface RawFrame {
  readonly header: JsonObject;
  /** `fcm_data`, with what its text told about it. */
  data(): RawData;
}

export interface RawData {
  readonly value: unknown;
  /** What makes it unacceptable as a message, in words that name the field. */
  readonly problem?: string;
}

/** An INVALID_FRAME. */
export function invalid(message: string, options?: ErrorOptions): BalError {
  return new BalError('INVALID_FRAME', message, options);
}

/** A foreign text, short enough and clean enough to be repeated in an error. */
export function shown(text: string): string {
  const short = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  return JSON.stringify(short.toWellFormed());
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text of the header; an empty one means absent [BAL §Framing]. Without `maxBytes` any text will do. */
export function optionalText(header: JsonObject, name: string, maxBytes?: number): string | undefined {
  const value = header[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`${name} must be a string`);
  const wrong = maxBytes === undefined ? undefined : wrongText(value, maxBytes);
  if (wrong) throw invalid(`${name} ${wrong}`);
  return value;
}

/** Like {@link optionalText}, for one that must be there. */
export function requiredText(header: JsonObject, name: string, maxBytes?: number): string {
  const value = optionalText(header, name, maxBytes);
  if (value === undefined) throw invalid(`${name} is missing`);
  return value;
}

/** What is wrong with a text that all encodings must be able to carry, or undefined. */
export function wrongText(text: string, maxBytes: number): string | undefined {
  if (text.length * 3 > maxBytes && Buffer.byteLength(text, 'utf8') > maxBytes) {
    return `is longer than ${maxBytes} bytes`;
  }
  if (!text.isWellFormed()) return 'has half a surrogate pair';
  return undefined;
}

/** A whole number of the header from 1 to `max`; 0 means absent [BAL §Framing]. */
export function optionalNumber(header: JsonObject, name: string, max: number): number | undefined {
  const value = header[name];
  if (value === undefined || value === 0) return undefined;
  if (!isCount(value, max)) throw invalid(`${name} must be a whole number from 1 to ${max}`);
  return value;
}

export function isCount(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}

/** A truth value of the header; false means absent. */
export function optionalFlag(header: JsonObject, name: string): boolean | undefined {
  const value = header[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'boolean') throw invalid(`${name} must be true or false`);
  return value;
}

/** A list of the header; undefined and the empty list are the same. */
export function optionalList(header: JsonObject, name: string): readonly unknown[] {
  const value = header[name];
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(`${name} must be a list`);
  return value;
}

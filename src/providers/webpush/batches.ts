/**
 * Messages on their way to a thread and back: one piece of memory that changes hands, because objects would be copied, and
 * with each small buffer the whole block that it was cut from.
 */
import { AUTH_BYTES, type MessageReceiver, POINT_BYTES } from '../../protocols/webpush/index.ts';
import type { Keys } from './message.ts';

const LENGTH_BYTES = 2;
const KEYS_BYTES = POINT_BYTES + AUTH_BYTES;

/** A message to be encrypted; `body` has fewer than 65,536 bytes. */
export interface Clear {
  readonly keys: Keys;
  readonly body: Uint8Array;
}

/** Each as length, keys and body. */
export function packClear(messages: readonly Clear[]): Buffer<ArrayBuffer> {
  const bytes = messages.reduce((sum, { body }) => sum + LENGTH_BYTES + KEYS_BYTES + body.length, 0);
  const packed = Buffer.alloc(bytes);
  let at = 0;
  for (const { keys, body } of messages) {
    at = packed.writeUInt16BE(body.length, at);
    packed.write(keys.p256dh, at, POINT_BYTES, 'base64url');
    packed.write(keys.auth, at + POINT_BYTES, AUTH_BYTES, 'base64url');
    packed.set(body, at + KEYS_BYTES);
    at += KEYS_BYTES + body.length;
  }
  return packed;
}

/** What {@link packClear} packed. */
export function unpackClear(bytes: Uint8Array): { readonly to: MessageReceiver; readonly body: Uint8Array }[] {
  const packed = bufferOf(bytes);
  const messages = [];
  for (let at = 0; at < packed.length; ) {
    const end = at + LENGTH_BYTES + KEYS_BYTES + packed.readUInt16BE(at);
    const point = packed.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + POINT_BYTES);
    const auth = packed.subarray(at + LENGTH_BYTES + POINT_BYTES, at + LENGTH_BYTES + KEYS_BYTES);
    messages.push({ to: { point, auth }, body: packed.subarray(at + LENGTH_BYTES + KEYS_BYTES, end) });
    at = end;
  }
  return messages;
}

/** Each as length and bytes; undefined is a length of 0, which nothing encrypted has. */
export function packEncrypted(results: readonly (Uint8Array | undefined)[]): Buffer<ArrayBuffer> {
  const bytes = results.reduce((sum, result) => sum + LENGTH_BYTES + (result?.length ?? 0), 0);
  const packed = Buffer.alloc(bytes);
  let at = 0;
  for (const result of results) {
    at = packed.writeUInt16BE(result?.length ?? 0, at);
    if (result) packed.set(result, at);
    at += result?.length ?? 0;
  }
  return packed;
}

/** What {@link packEncrypted} packed. */
export function unpackEncrypted(bytes: Uint8Array): (Uint8Array | undefined)[] {
  const packed = bufferOf(bytes);
  const results = [];
  for (let at = 0; at < packed.length; ) {
    const begin = at + LENGTH_BYTES;
    at = begin + packed.readUInt16BE(at);
    results.push(at > begin ? packed.subarray(begin, at) : undefined);
  }
  return results;
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

import { ConnectionError, Flag } from './codes.ts';

/** The payload of DATA or HEADERS without its padding. [RFC 9113 §6.1] */
export function unpad(flags: number, payload: Buffer): Buffer {
  if ((flags & Flag.PADDED) === 0) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length) throw new ConnectionError('PROTOCOL_ERROR', 'more padding than frame');
  return payload.subarray(1, payload.length - padding);
}

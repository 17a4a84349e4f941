import {
  BalError,
  type BridgeFrame,
  type Encoding,
  encodeBridgeFrame,
  HEADER_BYTES,
} from '../../protocols/bal/index.ts';

/** A frame as bytes, and what had to be left out to get there. */
export interface Encoded {
  readonly bytes: Buffer;
  readonly left?: 'nested values' | 'everything';
}

/**
 * A frame that this connection can carry. What a service says is bounded before it enters an inbox, but Qt's format takes
 * more room and less depth than JSON. What can't be delivered whole must still be delivered, or it would come back for
 * ever and everything behind it would wait: first the nested values of `fcm_data` stay behind, then all of them.
 */
export function encodeWithin(frame: BridgeFrame, encoding: Encoding, maxBytes: number): Encoded {
  const bytes = attempt(frame, encoding, maxBytes);
  if (bytes) return { bytes };
  if (!('fcm_data' in frame)) return { bytes: encodeBridgeFrame(frame, encoding) };
  const flat = attempt({ ...frame, fcm_data: withoutNested(frame.fcm_data) }, encoding, maxBytes);
  if (flat) return { bytes: flat, left: 'nested values' };
  return { bytes: encodeBridgeFrame({ ...frame, fcm_data: '{}' }, encoding), left: 'everything' };
}

function attempt(frame: BridgeFrame, encoding: Encoding, maxBytes: number): Buffer | undefined {
  try {
    const bytes = encodeBridgeFrame(frame, encoding);
    return bytes.length - HEADER_BYTES <= maxBytes ? bytes : undefined;
  } catch (error) {
    if (error instanceof BalError) return undefined;
    throw error;
  }
}

function withoutNested(json: string): string {
  const entries = Object.entries(JSON.parse(json) as Record<string, unknown>);
  return JSON.stringify(Object.fromEntries(entries.filter(([, value]) => typeof value !== 'object')));
}

import type { Payload, Refusal } from '../../core/index.ts';

/**
 * What FCM would refuse for its size: more than `maxDataBytes` bytes of keys and values in `data`, half as much for topics
 * and conditions. [fcm.md §1.4] Small payloads are not even parsed: as JSON they are never shorter.
 */
export function inspectPayload(payload: Payload, maxDataBytes: number): Refusal | undefined {
  if (payload.kind !== 'fcm') return { code: 'INVALID_MESSAGE', because: 'this provider takes FCM messages only' };
  const { json } = payload;
  if (json.length <= maxDataBytes / 6 || Buffer.byteLength(json) <= maxDataBytes / 2) return undefined;
  const fcm = parse(json);
  if (fcm === undefined) return { code: 'INVALID_MESSAGE', because: 'the FCM message is not a JSON object' };
  const { to, condition, data } = fcm;
  if (typeof data !== 'object' || data === null) return undefined;
  const topic = condition !== undefined || (typeof to === 'string' && to.startsWith('/topics/'));
  const limit = topic ? Math.floor(maxDataBytes / 2) : maxDataBytes;
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
  }
  if (bytes <= limit) return undefined;
  return { code: 'PAYLOAD_TOO_LARGE', because: `data has ${bytes} bytes of keys and values, ${limit} are allowed` };
}

function parse(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

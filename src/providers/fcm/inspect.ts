import type { Payload, Refusal } from '../../core/index.ts';
import {
  type LegacyMessage,
  LegacyProblem,
  LONGEST_RECEIPT,
  readLegacy,
  withReceipt,
} from '../../protocols/fcm/index.ts';
import type { FcmOptions } from './options.ts';

type Rules = Pick<FcmOptions, 'max_payload_bytes' | 'delivery_receipts'>;

/** A message as it was read, or why FCM or we would refuse it. */
export type Reading = { readonly message: LegacyMessage } | { readonly refusal: Refusal };

/** Reads a payload and finds what would be refused anyway, naming the field. */
export function readPayload(payload: Payload, rules: Rules): Reading {
  if (payload.kind !== 'fcm') return refused('this provider takes FCM messages only');
  try {
    const message = readLegacy(payload.json);
    if (message.deliveryReceiptRequested && rules.delivery_receipts === 'refuse') {
      return refused('delivery_receipt_requested: FCM HTTP v1 has no receipts, and this provider refuses to ignore it');
    }
    const because = sizeProblem(message, rules);
    return because === undefined ? { message } : { refusal: { code: 'PAYLOAD_TOO_LARGE', because } };
  } catch (error) {
    if (error instanceof LegacyProblem) return refused(error.message);
    throw error;
  }
}

/**
 * What counts: keys and values of `data`, and the texts that the notification shows, in bytes of UTF-8. Topics and
 * conditions have half as much. [fcm.md §1.4] What names a sound or an icon, and blocks in the form of v1, are left to FCM
 * to judge.
 */
export function payloadBytes({ data, notification = {} }: LegacyMessage): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  const { title, body, subtitle, bodyLocArgs = [], titleLocArgs = [] } = notification;
  for (const text of [title, body, subtitle, ...bodyLocArgs, ...titleLocArgs]) bytes += Buffer.byteLength(text ?? '');
  return bytes;
}

function sizeProblem(message: LegacyMessage, rules: Rules): string | undefined {
  const receipt = rules.delivery_receipts === 'app' && message.deliveryReceiptRequested;
  const bytes = payloadBytes(receipt ? withReceipt(message, LONGEST_RECEIPT) : message);
  const limit = message.target.kind === 'token' ? rules.max_payload_bytes : Math.floor(rules.max_payload_bytes / 2);
  if (bytes <= limit) return undefined;
  const what = message.notification === undefined ? 'data has' : 'data and notification have';
  return `${what} ${bytes} bytes of keys, values and texts, ${limit} are allowed`;
}

function refused(because: string): Reading {
  return { refusal: { code: 'INVALID_MESSAGE', because } };
}

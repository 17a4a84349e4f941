import type { Payload, Refusal } from '../../core/index.ts';
import { type LegacyMessage, LegacyProblem, readLegacy } from '../../protocols/fcm/index.ts';
import { type Notification, notificationOf } from './mapping.ts';
import type { ApnsOptions } from './options.ts';

/** Stands for a wire id that is not known yet: no real one is longer. */
const ANY_WIRE_ID = '-'.repeat(64);

export interface PrepareRules extends Pick<ApnsOptions, 'delivery_receipts' | 'max_payload_bytes' | 'max_voip_bytes'> {
  /** Of the provider. */
  readonly name: string;
  readonly topic: string | undefined;
}

export interface Prepared {
  readonly kind: 'prepared';
  readonly notification: Notification;
  /** The sender asked for a receipt, which APNs has not. */
  readonly receiptRequested: boolean;
}

/** Makes a notification of a payload, or says why APNs would not take it. */
export function prepare(
  payload: Payload,
  rules: PrepareRules,
  wireId = ANY_WIRE_ID,
): Prepared | ({ kind: 'refusal' } & Refusal) {
  if (payload.kind !== 'fcm') return invalid('this provider takes FCM messages only');
  try {
    const message = readLegacy(payload.json);
    const { deliveryReceiptRequested: receiptRequested } = message;
    if (receiptRequested && rules.delivery_receipts === 'refuse') {
      return invalid('delivery_receipt_requested: APNs has no receipts');
    }
    const notification = notificationOf(withReceipt(message, rules, wireId), rules.topic);
    const bytes = Buffer.byteLength(notification.body);
    const limit = notification.pushType === 'voip' ? rules.max_voip_bytes : rules.max_payload_bytes;
    if (bytes <= limit) return { kind: 'prepared', notification, receiptRequested };
    const because = `the notification has ${bytes} bytes, ${limit} are allowed`;
    return { kind: 'refusal', code: 'PAYLOAD_TOO_LARGE', because };
  } catch (error) {
    if (error instanceof LegacyProblem) return invalid(error.message);
    throw error;
  }
}

/** The app is told under which name it can report that the message came. */
function withReceipt(message: LegacyMessage, rules: PrepareRules, wireId: string): LegacyMessage {
  if (!message.deliveryReceiptRequested || rules.delivery_receipts !== 'app') return message;
  return { ...message, data: { ...message.data, pushbridge_receipt: `${rules.name}/${wireId}` } };
}

function invalid(because: string): { kind: 'refusal' } & Refusal {
  return { kind: 'refusal', code: 'INVALID_MESSAGE', because };
}

import type { Payload, Refusal } from '../../core/index.ts';
import { LegacyProblem, LONGEST_RECEIPT, readLegacy, receiptOf, withReceipt } from '../../protocols/fcm/index.ts';
import { type Notification, notificationOf } from './mapping.ts';
import type { ApnsOptions } from './options.ts';

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

/**
 * Makes a notification of a payload, or says why APNs would not take it.
 * @param wireId undefined if it is not known yet: then as if it were the longest
 */
export function prepare(
  payload: Payload,
  rules: PrepareRules,
  wireId?: string,
): Prepared | ({ kind: 'refusal' } & Refusal) {
  if (payload.kind !== 'fcm') return invalid('this provider takes FCM messages only');
  try {
    const message = readLegacy(payload.json);
    const { deliveryReceiptRequested: receiptRequested } = message;
    if (receiptRequested && rules.delivery_receipts === 'refuse') {
      return invalid('delivery_receipt_requested: APNs has no receipts');
    }
    const receipt = wireId === undefined ? LONGEST_RECEIPT : receiptOf(rules.name, wireId);
    const told = receiptRequested && rules.delivery_receipts === 'app' ? withReceipt(message, receipt) : message;
    const notification = notificationOf(told, rules.topic);
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

function invalid(because: string): { kind: 'refusal' } & Refusal {
  return { kind: 'refusal', code: 'INVALID_MESSAGE', because };
}

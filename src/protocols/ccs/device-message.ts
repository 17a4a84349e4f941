import { receiptJson } from './server-message.ts';

/** Where receipts come from. [fcm.md §1.8] */
const RECEIPTS_FROM = 'gcm.googleapis.com';

/** What an app says to its backend. */
export interface UpstreamMessage {
  /** The registration token of the device. */
  readonly from: string;
  /** The app's package name. */
  readonly category: string;
  readonly messageId: string;
  readonly data: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly timeToLive?: number;
}

/** An upstream message as CCS gives it to an app server. [fcm.md §1.8] */
export function upstreamJson({ from, category, messageId, data, timeToLive }: UpstreamMessage): string {
  const life = timeToLive === undefined ? {} : { time_to_live: timeToLive };
  return JSON.stringify({ category, data, from, message_id: messageId, ...life });
}

/** What a device says of a message that came to it. */
export interface DeviceReceipt {
  readonly device: string;
  readonly category: string;
  /** The id that the sender gave to the message. */
  readonly messageId: string;
  /** Such as `MESSAGE_SENT_TO_DEVICE`. */
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
}

/** A delivery receipt as CCS gives it to an app server. [fcm.md §1.8] */
export function deviceReceiptJson({ device, category, messageId, status, sentAt }: DeviceReceipt): string {
  const fields = {
    category,
    data: { message_status: status, device_registration_id: device, message_sent_timestamp: String(sentAt) },
    from: RECEIPTS_FROM,
    message_type: 'receipt',
    time_to_live: 0,
  };
  return receiptJson(fields, messageId);
}

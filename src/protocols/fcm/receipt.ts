import type { JsonObject, LegacyMessage } from './legacy.ts';

/*
 * Delivery receipts where the service has none: the message tells the app where its receipt belongs, and the app tells the
 * bridge. Providers write what the door for apps reads.
 */

/** The key in `data` whose value the app hands back. */
export const RECEIPT_KEY = 'pushbridge_receipt';
const PROVIDER_MAX = 63;
const WIRE_ID_MAX = 64;
/** Longest value, in characters: the name of a provider, a slash and a wire id. */
export const RECEIPT_MAX = PROVIDER_MAX + 1 + WIRE_ID_MAX;
/** A value that is as long as it may be: for whoever has to know the size of a message before it has a wire id. */
export const LONGEST_RECEIPT = '-'.repeat(RECEIPT_MAX);
/** What every value looks like: ASCII, one byte for each character. */
export const RECEIPT_PATTERN = /^[a-z][a-z0-9_-]{0,62}\/[!-~]+$/i;

/** The value for a message that `provider` sends under this wire id. */
export function receiptOf(provider: string, wireId: string): string {
  return `${provider}/${wireId}`;
}

/** Reads a value again. @param receipt matches {@link RECEIPT_PATTERN} */
export function readReceipt(receipt: string): { readonly provider: string; readonly wireId: string } {
  const slash = receipt.indexOf('/');
  return { provider: receipt.slice(0, slash), wireId: receipt.slice(slash + 1) };
}

/**
 * The same message with the receipt in its data, for every platform: data that a block of HTTP v1 has of its own takes the
 * place of the message's. [fcm.md §3.2]
 */
export function withReceipt(message: LegacyMessage, receipt: string): LegacyMessage {
  const { data, android, webpush } = message;
  const added = { [RECEIPT_KEY]: receipt };
  return {
    ...message,
    data: { ...data, ...added },
    ...(android && { android: addedTo(android, added) }),
    ...(webpush && { webpush: addedTo(webpush, added) }),
  };
}

function addedTo(block: JsonObject, added: JsonObject): JsonObject {
  const { data } = block;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return block;
  return { ...block, data: { ...data, ...added } };
}

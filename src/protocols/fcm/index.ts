export { type Aps, apnsExpiration, apnsPriority, apsOf, COLLAPSE_ID_MAX, collapseId, isCollapseId } from './aps.ts';
export {
  isVisible,
  type JsonObject,
  type LegacyMessage,
  type LegacyNotification,
  LegacyProblem,
  readLegacy,
} from './legacy.ts';
export {
  LONGEST_RECEIPT,
  RECEIPT_KEY,
  RECEIPT_MAX,
  RECEIPT_PATTERN,
  readReceipt,
  receiptOf,
  withReceipt,
} from './receipt.ts';
export { ackReply, nackReply } from './reply.ts';
export { webTopic } from './web-topic.ts';

export { type AppServerMessage, MAX_JSON_DEPTH, readAppServerMessage } from './app-server-message.ts';
export { type DeviceReceipt, deviceReceiptJson, type UpstreamMessage, upstreamJson } from './device-message.ts';
export { ackStanza, CCS_NS, type Downstream, downstreamStanza, pingStanza } from './downstream.ts';
export type { Fields } from './fields.ts';
export { isCondition, MAX_PAYLOAD_BYTES, MAX_TOPIC_PAYLOAD_BYTES, MAX_TTL, type Problem } from './problems.ts';
export { answerJson, readServerMessage, receiptJson, type ServerMessage } from './server-message.ts';
export {
  ackJson,
  answerStanza,
  badRequest,
  CCS_DOMAIN,
  DRAINING_JSON,
  FOREIGN_ACK,
  JID_MALFORMED,
  nackJson,
  type PayloadForm,
  refusalStanza,
  upstreamStanza,
} from './server-stanzas.ts';

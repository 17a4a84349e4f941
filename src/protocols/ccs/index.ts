export { LoginError, type LoginFault, type LoginOptions, logIn } from '../xmpp/client-login.ts';
export { ClientStream, type StreamEnd, type StreamHandler, type StreamSettings } from '../xmpp/client-stream.ts';
export { XmlError } from '../xmpp/index.ts';
export { type DeviceReceipt, deviceReceiptJson, type UpstreamMessage, upstreamJson } from './device-message.ts';
export { ackStanza, CCS_NS, type Downstream, downstreamStanza, pingStanza } from './downstream.ts';
export { answerJson, type Fields, readServerMessage, receiptJson, type ServerMessage } from './server-message.ts';

export {
  infoStanza,
  itemsStanza,
  type Pushed,
  presenceStanza,
  pushAnswer,
  type RegisterResult,
  readFeatures,
  readItems,
  readPush,
  readRegisterResult,
  receiptStanza,
  registerStanza,
  unregisterStanza,
} from './device.ts';
export { BODY_MAX, ENDPOINT_MAX, isHash, TOKEN_MAX } from './fields.ts';
export { type Jid, parseJid } from './jid.ts';
export { type Address, type Dialect, UP_NS } from './names.ts';
export { type PushAnswer, pushStanza, readError, readPushAnswer, readReceipt } from './pushes.ts';
export {
  emptyReply,
  infoReply,
  itemsReply,
  refusal,
  registeredReply,
  unregisteredReply,
} from './replies.ts';
export { type EndpointName, type LegacyRequest, type Request, readRequest } from './requests.ts';

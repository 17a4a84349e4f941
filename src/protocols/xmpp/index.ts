export { LoginError, type LoginFault, type LoginOptions, logIn } from './client-login.ts';
export {
  ClientStream,
  type Negotiation,
  type StreamEnd as ClientStreamEnd,
  type StreamHandler,
  type StreamSettings,
} from './client-stream.ts';
export { XmlElement } from './element.ts';
export { NS } from './namespaces.ts';
export type { StanzaHandler, StreamStart } from './parser.ts';
export { StanzaParser } from './parser.ts';
export type { PlainCredentials, SaslCondition } from './sasl-plain.ts';
export { parsePlain } from './sasl-plain.ts';
export type { ServerStreamEvents, ServerStreamOptions, StreamEnd, StreamState } from './server-stream.ts';
export { ServerStream } from './server-stream.ts';
export type { StanzaError, StreamCondition } from './server-xml.ts';
export { stanzaError, streamError } from './server-xml.ts';
export type { Outlet, StreamSocketEvents, StreamSocketOptions } from './stream-socket.ts';
export { defaultStreamSocketOptions, StreamSocket } from './stream-socket.ts';
export type { Attributes } from './tag.ts';
export type { TokenHandler, XmlLimits } from './tokenizer.ts';
export { defaultXmlLimits, XmlTokenizer } from './tokenizer.ts';
export { escapeAttribute, escapeJson, escapeText } from './xml.ts';
export type { ParseCondition } from './xml-error.ts';
export { XmlError } from './xml-error.ts';

/** The BAL protocol: frames, their three encodings, and the cutting of a stream into frames. */
export { digest } from './canonical.ts';
export { decodeBackendFrame, decodeBridgeFrame, detect, encodeBackendFrame, encodeBridgeFrame } from './codec.ts';
export { MAX_MESSAGE_ID_BYTES, MAX_NAME_BYTES, MAX_PING_DATA_BYTES, MAX_WINDOW } from './fields.ts';
export {
  type BackendFrame,
  BalError,
  type BridgeFrame,
  type Encoding,
  type ErrorCode,
  encodings,
  errorCodes,
  type JsonObject,
  type ReceivedFrame,
  type SentFrame,
} from './frames.ts';
export { DEFAULT_MAX_FRAME_BYTES, FrameDecoder, frame, HEADER_BYTES } from './framing.ts';
export { MAX_DEPTH } from './json-keys.ts';
export { MAX_QT_SEQUENCE } from './qt-write.ts';

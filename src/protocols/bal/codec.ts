import { readBackendFrame } from './backend-frame.ts';
import { readBridgeFrame } from './bridge-frame.ts';
import type { RawFrame } from './fields.ts';
import type { BackendFrame, BridgeFrame, Encoding, ReceivedFrame, SentFrame } from './frames.ts';
import { frameText } from './framing.ts';
import { backendFrameToJson, bridgeFrameToJson, readJson } from './json.ts';
import { backendFrameToProtobuf, bridgeFrameToProtobuf, readProtobuf } from './protobuf.ts';
import { readQt } from './qt-read.ts';
import { backendFrameToQt, bridgeFrameToQt } from './qt-write.ts';

interface Codec {
  read(body: Buffer): RawFrame;
  bridge(frame: BridgeFrame): Buffer;
  backend(frame: SentFrame): Buffer;
}

const codecs: Readonly<Record<Encoding, Codec>> = {
  json: {
    read: readJson,
    bridge: (frame) => frameText(bridgeFrameToJson(frame)),
    backend: (frame) => frameText(backendFrameToJson(frame)),
  },
  qt: { read: readQt, bridge: bridgeFrameToQt, backend: backendFrameToQt },
  protobuf: { read: readProtobuf, bridge: bridgeFrameToProtobuf, backend: backendFrameToProtobuf },
};

/** How a body is encoded, by its first bytes [BAL §Framing]. */
export function detect(body: Buffer): Encoding {
  if (body[0] === 0x7b) return 'json';
  return body.length >= 4 && body.toString('latin1', 0, 4) === 'qbjs' ? 'qt' : 'protobuf';
}

/**
 * A frame of the backend. Whether `encoding` is the one of the connection is the caller's question: see {@link detect}.
 *
 * In Qt frames `sequence_ids` holds the numbers that this connection gave: map them back before use.
 * @throws {BalError} INVALID_FRAME, naming the field
 */
export function decodeBackendFrame(body: Buffer, encoding: Encoding): BackendFrame {
  return readBackendFrame(codecs[encoding].read(body));
}

/**
 * A frame of the bridge, its length in front, in one buffer ready to be written. JSON and protobuf carry the text of
 * `fcm_data` as it is.
 *
 * Qt frames carry a number of the connection in `sequence_id`, 1 to 2^31-1, because GIMMM's library reads a 32-bit
 * integer and refuses 0 [BAL §Framing]. The door keeps the map: for a Qt connection count the frames sent from 1 (going
 * round to 1 behind 2^31-1, past numbers still in flight), remember `number → sequence` until its ACK, pass the number
 * here, and look every number of an ACK up again. A number that is not in flight was settled before or never given.
 * @throws {BalError} INVALID_FRAME in Qt for `fcm_data` nested deeper than 64 levels; RangeError for such a number beyond
 *   2^31-1
 */
export function encodeBridgeFrame(frame: BridgeFrame, encoding: Encoding): Buffer {
  return codecs[encoding].bridge(frame);
}

/**
 * A frame of the backend, its length in front, in one buffer ready to be written.
 * @throws {BalError} INVALID_FRAME for `fcm_data` that JSON can not carry
 */
export function encodeBackendFrame(frame: SentFrame, encoding: Encoding): Buffer {
  return codecs[encoding].backend(frame);
}

/**
 * A frame of the bridge, as a backend reads it. In Qt frames `sequence_id` counts within this connection.
 * @throws {BalError} INVALID_FRAME, naming the field
 */
export function decodeBridgeFrame(body: Buffer, encoding: Encoding): ReceivedFrame {
  return readBridgeFrame(codecs[encoding].read(body));
}

import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { invalid, type RawFrame } from './fields.ts';
import type { BridgeFrame, JsonObject, SentFrame } from './frames.ts';
import { HEADER_BYTES } from './framing.ts';
import { readDataText, stringify, withDescription, withoutProblem } from './json.ts';

/** The same path from src/protocols/bal and from dist/protocols/bal. */
const SCHEMA = new URL('../../../proto/bal.proto', import.meta.url);

/** 2^53 / 2^32: from this upper half on a uint64 is no exact number any more. */
const TOO_HIGH = 2 ** 21;

let loaded: protobuf.Type | undefined;

function schema(): protobuf.Type {
  loaded ??= protobuf
    .parse(readFileSync(SCHEMA, 'utf8'), { keepCase: true })
    .root.resolveAll()
    .lookupType('pushbridge.bal.Frame');
  return loaded;
}

/** A body in protobuf [BAL §Framing]. @throws {BalError} INVALID_FRAME */
export function readProtobuf(body: Buffer): RawFrame {
  const reader = protobuf.Reader.create(body);
  reader.discardUnknown = false; // a known field of another wire type counts as unknown: see below
  let message: Record<string, unknown>;
  try {
    message = schema().decode(reader) as unknown as Record<string, unknown>;
  } catch (cause) {
    throw invalid('the frame is not a valid protobuf message', { cause });
  }
  checkUnknown(message.$unknowns);
  if (message.taken === null) message.taken = undefined; // the library's word for an absent optional field
  if (message.sequence_id) message.sequence_id = toNumber(message.sequence_id, 'sequence_id');
  const list = message.sequence_ids;
  if (Array.isArray(list)) message.sequence_ids = list.map((id) => toNumber(id, 'sequence_ids'));
  return { header: message, data: () => dataOf(message.fcm_data) };
}

function dataOf(text: unknown): ReturnType<RawFrame['data']> {
  return typeof text === 'string' && text !== '' ? readDataText(text) : { value: undefined };
}

/**
 * The library skips a known field whose wire type is not the schema's; here that is an error [BAL §Framing]. And it skips a
 * varint of any length, where 10 bytes hold all 64 bits.
 */
function checkUnknown(unknowns: unknown): void {
  if (!Array.isArray(unknowns)) return;
  for (const raw of unknowns as Uint8Array[]) {
    const reader = protobuf.Reader.create(raw);
    const tag = reader.uint32();
    const field = schema().fieldsById[tag >>> 3];
    if (field) throw invalid(`${field.name} has the wrong type`);
    if ((tag & 7) === 0 && raw.length - reader.pos > 10) throw invalid('an unknown field is longer than 64 bits');
  }
}

/** A uint64, which comes as a number or as two halves. */
function toNumber(value: unknown, name: string): number {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw invalid(`${name} is 2^53 or more`);
    return value;
  }
  const { high, low } = value as { high: number; low: number };
  if (high >>> 0 >= TOO_HIGH) throw invalid(`${name} is 2^53 or more`);
  return (high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** A frame of the bridge, header and body in one buffer. */
export function bridgeFrameToProtobuf(frame: BridgeFrame): Buffer {
  return write(withDescription(frame));
}

/** A frame of the backend, header and body in one buffer. @throws {BalError} INVALID_FRAME */
export function backendFrameToProtobuf(frame: SentFrame): Buffer {
  if (frame.message_type !== 'DOWNSTREAM') return write(frame);
  return write({ ...withoutProblem(frame), fcm_data: stringify(frame.fcm_data) });
}

function write(fields: JsonObject): Buffer {
  const writer = protobuf.Writer.create().fixed32(0); // the place of the frame's length
  const bytes = schema().encode(fields, writer).finish();
  const framed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  framed.writeUInt32BE(framed.length - HEADER_BYTES, 0);
  return framed;
}

import { isUtf8 } from 'node:buffer';
import { invalid, isObject, type RawData, type RawFrame, shown } from './fields.ts';
import type { BridgeFrame, JsonObject, SentFrame } from './frames.ts';
import { checkKeys, type KeyReport, MAX_DEPTH } from './json-keys.ts';

/** A body in JSON [BAL §Framing]. @throws {BalError} INVALID_FRAME */
export function readJson(body: Buffer): RawFrame {
  if (!isUtf8(body)) throw invalid('the frame is not valid UTF-8');
  const text = body.toString('utf8');
  const header = parse(text, 'the frame');
  if (!isObject(header)) throw invalid('the frame is not a JSON object');
  const report = checkKeys(text, 'frame');
  if (report.header !== undefined) throw invalid(`the frame has the key ${shown(report.header)} twice`);
  if (report.deep === 'header') throw invalid(tooDeep('the frame'));
  return { header, data: () => judged(header.fcm_data, report) };
}

/** The text of `fcm_data` alone, as protobuf carries it. @throws {BalError} INVALID_FRAME if it is not JSON */
export function readDataText(text: string): RawData {
  return judged(parse(text, 'fcm_data'), checkKeys(text, 'data'));
}

export function tooDeep(what: string): string {
  return `${what} is nested deeper than ${MAX_DEPTH} levels`;
}

export function twiceInData(key: string): string {
  return `fcm_data has the key ${shown(key)} twice`;
}

function judged(value: unknown, report: KeyReport): RawData {
  if (report.deep) return { value: shallow(value), problem: tooDeep('fcm_data') };
  if (report.data !== undefined) return { value, problem: twiceInData(report.data) };
  return { value };
}

/** Of an object too deep to be walked through, what names the message and its target. */
function shallow(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { message_id, to } = value;
  return { ...(typeof message_id === 'string' && { message_id }), ...(typeof to === 'string' && { to }) };
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`${what} is not valid JSON`, { cause });
  }
}

const quote: (text: string) => string = JSON.stringify;
const member = (name: string, text: string | undefined): string =>
  text === undefined ? '' : `,"${name}":${quote(text)}`;

/** A frame of the bridge as JSON text. `fcm_data` is put in as it is: it must be the text of an object. */
export function bridgeFrameToJson(frame: BridgeFrame): string {
  switch (frame.message_type) {
    case 'UPSTREAM':
    case 'DOWNSTREAM_ACK':
    case 'DOWNSTREAM_RECEIPT':
      return `{"message_type":"${frame.message_type}","sequence_id":${frame.sequence_id},"session_id":${quote(
        frame.session_id,
      )},"message_id":${quote(frame.message_id)}${member('group_id', frame.group_id)},"fcm_data":${frame.fcm_data}}`;
    case 'DOWNSTREAM_REJECT': {
      const sequence = frame.sequence_id === undefined ? '' : `,"sequence_id":${frame.sequence_id}`;
      const text = quote(frame.error_string);
      return `{"message_type":"DOWNSTREAM_REJECT"${sequence},"session_id":${quote(
        frame.session_id,
      )},"message_id":${quote(frame.message_id)}${member('group_id', frame.group_id)},"error":${quote(
        frame.error,
      )},"error_string":${text},"error_description":${text},"taken":${frame.taken},"fcm_data":${frame.fcm_data}}`;
    }
    case 'LOGON_RESPONSE':
    case 'ENDPOINT_UNREGISTERED':
    case 'ERROR':
      return JSON.stringify(withDescription(frame));
    case 'DOWNSTREAM_TAKEN':
    case 'ENDPOINT_REGISTERED':
    case 'PONG':
      return JSON.stringify(frame);
  }
}

/** A frame of the backend as JSON text. @throws {BalError} INVALID_FRAME for what JSON can not say (a cycle, a bigint) */
export function backendFrameToJson(frame: SentFrame): string {
  return stringify(frame.message_type === 'DOWNSTREAM' ? withoutProblem(frame) : frame);
}

/** @throws {BalError} INVALID_FRAME */
export function stringify(value: JsonObject): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw invalid('fcm_data can not be written as JSON', { cause });
  }
}

/** The frame with `error_description`, which repeats `error_string` [BAL §Frames]. */
export function withDescription<F extends BridgeFrame>(frame: F): F & { error_description?: string } {
  return 'error_string' in frame && frame.error_string !== undefined
    ? { ...frame, error_description: frame.error_string }
    : frame;
}

/** `problem` is the decoder's remark, not a field of the wire. */
export function withoutProblem(frame: Extract<SentFrame, { message_type: 'DOWNSTREAM' }>): JsonObject {
  const { problem: _, ...fields } = frame;
  return fields;
}

import {
  invalid,
  isObject,
  optionalFlag,
  optionalList,
  optionalNumber,
  optionalText,
  type RawFrame,
  requiredText,
} from './fields.ts';
import type { JsonObject, ReceivedFrame } from './frames.ts';

type Of<T extends ReceivedFrame['message_type']> = Extract<ReceivedFrame, { message_type: T }>;

/** The largest number of any kind; the frame's size bounds everything else here. */
const MAX = Number.MAX_SAFE_INTEGER;

/** The frame of a bridge that the fields of `raw` make. @throws {BalError} INVALID_FRAME, naming the field */
export function readBridgeFrame(raw: RawFrame): ReceivedFrame {
  const { header } = raw;
  const type = requiredText(header, 'message_type');
  switch (type) {
    case 'UPSTREAM':
    case 'DOWNSTREAM_ACK':
    case 'DOWNSTREAM_RECEIPT':
      return answer(type, raw);
    case 'DOWNSTREAM_REJECT':
      return reject(raw);
    case 'DOWNSTREAM_TAKEN':
      return { message_type: type, message_ids: messageIds(header) };
    case 'LOGON_RESPONSE':
      return logonResponse(header);
    case 'ENDPOINT_REGISTERED': {
      const expiration = optionalText(header, 'expiration');
      const endpoint = requiredText(header, 'endpoint');
      return {
        message_type: type,
        token: requiredText(header, 'token'),
        endpoint,
        ...(expiration !== undefined && { expiration }),
      };
    }
    case 'ENDPOINT_UNREGISTERED': {
      const error = optionalText(header, 'error');
      const error_string = errorText(header);
      return {
        message_type: type,
        token: requiredText(header, 'token'),
        ...(error !== undefined && { error }),
        ...(error_string !== '' && { error_string }),
      };
    }
    case 'PONG': {
      const data = optionalText(header, 'data');
      return { message_type: type, ...(data !== undefined && { data }) };
    }
    case 'ERROR':
      return { message_type: type, error: requiredText(header, 'error'), error_string: errorText(header) };
    default:
      return { message_type: 'UNKNOWN', name: type };
  }
}

function answer(message_type: 'UPSTREAM' | 'DOWNSTREAM_ACK' | 'DOWNSTREAM_RECEIPT', raw: RawFrame): ReceivedFrame {
  const sequence_id = optionalNumber(raw.header, 'sequence_id', MAX);
  if (sequence_id === undefined) throw invalid('sequence_id is missing');
  const group_id = optionalText(raw.header, 'group_id');
  return {
    message_type,
    sequence_id,
    session_id: optionalText(raw.header, 'session_id') ?? '',
    message_id: requiredText(raw.header, 'message_id'),
    ...(group_id !== undefined && { group_id }),
    fcm_data: data(raw),
  };
}

function reject(raw: RawFrame): Of<'DOWNSTREAM_REJECT'> {
  const { header } = raw;
  const sequence_id = optionalNumber(header, 'sequence_id', MAX);
  const group_id = optionalText(header, 'group_id');
  return {
    message_type: 'DOWNSTREAM_REJECT',
    ...(sequence_id !== undefined && { sequence_id }),
    session_id: optionalText(header, 'session_id') ?? '',
    message_id: requiredText(header, 'message_id'),
    ...(group_id !== undefined && { group_id }),
    error: requiredText(header, 'error'),
    error_string: errorText(header),
    // Without the field: only what was taken gets a number.
    taken: optionalFlag(header, 'taken') ?? sequence_id !== undefined,
    fcm_data: data(raw),
  };
}

function logonResponse(header: JsonObject): Of<'LOGON_RESPONSE'> {
  const status = requiredText(header, 'status');
  if (status !== 'SUCCESS' && status !== 'FAILURE') throw invalid('status must be SUCCESS or FAILURE');
  const error = optionalText(header, 'error');
  const error_string = errorText(header);
  const window = optionalNumber(header, 'window', MAX);
  const server = optionalText(header, 'server');
  return {
    message_type: 'LOGON_RESPONSE',
    session_id: optionalText(header, 'session_id') ?? '',
    status,
    ...(error !== undefined && { error }),
    ...(error_string !== '' && { error_string }),
    ...(window !== undefined && { window }),
    ...(server !== undefined && { server }),
  };
}

function messageIds(header: JsonObject): string[] {
  const ids: string[] = [];
  for (const id of optionalList(header, 'message_ids')) {
    if (typeof id !== 'string') throw invalid('message_ids must be strings');
    ids.push(id);
  }
  return ids;
}

function errorText(header: JsonObject): string {
  return optionalText(header, 'error_string') ?? optionalText(header, 'error_description') ?? '';
}

/** `fcm_data`; an absent one is an empty object. */
function data(raw: RawFrame): JsonObject {
  const { value = {} } = raw.data();
  if (!isObject(value)) throw invalid('fcm_data must be an object');
  return value;
}

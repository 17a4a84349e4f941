import {
  invalid,
  isCount,
  isObject,
  MAX_ENDPOINT_TOKEN_BYTES,
  MAX_MESSAGE_ID_BYTES,
  MAX_NAME_BYTES,
  MAX_PING_DATA_BYTES,
  MAX_TARGET_BYTES,
  MAX_WINDOW,
  optionalFlag,
  optionalList,
  optionalNumber,
  optionalText,
  type RawFrame,
  requiredText,
  wrongText,
} from './fields.ts';
import type { BackendFrame, JsonObject } from './frames.ts';

type Of<T extends BackendFrame['message_type']> = Extract<BackendFrame, { message_type: T }>;

/** Fields that belong to the bridge or to another protocol: a message that has them is refused [BAL §Downstream rules]. */
const FORBIDDEN = ['message_type', 'from', 'registration_ids'] as const;

/** How much of an unknown message type is repeated, in characters. */
const MAX_TYPE_SHOWN = 64;

/** The frame of a backend that the fields of `raw` make. @throws {BalError} INVALID_FRAME, naming the field */
export function readBackendFrame(raw: RawFrame): BackendFrame {
  const { header } = raw;
  const type = header.message_type;
  if (typeof type !== 'string') {
    throw invalid(type === undefined ? 'message_type is missing' : 'message_type must be a string');
  }
  switch (type) {
    case 'DOWNSTREAM':
      return downstream(raw);
    case 'ACK':
      return { message_type: 'ACK', sequence_ids: sequenceIds(header) };
    case 'PING': {
      const data = optionalText(header, 'data', MAX_PING_DATA_BYTES);
      return { message_type: 'PING', ...(data !== undefined && { data }) };
    }
    case 'LOGON':
      return logon(header);
    case 'LOGOFF':
      return { message_type: 'LOGOFF' };
    case 'ENDPOINT_REGISTER':
      return endpointRegister(header);
    case 'ENDPOINT_UNREGISTER':
      return { message_type: type, token: requiredText(header, 'token', MAX_ENDPOINT_TOKEN_BYTES) };
    case '':
      throw invalid('message_type is missing');
    default:
      return { message_type: 'UNKNOWN', name: type.slice(0, MAX_TYPE_SHOWN).toWellFormed() };
  }
}

function logon(header: JsonObject): Of<'LOGON'> {
  const secret = optionalText(header, 'secret', MAX_NAME_BYTES);
  const window = optionalNumber(header, 'window', MAX_WINDOW);
  const client = optionalText(header, 'client', MAX_NAME_BYTES);
  const confirm = optionalFlag(header, 'confirm');
  return {
    message_type: 'LOGON',
    session_id: requiredText(header, 'session_id', MAX_NAME_BYTES),
    ...(secret !== undefined && { secret }),
    ...(window !== undefined && { window }),
    ...(client !== undefined && { client }),
    ...(confirm && { confirm }),
  };
}

function endpointRegister(header: JsonObject): Of<'ENDPOINT_REGISTER'> {
  const vapid = optionalText(header, 'vapid', MAX_NAME_BYTES);
  const to = optionalText(header, 'to', MAX_TARGET_BYTES);
  const provider = optionalText(header, 'provider', MAX_NAME_BYTES);
  return {
    message_type: 'ENDPOINT_REGISTER',
    token: requiredText(header, 'token', MAX_ENDPOINT_TOKEN_BYTES),
    ...(vapid !== undefined && { vapid }),
    ...(to !== undefined && { to }),
    ...(provider !== undefined && { provider }),
  };
}

function downstream(raw: RawFrame): Of<'DOWNSTREAM'> {
  const { header } = raw;
  const session_id = optionalText(header, 'session_id', MAX_NAME_BYTES);
  const group_id = optionalText(header, 'group_id');
  const provider = optionalText(header, 'provider');
  const { value, problem } = raw.data();
  if (value === undefined) throw invalid('fcm_data is missing');
  if (!isObject(value)) throw invalid('fcm_data must be an object');
  const message_id = messageId(header, value);
  const wrong = problem ?? problemOf(header, value, message_id, group_id, provider);
  return {
    message_type: 'DOWNSTREAM',
    message_id,
    fcm_data: value,
    ...(session_id !== undefined && { session_id }),
    ...(group_id !== undefined && { group_id }),
    ...(provider !== undefined && { provider }),
    ...(wrong !== undefined && { problem: wrong }),
  };
}

/** From the root, or its alias, or `fcm_data`. Without an id there is nothing that a REJECT could name. */
function messageId(header: JsonObject, data: JsonObject): string {
  const named =
    optionalText(header, 'message_id', MAX_MESSAGE_ID_BYTES) ??
    optionalText(header, 'fcm_message_id', MAX_MESSAGE_ID_BYTES);
  if (named !== undefined) return named;
  const inner = Object.hasOwn(data, 'message_id') ? data.message_id : undefined;
  if (inner === undefined || inner === '') throw invalid('message_id is missing');
  if (typeof inner !== 'string') throw invalid('fcm_data.message_id must be a string');
  const wrong = wrongText(inner, MAX_MESSAGE_ID_BYTES);
  if (wrong) throw invalid(`fcm_data.message_id ${wrong}`);
  return inner;
}

/** What makes this one message unacceptable, in words that name the field. */
function problemOf(
  header: JsonObject,
  data: JsonObject,
  messageId: string,
  groupId: string | undefined,
  provider: string | undefined,
): string | undefined {
  const alias = optionalText(header, 'fcm_message_id', MAX_MESSAGE_ID_BYTES);
  if (alias !== undefined && alias !== messageId) return 'message_id and fcm_message_id differ';
  if (Object.hasOwn(data, 'message_id') && data.message_id !== messageId) {
    return 'message_id and fcm_data.message_id differ';
  }
  for (const field of FORBIDDEN) if (Object.hasOwn(data, field)) return `fcm_data.${field} is not allowed`;
  const inexact = inexactNumber(data, 'fcm_data');
  if (inexact !== undefined) return `${inexact} is a number that would be altered: send it as a string`;
  for (const [name, value] of [
    ['group_id', groupId],
    ['provider', provider],
  ] as const) {
    const wrong = value === undefined ? undefined : wrongText(value, MAX_NAME_BYTES);
    if (wrong) return `${name} ${wrong}`;
  }
  return undefined;
}

function sequenceIds(header: JsonObject): number[] {
  const one = optionalNumber(header, 'sequence_id', Number.MAX_SAFE_INTEGER);
  const ids: number[] = one === undefined ? [] : [one];
  for (const id of optionalList(header, 'sequence_ids')) {
    if (!isCount(id, Number.MAX_SAFE_INTEGER)) throw invalid('sequence_ids must be whole numbers from 1 to 2^53-1');
    ids.push(id);
  }
  if (ids.length === 0) throw invalid('sequence_id is missing');
  return ids;
}

/**
 * Where the first number stands that JSON.parse could not keep: an integer of 2^53 or more, or one beyond all bounds. It
 * would reach the device as another number.
 */
function inexactNumber(value: unknown, path: string): string | undefined {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) || !(Number.isInteger(value) || !Number.isFinite(value)) ? undefined : path;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const key of Object.keys(value)) {
    const found = inexactNumber((value as JsonObject)[key], `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

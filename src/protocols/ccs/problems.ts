/** What CCS would nack an app server's message for. [fcm.md §1.4, §1.6] */
import { type Fields, isObject } from './fields.ts';

/** Bytes of keys and values in `data`. [fcm.md §1.4] */
export const MAX_PAYLOAD_BYTES = 4096;
export const MAX_TOPIC_PAYLOAD_BYTES = 2048;
/** Seconds: four weeks. */
export const MAX_TTL = 2_419_200;
/** Operators in a condition. */
export const MAX_OPERATORS = 2;

/** Why a message is nacked, in the words of CCS. */
export interface Problem {
  readonly code: 'BAD_REGISTRATION' | 'INVALID_JSON';
  readonly description: string;
}

export const invalid = (description: string): Problem => ({ code: 'INVALID_JSON', description });

/** `to` is no token: a topic, or a condition in its place. */
export const isTopic = (to: unknown): boolean => typeof to !== 'string' || to.startsWith('/topics/');

/** The types of the fields that have no other rule. */
const TYPES: Readonly<Record<string, 'boolean' | 'string'>> = {
  collapse_key: 'string',
  content_available: 'boolean',
  mutable_content: 'boolean',
  delay_while_idle: 'boolean',
  delivery_receipt_requested: 'boolean',
  dry_run: 'boolean',
  restricted_package_name: 'string',
};

/** The first thing that is wrong with a message; undefined if CCS would take it. */
export function problemOf(json: Fields): Problem | undefined {
  for (const key in json) {
    const problem = fieldProblem(key, json[key]);
    if (problem) return problem;
  }
  return targetProblem(json) ?? dataProblem(json);
}

function fieldProblem(key: string, value: unknown): Problem | undefined {
  if (key === 'registration_ids') return invalid('InvalidJson: registration_ids cannot be used over XMPP');
  if (key === 'time_to_live') return ttlProblem(value);
  if (key === 'priority') {
    const known = value === 'normal' || value === 'high';
    return known ? undefined : invalid('InvalidJson: priority must be normal or high');
  }
  if (key === 'data' || key === 'notification') {
    return isObject(value) ? undefined : invalid(`InvalidJson: JSON_TYPE_ERROR : ${key} must be a JSON object`);
  }
  const type = Object.hasOwn(TYPES, key) ? TYPES[key] : undefined;
  const right = type === undefined || typeof value === type;
  return right ? undefined : invalid(`InvalidJson: JSON_TYPE_ERROR : ${key} must be a ${type}`);
}

/** [fcm.md §1.4] early documentation shows a text, CCS refuses it. */
function ttlProblem(value: unknown): Problem | undefined {
  const inRange = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TTL;
  return inRange ? undefined : invalid(`InvalidJson: INVALID_TTL : time_to_live must be 0 to ${MAX_TTL}`);
}

function targetProblem({ to, condition }: Fields): Problem | undefined {
  if (to !== undefined && condition !== undefined) return invalid('InvalidJson: both to and condition');
  if (condition !== undefined) {
    const good = typeof condition === 'string' && isCondition(condition);
    return good ? undefined : invalid('InvalidJson: InvalidParameters : condition');
  }
  if (to === undefined) return invalid('InvalidJson: MissingRegistration');
  if (typeof to !== 'string') return invalid('InvalidJson: JSON_TYPE_ERROR : to must be a string');
  if (to.startsWith('/topics/')) {
    return /^\/topics\/[\w.~%-]+$/.test(to) ? undefined : invalid('InvalidJson: InvalidParameters : topic');
  }
  // What a token looks like nobody says; it surely has neither blanks nor control characters.
  if (to === '' || to.length > 4096 || /[\s\0-\x1f]/.test(to) || !to.isWellFormed()) {
    return { code: 'BAD_REGISTRATION', description: "Invalid token on 'to' field" };
  }
  return undefined;
}

const TOPIC = /'[^']*' in topics/gi;
const OPERATOR = /&&|\|\|/g;

/** What is left of a condition when each topic and each operator is one character: three topics need no more. */
const MAX_SYMBOLS = 64;

/** `'a' in topics && ('b' in topics || 'c' in topics)`: at most two operators. [fcm.md §1.4] */
export function isCondition(text: string): boolean {
  if (text.length > 4096 || (text.match(OPERATOR)?.length ?? 0) > MAX_OPERATORS) return false;
  let rest = text.replace(TOPIC, 'T').replace(/!/g, '').replace(/\s+/g, '').replace(OPERATOR, '+');
  if (rest.length > MAX_SYMBOLS) return false;
  for (let before = ''; before !== rest; ) {
    before = rest;
    rest = rest.replace(/\(T\)/g, 'T').replace(/T\+T/g, 'T');
  }
  return rest === 'T';
}

const isReserved = (key: string): boolean => key === 'from' || key === 'gcm' || key.startsWith('google');

function dataProblem({ to, data }: Fields): Problem | undefined {
  if (!isObject(data)) return undefined;
  let bytes = 0;
  for (const key in data) {
    if (isReserved(key)) return invalid(`InvalidJson: InvalidDataKey : ${key}`);
    const value = data[key];
    bytes += Buffer.byteLength(key) + Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
  }
  const limit = isTopic(to) ? MAX_TOPIC_PAYLOAD_BYTES : MAX_PAYLOAD_BYTES;
  return bytes > limit ? invalid(`InvalidJson: MessageTooBig : ${bytes} bytes of data, ${limit} allowed`) : undefined;
}

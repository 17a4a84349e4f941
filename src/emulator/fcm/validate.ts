import { sendRequest } from './message-fields.ts';
import type { FcmTarget, Violation } from './replies.ts';
import { isObject, misfit } from './shape.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is wrong with a message that has the right form. */
export type Problem = { readonly kind: 'invalid'; readonly violation: Violation } | { readonly kind: 'too-big' };

/** A body that has been read. */
export type Read =
  | { readonly kind: 'misshapen'; readonly violation: Violation; readonly target: FcmTarget | undefined }
  | {
      readonly kind: 'message';
      readonly target: FcmTarget;
      readonly validateOnly: boolean;
      readonly problem: Problem | undefined;
    };

const KINDS = ['token', 'topic', 'condition', 'fid'] as const;
/** Bytes of keys and values of `data`. [fcm.md §1.4] */
const MAX_DATA_BYTES = 4_096;
const MAX_TOPIC_DATA_BYTES = 2_048;
const MAX_TTL_SECONDS = 2_419_200;
const MAX_TOPICS = 5;
const TOPIC = /^[a-zA-Z0-9\-_.~%]+$/;
const TERM = /'[a-zA-Z0-9\-_.~%]+' in topics/gi;
const ANALYTICS_LABEL = /^[a-zA-Z0-9\-_.~%]{1,50}$/;
const COLOR = /^#[0-9a-fA-F]{6}$/;

/** Reads the body of `messages:send`. */
export function readSend(body: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return misshapen('', 'Invalid JSON payload received. Unexpected token.', undefined);
  }
  const message = isObject(value) && isObject(value.message) ? value.message : {};
  const target = targetOf(message);
  const misfitting = misfit(sendRequest, value, '');
  if (misfitting) return { kind: 'misshapen', violation: misfitting, target };
  const targets = KINDS.filter((kind) => message[kind] !== undefined && message[kind] !== null);
  if (targets.length > 1) {
    const description = `Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '${targets[1]}'`;
    return misshapen('message', description, target);
  }
  const { validate_only: snake, validateOnly: camel } = value as Json;
  return {
    kind: 'message',
    target: target ?? { kind: 'token', name: '' },
    validateOnly: (snake ?? camel) === true,
    problem: target ? problemOf(message, target) : invalid('message', 'Recipient of the message is not set.'),
  };
}

function misshapen(field: string, description: string, target: FcmTarget | undefined): Read {
  return { kind: 'misshapen', violation: { field, description }, target };
}

const invalid = (field: string, description: string): Problem => ({
  kind: 'invalid',
  violation: { field, description },
});

function targetOf(message: Json): FcmTarget | undefined {
  for (const kind of KINDS) {
    const name = message[kind];
    if (typeof name === 'string' && name !== '') return { kind, name };
  }
  return undefined;
}

/** A field by its name in snake_case, however it is written. */
function get(of: Json, snake: string, camel: string): Json {
  const value = of[snake] ?? of[camel];
  return isObject(value) ? value : {};
}

function problemOf(message: Json, { kind, name }: FcmTarget): Problem | undefined {
  if (kind === 'topic' && !TOPIC.test(name)) return invalid('message.topic', 'Malformed topic name');
  if (kind === 'condition' && !isCondition(name)) return invalid('message.condition', 'Invalid condition expression');
  const data = isObject(message.data) ? message.data : {};
  const android = isObject(message.android) ? message.android : {};
  const own = isObject(android.data) ? android.data : {};
  const key = reserved(data) ?? reserved(own);
  if (key !== undefined) {
    return invalid(reserved(data) === undefined ? 'message.android.data' : 'message.data', `Invalid data key: ${key}`);
  }
  const limit = kind === 'topic' || kind === 'condition' ? MAX_TOPIC_DATA_BYTES : MAX_DATA_BYTES;
  if (bytesOf(data) > limit || bytesOf(own) > limit) return { kind: 'too-big' };
  return optionProblem(message, android);
}

function optionProblem(message: Json, android: Json): Problem | undefined {
  const { ttl } = android;
  if (typeof ttl === 'string' && Number.parseFloat(ttl) > MAX_TTL_SECONDS) {
    return invalid('message.android.ttl', `Invalid ttl: at most ${MAX_TTL_SECONDS} seconds`);
  }
  const { color } = get(android, 'notification', 'notification');
  if (typeof color === 'string' && !COLOR.test(color)) {
    return invalid('message.android.notification.color', 'Invalid color: must be #rrggbb');
  }
  const webpush = isObject(message.webpush) ? message.webpush : {};
  const { link } = get(webpush, 'fcm_options', 'fcmOptions');
  if (typeof link === 'string' && !link.startsWith('https://')) {
    return invalid('message.webpush.fcm_options.link', 'Invalid link: must be https');
  }
  return labelProblem('message', message) ?? labelsOfPlatforms(message);
}

function labelsOfPlatforms(message: Json): Problem | undefined {
  for (const platform of ['android', 'apns', 'webpush']) {
    const of = message[platform];
    const problem = isObject(of) ? labelProblem(`message.${platform}`, of) : undefined;
    if (problem) return problem;
  }
  return undefined;
}

function labelProblem(path: string, of: Json): Problem | undefined {
  const options = get(of, 'fcm_options', 'fcmOptions');
  const label = options.analytics_label ?? options.analyticsLabel;
  if (typeof label !== 'string' || ANALYTICS_LABEL.test(label)) return undefined;
  return invalid(`${path}.fcm_options.analytics_label`, 'Invalid analytics label');
}

/** A key that is FCM's own. [fcm.md §1.4, §3.2] */
function reserved(data: Json): string | undefined {
  for (const key in data) {
    if (key === 'from' || key === 'message_type' || key.startsWith('google') || key.startsWith('gcm')) return key;
  }
  return undefined;
}

function bytesOf(data: Json): number {
  let bytes = 0;
  for (const key in data) bytes += Buffer.byteLength(key) + Buffer.byteLength(String(data[key]));
  return bytes;
}

/** Terms with `&&`, `||`, `!` and parentheses between them. */
function isCondition(text: string): boolean {
  const terms = text.match(TERM)?.length ?? 0;
  if (terms === 0 || terms > MAX_TOPICS) return false;
  const rest = text.replaceAll(TERM, 'T').replaceAll(/\s/g, '');
  let before = '';
  for (let now = rest; now !== before; now = now.replaceAll(/!T|\(T\)|T(?:&&|\|\|)T/g, 'T')) before = now;
  return before === 'T';
}

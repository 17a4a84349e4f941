import { readPrefer } from './prefer.ts';
import {
  HEADER_VALUE_MAX,
  isHeaderValue,
  PUSH_TTL_MAX,
  type PushHeaders,
  TOPIC_MAX,
  TOPIC_PATTERN,
  URGENCIES,
  type Urgency,
} from './push-headers.ts';

/** The values of a request header by its name in small letters, one for each line that it came in. */
export type HeaderLines = (name: string) => readonly string[];

/** What a server makes of `TTL`. Seconds. */
export interface TtlRules {
  /** What is kept longer than this is not: a longer `TTL` is shortened. At most {@link PUSH_TTL_MAX}. */
  readonly max: number;
  /** For a request without `TTL`; absent: such a request is refused. [RFC 8030 §5.2] */
  readonly missing?: number;
}

/** What the headers of a push say, or what is wrong with one of them, in words that begin with its name. */
export type PushRequest =
  | { readonly headers: PushHeaders /** A receipt is asked for. */; readonly receipt: boolean }
  | { readonly problem: string };

/** Reads the headers of a push. [RFC 8030 §5] */
export function readPushRequest(lines: HeaderLines, rules: TtlRules): PushRequest {
  try {
    return { headers: headersOf(lines, rules), receipt: readPrefer(lines('prefer')).respondAsync };
  } catch (error) {
    if (error instanceof WrongHeader) return { problem: error.message };
    throw error;
  }
}

class WrongHeader extends Error {}

function headersOf(lines: HeaderLines, rules: TtlRules): PushHeaders {
  const only = (name: string): string | undefined => {
    const [value, ...more] = lines(name.toLowerCase());
    if (more.length > 0) throw new WrongHeader(`${name}: must not be sent twice`);
    return value;
  };
  const handedOn = (name: string): string | undefined => {
    const value = only(name);
    if (value === undefined || isHeaderValue(value)) return value;
    throw new WrongHeader(`${name}: must be visible ASCII, at most ${HEADER_VALUE_MAX} characters`);
  };
  const ttl = ttlOf(only('TTL'), rules);
  const urgency = urgencyOf(only('Urgency'));
  const topic = topicOf(only('Topic'));
  const encoding = handedOn('Content-Encoding');
  const type = handedOn('Content-Type');
  const encryption = handedOn('Encryption');
  const cryptoKey = handedOn('Crypto-Key');
  const legacy = {
    ...(encryption !== undefined && { encryption }),
    ...(cryptoKey !== undefined && { crypto_key: cryptoKey }),
  };
  return {
    ...(encoding !== undefined && { encoding }),
    ...(type !== undefined && { type }),
    urgency,
    ttl,
    ...(topic !== undefined && { topic }),
    ...(Object.keys(legacy).length > 0 && { legacy }),
  };
}

/** [RFC 8030 §5.2] What no number can hold is more than the most. */
function ttlOf(value: string | undefined, { max, missing }: TtlRules): number {
  const most = Math.min(max, PUSH_TTL_MAX);
  if (value === undefined) {
    if (missing === undefined) throw new WrongHeader('TTL: is required');
    return Math.min(missing, most);
  }
  if (!/^\d+$/.test(value)) throw new WrongHeader('TTL: must be a whole number of seconds, 0 or more');
  return Math.min(Number(value), most);
}

/** [RFC 8030 §5.3] Literals of a grammar are the same in capitals. */
function urgencyOf(value: string | undefined): Urgency {
  if (value === undefined) return 'normal';
  const urgency = URGENCIES.find((one) => one === value.toLowerCase());
  if (urgency === undefined) throw new WrongHeader(`Urgency: must be one of ${URGENCIES.join(', ')}`);
  return urgency;
}

/** [RFC 8030 §5.4] */
function topicOf(value: string | undefined): string | undefined {
  if (value === undefined || TOPIC_PATTERN.test(value)) return value;
  throw new WrongHeader(`Topic: must be 1 to ${TOPIC_MAX} characters of base64url`);
}

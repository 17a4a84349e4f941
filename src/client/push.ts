import type { JsonObject } from '../protocols/bal/index.ts';

/** What somebody has pushed to an endpoint of yours. */
export interface Push {
  /** Your name for the endpoint. */
  readonly token: string;
  /** 1 to 4,096 bytes, as they were posted. */
  readonly content: Buffer;
  /** `Content-Encoding`, such as `aes128gcm`, and `Content-Type`. */
  readonly contentEncoding?: string;
  readonly contentType?: string;
  /** `Encryption` and `Crypto-Key`, which the older encoding `aesgcm` needs. */
  readonly encryption?: string;
  readonly cryptoKey?: string;
  /** Seconds that it was worth keeping when it was posted. */
  readonly ttl: number;
  readonly urgency: 'very-low' | 'low' | 'normal' | 'high';
  readonly topic?: string;
}

const URGENCIES: readonly string[] = ['very-low', 'low', 'normal', 'high'] satisfies Push['urgency'][];

/** The push that an upstream message is; undefined if it is none. */
export function readPush(data: JsonObject): Push | undefined {
  const { from, push } = data;
  if (from !== 'unifiedpush' || typeof push !== 'object' || push === null) return undefined;
  const fields = push as JsonObject;
  const text = (name: string): string | undefined => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  const [token, content, urgency] = [text('token'), text('content'), text('urgency')];
  const { ttl } = fields;
  if (token === undefined || content === undefined || typeof ttl !== 'number') return undefined;
  const optional = {
    contentEncoding: text('content_encoding'),
    contentType: text('content_type'),
    encryption: text('encryption'),
    cryptoKey: text('crypto_key'),
    topic: text('topic'),
  };
  return {
    token,
    content: Buffer.from(content, 'base64'),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    ttl,
    urgency: isUrgency(urgency) ? urgency : 'normal',
  };
}

const isUrgency = (text: string | undefined): text is Push['urgency'] => text !== undefined && URGENCIES.includes(text);

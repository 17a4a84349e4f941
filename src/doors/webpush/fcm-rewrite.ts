import { isUtf8 } from 'node:buffer';
import type { FcmTarget, Pushes, Refusal } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { HttpError, type HttpReply, type HttpRequest } from '../../protocols/http/index.ts';
import { PUSH_BODY_MAX, readPushRequest, type TtlRules, writePushHeaders } from '../../protocols/webpush/index.ts';
import { badRequest, refusalOf } from './answers.ts';
import type { WebPushOptions } from './options.ts';
import { Rates } from './rates.ts';
import { FULL_RETRY_MS, isPassing, TROUBLE_RETRY_MS } from './reception.ts';

/** Longest FCM token and longest name of an instance, in characters. */
const TO_MAX = 4_096;
const NAME_MAX = 255;
/** Tokens of devices and nothing else: a topic would reach everybody who listens to it. [unifiedpush.md §2.5] */
const TOKEN = /^[\w:=-]+$/;

export interface FcmRewriteDeps {
  readonly options: WebPushOptions;
  /** The provider that sends. */
  readonly provider: string;
  readonly ttl: TtlRules;
  readonly pushes: Pushes;
  readonly clock: Clock;
}

/**
 * Endpoints that apps made up themselves for rewrite proxies, with their FCM token in the URL: nothing is registered. The
 * first version carries text, the second one any bytes. [unifiedpush.md §2.5]
 */
export class FcmRewrite {
  readonly #deps: FcmRewriteDeps;
  readonly #rates: Rates;

  constructor(deps: FcmRewriteDeps) {
    this.#deps = deps;
    this.#rates = new Rates(deps.options.rate, deps.options.endpoints_max, deps.clock);
  }

  async push({ query, body, lines }: HttpRequest<Uint8Array>): Promise<HttpReply> {
    const { provider, ttl, pushes } = this.#deps;
    if (body.length === 0) throw badRequest(`the body must have 1 to ${PUSH_BODY_MAX} bytes`);
    const target = targetOf(query);
    if (target.text && !isUtf8(body)) throw badRequest('the body must be text: ask for v2');
    const read = readPushRequest(lines, ttl);
    if ('problem' in read) throw badRequest(read.problem);
    if (pushes.isGone(target.to)) throw new HttpError(404, 'not_found', 'FCM knows this token no more');
    const waitMs = this.#rates.take(target.to);
    if (waitMs > 0) throw refusalOf({ kind: 'limited', waitMs });
    if (pushes.room <= 0) throw refusalOf({ kind: 'busy', waitMs: FULL_RETRY_MS });
    const { headers } = read;
    let refusal: Refusal | undefined;
    try {
      const push = { ...headers, body, headers: writePushHeaders(headers), receipt: false };
      refusal = await pushes.pushToApp(provider, target, push);
    } catch (error) {
      if (isPassing(error)) throw refusalOf({ kind: 'busy', waitMs: TROUBLE_RETRY_MS });
      throw error;
    }
    if (refusal?.code === 'PAYLOAD_TOO_LARGE') throw new HttpError(413, 'too_large', refusal.because);
    if (refusal) throw badRequest(refusal.because);
    return { status: 201, headers: { ttl: String(headers.ttl) } };
  }
}

function targetOf(query: HttpRequest<unknown>['query']): FcmTarget {
  const { v2, token: to, instance, app } = query;
  if (typeof to !== 'string' || to.length > TO_MAX || !TOKEN.test(to)) {
    throw badRequest(`token: must be an FCM token of 1 to ${TO_MAX} characters`);
  }
  const text = v2 !== undefined ? undefined : instance !== undefined ? 'instance' : 'app';
  const name = text === 'app' ? app : instance;
  if (typeof name !== 'string' || name === '' || name.length > NAME_MAX) {
    throw badRequest(`${text ?? 'instance'}: must have 1 to ${NAME_MAX} characters`);
  }
  return { to, instance: name, ...(text && { text }) };
}

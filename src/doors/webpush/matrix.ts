import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { RecentMap } from '../../lib/recent-map.ts';
import { type HttpReply, type HttpRequest, retryAfter } from '../../protocols/http/index.ts';
import type { PushHeaders } from '../../protocols/webpush/index.ts';
import { readEndpointUrl } from './endpoint-url.ts';
import type { Forward } from './forward.ts';
import { type MatrixNotification, readNotification } from './matrix-notification.ts';
import type { WebPushOptions } from './options.ts';
import { Rates } from './rates.ts';
import type { Reception } from './reception.ts';

/** Seconds that a notification is kept: a day. */
const TTL = 86_400;
/** Foreign servers whose rate is kept in mind. */
const SERVERS_MAX = 10_000;
/** Devices that got a notification whose other devices are still to get it. */
const SERVED_MAX = 10_000;
/** When it is worth another try if nobody said when. */
const LATER_MS = 5_000;

export interface MatrixGatewayDeps {
  readonly options: NonNullable<WebPushOptions['matrix']>;
  readonly ttlMax: number;
  readonly reception: Reception;
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly forward?: Forward;
}

/** What became of a notification for one device. `done`: there is nothing more to do, for good or for ill. */
type Served =
  | { readonly kind: 'done' | 'rejected' }
  | { readonly kind: 'later'; readonly limited: boolean; readonly waitMs: number };

const DONE: Served = { kind: 'done' };
const REJECTED: Served = { kind: 'rejected' };

/**
 * The push gateway that homeservers of Matrix send notifications to. Whatever is `rejected` loses its pusher for good; a
 * request that fails is sent again with growing pauses. So trouble that passes fails the whole request, and devices that
 * got their notification do not get it twice when it comes again.
 */
export class MatrixGateway {
  readonly #deps: MatrixGatewayDeps;
  readonly #foreignRates: Rates;
  readonly #served = new RecentMap<true>(SERVED_MAX);

  constructor(deps: MatrixGatewayDeps) {
    this.#deps = deps;
    this.#foreignRates = new Rates(deps.options.foreign_rate, SERVERS_MAX, deps.clock);
  }

  /** Answers one request. */
  async notify({ body, remoteAddress }: HttpRequest<Uint8Array>): Promise<HttpReply> {
    const notification = readNotification(body);
    if ('errcode' in notification) {
      return { status: notification.errcode === 'M_TOO_LARGE' ? 413 : 400, json: notification };
    }
    const { pushkeys } = notification;
    const marks = pushkeys.map((pushkey) => markOf(pushkey, notification.body));
    const results = await Promise.all(
      pushkeys.map(async (pushkey, index): Promise<Served> => {
        if (this.#served.get(marks[index] ?? '')) return DONE;
        return this.#serve(pushkey, notification, remoteAddress);
      }),
    );
    const later = results.filter((served) => served.kind === 'later');
    results.forEach(({ kind }, index) => {
      const mark = marks[index] ?? '';
      if (later.length === 0) this.#served.delete(mark);
      else if (kind === 'done') this.#served.set(mark, true);
    });
    if (later.length > 0) return tryLater(later);
    return { json: { rejected: pushkeys.filter((_, index) => results[index]?.kind === 'rejected') } };
  }

  async #serve(pushkey: string, { body, urgency }: MatrixNotification, remoteAddress: string): Promise<Served> {
    const destination = readEndpointUrl(pushkey, this.#deps.publicUrl);
    const headers: PushHeaders = { type: 'application/json', urgency, ttl: Math.min(TTL, this.#deps.ttlMax) };
    switch (destination.kind) {
      case 'own':
        return this.#deliver(destination.token, body, headers, remoteAddress);
      case 'foreign':
        return this.#forward(destination, body, headers);
      case 'none':
        return REJECTED;
    }
  }

  async #deliver(token: string, body: Uint8Array, headers: PushHeaders, remoteAddress: string): Promise<Served> {
    const { reception } = this.#deps;
    const posted = { token, body, headers, remoteAddress, authorization: undefined, receipt: false };
    const received = await reception.receive(posted);
    switch (received.kind) {
      case 'taken':
        return DONE;
      case 'limited':
      case 'busy':
        return { kind: 'later', limited: received.kind === 'limited', waitMs: received.waitMs };
      default:
        return REJECTED; // among them endpoints for signed pushes, which no homeserver can sign
    }
  }

  async #forward(
    { url, host }: { readonly url: string; readonly host: string },
    body: Uint8Array,
    headers: PushHeaders,
  ): Promise<Served> {
    const { forward, options } = this.#deps;
    if (!forward || !options.foreign) return REJECTED;
    const waitMs = this.#foreignRates.take(host);
    if (waitMs > 0) return { kind: 'later', limited: true, waitMs };
    // Not true, but servers of Web Push take nothing else, and connectors of Matrix clients know. [unifiedpush.md §2.5]
    const forwarded = await forward(url, body, { ...headers, encoding: 'aes128gcm' });
    switch (forwarded.kind) {
      case 'taken':
      case 'refused':
        return DONE;
      case 'gone':
        return REJECTED;
      case 'later':
        return { kind: 'later', limited: false, waitMs: forwarded.delayMs ?? LATER_MS };
    }
  }
}

/** What a notification for a device is known again by. */
function markOf(pushkey: string, body: Uint8Array): string {
  return createHash('sha256').update(`${pushkey}\n`).update(body).digest('base64url');
}

function tryLater(later: readonly { readonly limited: boolean; readonly waitMs: number }[]): HttpReply {
  const headers = retryAfter(Math.max(...later.map(({ waitMs }) => waitMs)));
  if (later.every(({ limited }) => limited)) {
    return { status: 429, headers, json: { errcode: 'M_LIMIT_EXCEEDED', error: 'too many notifications; try again' } };
  }
  return { status: 503, headers, json: { errcode: 'M_UNKNOWN', error: 'not every device can be reached; try again' } };
}

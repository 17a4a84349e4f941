import { type Handed, type Intake, StoreError } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { RecentMap } from '../../lib/recent-map.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { deviceReceiptJson, upstreamJson } from '../../protocols/ccs/index.ts';
import { readReceipt } from '../../protocols/fcm/index.ts';
import {
  HttpError,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  retryAfter,
} from '../../protocols/http/index.ts';
import { receiptAbout, upstreamAbout } from './about.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { type ReceiptBody, receiptBody, type UpstreamBody, upstreamBody } from './messages.ts';
import type { AppOptions } from './options.ts';

/** When it is worth another try: an inbox empties when its backend reads, a store recovers after 5 s at the soonest. */
const FULL_RETRY_MS = 30_000;
const TROUBLE_RETRY_MS = 5_000;
/** A character of the data takes at most so many in JSON, as in `\u0041`. */
const ESCAPED = 6;
/** What the other fields take at most, escaped as they may be, in bytes. */
const REST_BYTES = 32_768;

export interface AppDoorOptions {
  readonly options: AppOptions;
  readonly intake: Intake;
  readonly clock: Clock;
}

/** The door for apps: over HTTP they say to their backend what they said over XMPP upstream. */
export class AppDoor {
  readonly #options: AppOptions;
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #gatekeeper: Gatekeeper;
  readonly #rates: RecentMap<TokenBucket>;

  /** @throws Error that names the file of a token key which can't be used */
  constructor({ options, intake, clock }: AppDoorOptions) {
    this.#options = options;
    this.#intake = intake;
    this.#clock = clock;
    this.#gatekeeper = new Gatekeeper(options.applications, clock);
    this.#rates = new RecentMap(options.devices_max);
  }

  /** Adds the routes of the door to a server that does not listen yet. */
  register(server: Pick<HttpServer, 'route'>): void {
    const { max_bytes } = this.#options;
    server.route({
      method: 'POST',
      path: '/v1/upstream',
      about: upstreamAbout,
      bodyLimit: ESCAPED * max_bytes + REST_BYTES,
      body: upstreamBody(max_bytes),
      handle: (request) => this.#upstream(request),
    });
    server.route({
      method: 'POST',
      path: '/v1/receipts',
      about: receiptAbout,
      bodyLimit: REST_BYTES,
      body: receiptBody,
      handle: (request) => this.#receipt(request),
    });
  }

  async #upstream(request: HttpRequest<UpstreamBody>): Promise<HttpReply> {
    await this.#admit(request);
    const { from, category, message_id, data, time_to_live } = request.body;
    const life = time_to_live === undefined ? {} : { timeToLive: time_to_live };
    const json = upstreamJson({ from, category, messageId: message_id, data, ...life });
    return answer(unauthorized, () => this.#intake.upstream({ app: category, from, id: message_id, data: json }));
  }

  async #receipt(request: HttpRequest<ReceiptBody>): Promise<HttpReply> {
    await this.#admit(request);
    const { from, category, receipt, status, timestamp } = request.body;
    const sentAt = timestamp ?? this.#clock.now();
    return answer(notAwaited, () =>
      this.#intake.receipt({
        app: category,
        from,
        // A device may tell of several states of one message, each once.
        id: `${receipt} ${status}`,
        ...readReceipt(receipt),
        data: (messageId) => deviceReceiptJson({ device: from, category, messageId, status, sentAt }),
      }),
    );
  }

  /** Lets in who may speak, and not too often. */
  async #admit({ body, headers }: HttpRequest<UpstreamBody | ReceiptBody>): Promise<void> {
    const { from, category } = body;
    if (!(await this.#gatekeeper.admits(category, from, headers.authorization))) throw unauthorized();
    const bucket = this.#rateOf(JSON.stringify([category, from]));
    if (!bucket.take()) {
      throw new HttpError(429, 'too_many', 'too many requests of this device', retryAfter(bucket.waitMs()));
    }
  }

  #rateOf(device: string): TokenBucket {
    const { per_minute, burst } = this.#options.rate;
    const bucket = this.#rates.get(device) ?? new TokenBucket({ perSecond: per_minute / 60, burst }, this.#clock);
    this.#rates.set(device, bucket);
    return bucket;
  }
}

/** One text for all: who has no right to be here does not learn which applications there are. [RFC 6750 §3] */
function unauthorized(): HttpError {
  const message = 'key or token are not good for this category and device';
  return new HttpError(401, 'unauthorized', message, { 'www-authenticate': 'Bearer' });
}

function notAwaited(): HttpError {
  return new HttpError(404, 'unknown_message', 'receipt: no receipt of such a message is awaited');
}

/** @param unknown what to say when the core does not know what this is about */
async function answer(unknown: () => HttpError, hand: () => Promise<Handed>): Promise<HttpReply> {
  let handed: Handed;
  try {
    handed = await hand();
  } catch (error) {
    // A fault is of this one request, and will be there again: it is no trouble of the store.
    if (!(error instanceof StoreError) || error.code === 'fault') throw error;
    throw new HttpError(503, 'unavailable', 'can not be stored now; try again', retryAfter(TROUBLE_RETRY_MS));
  }
  switch (handed) {
    case 'stored':
    case 'duplicate':
      return { json: { status: handed } };
    case 'full':
      throw new HttpError(503, 'inbox_full', 'the backend takes nothing now; try again', retryAfter(FULL_RETRY_MS));
    case 'too_large':
      throw new HttpError(413, 'too_large', 'data: no frame to the backend can carry it');
    case 'unknown':
      throw unknown();
  }
}

import { type Endpoints, isClosed, STORE_RETRY_MS, tellRefusal } from '../../core/index.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { BackendFrame, BridgeFrame, ErrorCode } from '../../protocols/bal/index.ts';
import { backendEndpoint, type EndpointPlace, fcmEndpoint } from './endpoint-places.ts';

/** Frames about endpoints that wait for the store before reading stops. */
const WAITING_MAX = 1_000;
/** A P-256 key, uncompressed, in base64url. [RFC 8292 §3.2] */
const VAPID_KEY = /^B[\w-]{86}$/;

export type EndpointFrame = Extract<BackendFrame, { message_type: 'ENDPOINT_REGISTER' | 'ENDPOINT_UNREGISTER' }>;

export interface EndpointDeskDeps {
  readonly endpoints: Endpoints | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface EndpointDeskEvents {
  send(frame: BridgeFrame): void;
  /** Fewer wait than before. */
  eased(): void;
}

/** The endpoints of one session, as a connection registers and unregisters them: one frame after the other. */
export class EndpointDesk {
  readonly #session: string;
  /** Providers that the session may use. */
  readonly #providers: readonly string[];
  readonly #deps: EndpointDeskDeps;
  readonly #events: EndpointDeskEvents;
  readonly #waiting: EndpointFrame[] = [];
  #working = false;
  #closed = false;

  constructor(session: string, providers: readonly string[], deps: EndpointDeskDeps, events: EndpointDeskEvents) {
    this.#session = session;
    this.#providers = providers;
    this.#deps = deps;
    this.#events = events;
  }

  push(frame: EndpointFrame): void {
    if (this.#closed) return;
    this.#waiting.push(frame);
    if (!this.#working) void this.#work();
  }

  /** Whether reading should stop. */
  get overfull(): boolean {
    return this.#waiting.length > WAITING_MAX;
  }

  /** The connection is gone: what has no answer is asked again by whoever wants one. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let frame = this.#waiting[0]; frame; frame = this.#waiting[0]) {
      const answer = await this.#answered(frame);
      if (this.#closed) break;
      if (answer) {
        this.#waiting.shift();
        this.#events.send(answer);
        this.#events.eased();
      } else await sleep(this.#deps.clock, STORE_RETRY_MS);
    }
    this.#working = false;
  }

  /** The answer; undefined if the store refused and has to be asked again. */
  async #answered(frame: EndpointFrame): Promise<BridgeFrame | undefined> {
    const { endpoints, log } = this.#deps;
    if (!endpoints) return refused(frame, 'INVALID_ENDPOINT', 'no door takes what would be pushed: see doors.webpush');
    try {
      return frame.message_type === 'ENDPOINT_REGISTER'
        ? await this.#register(frame, endpoints)
        : await this.#unregister(frame, endpoints);
    } catch (error) {
      if (isClosed(error)) this.close();
      tellRefusal(log, 'endpoints not stored, trying again', error, { session: this.#session });
      return undefined;
    }
  }

  async #register(
    frame: Extract<EndpointFrame, { message_type: 'ENDPOINT_REGISTER' }>,
    endpoints: Endpoints,
  ): Promise<BridgeFrame> {
    const { token, vapid } = frame;
    if (vapid !== undefined && !VAPID_KEY.test(vapid)) {
      return refused(frame, 'INVALID_ENDPOINT', 'vapid: must be an uncompressed P-256 key in base64url, 87 characters');
    }
    const place = this.#placeOf(frame);
    if (typeof place === 'string') return refused(frame, 'INVALID_ENDPOINT', place);
    const key = vapid === undefined ? {} : { vapid };
    const registered = await endpoints.register({ owner: this.#owner, name: token, ...place, ...key });
    if (!registered) return refused(frame, 'TOO_MANY_ENDPOINTS', 'the session has as many endpoints as it may have');
    return { message_type: 'ENDPOINT_REGISTERED', token, endpoint: registered.url };
  }

  /** Where what is pushed goes; a text if it can go nowhere. */
  #placeOf({
    token,
    to,
    provider,
  }: Extract<EndpointFrame, { message_type: 'ENDPOINT_REGISTER' }>): EndpointPlace | string {
    if (to === undefined) {
      return provider === undefined ? backendEndpoint(this.#session) : 'provider: only with to';
    }
    const chosen = provider ?? this.#providers[0];
    if (chosen === undefined || !this.#providers.includes(chosen)) return 'provider: the session may not use it';
    return fcmEndpoint(chosen, to, token);
  }

  async #unregister({ token }: EndpointFrame, endpoints: Endpoints): Promise<BridgeFrame> {
    await endpoints.revoke({ owner: this.#owner, name: token });
    return { message_type: 'ENDPOINT_UNREGISTERED', token };
  }

  get #owner(): string {
    return `bal:${this.#session}`;
  }
}

function refused({ token }: EndpointFrame, error: ErrorCode, error_string: string): BridgeFrame {
  return { message_type: 'ENDPOINT_UNREGISTERED', token, error, error_string };
}

import { type Endpoints, isClosed, type Router, STORE_RETRY_MS, tellRefusal } from '../../core/index.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { BackendFrame, BridgeFrame, ErrorCode } from '../../protocols/bal/index.ts';
import { isVapidKey } from '../../protocols/webpush/index.ts';
import { backendEndpoint, type EndpointPlace, endpointOwner, fcmEndpoint, fcmProblem } from './endpoint-places.ts';

/** Frames about endpoints that wait for the store before reading stops. */
const WAITING_MAX = 1_000;
/** So many of them go to the store at once, which writes them in one go. */
const AT_ONCE = 100;

export type EndpointFrame = Extract<BackendFrame, { message_type: 'ENDPOINT_REGISTER' | 'ENDPOINT_UNREGISTER' }>;

export interface EndpointDeskDeps {
  readonly endpoints: Pick<Endpoints, 'register' | 'revoke'> | undefined;
  readonly router: Pick<Router, 'inspect'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface EndpointDeskEvents {
  send(frame: BridgeFrame): void;
  /** Fewer wait than before, or none. */
  eased(): void;
}

/** The endpoints of one session, as a connection registers and unregisters them: in order, and answered in order. */
export class EndpointDesk {
  readonly #session: string;
  /** Providers that the session may use. */
  readonly #providers: readonly string[];
  readonly #deps: EndpointDeskDeps;
  readonly #events: EndpointDeskEvents;
  #waiting: EndpointFrame[] = [];
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

  /** Whether everything is answered. */
  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The connection is gone: what has no answer is asked again by whoever wants one. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (!this.#closed && this.#waiting.length > 0) {
      const frames = this.#waiting.slice(0, AT_ONCE);
      const answers = await this.#answered(frames);
      if (this.#closed) break;
      if (answers) {
        this.#waiting = this.#waiting.slice(frames.length);
        for (const answer of answers) this.#events.send(answer);
        this.#events.eased();
      } else await sleep(this.#deps.clock, STORE_RETRY_MS);
    }
    this.#working = false;
  }

  /** The answers; undefined if the store refused one and all have to be asked again, in their order. */
  async #answered(frames: readonly EndpointFrame[]): Promise<BridgeFrame[] | undefined> {
    const { endpoints, log } = this.#deps;
    if (!endpoints) {
      const why = 'no door takes what would be pushed: see doors.webpush';
      return frames.map((frame) => refused(frame, 'INVALID_ENDPOINT', why));
    }
    const results = await Promise.allSettled(
      frames.map((frame) =>
        frame.message_type === 'ENDPOINT_REGISTER'
          ? this.#register(frame, endpoints)
          : this.#unregister(frame, endpoints),
      ),
    );
    const answers = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
    const failed = results.find((result) => result.status === 'rejected');
    if (!failed) return answers;
    if (isClosed(failed.reason)) this.close();
    tellRefusal(log, 'endpoints not stored, trying again', failed.reason, { session: this.#session });
    return undefined;
  }

  async #register(
    frame: Extract<EndpointFrame, { message_type: 'ENDPOINT_REGISTER' }>,
    endpoints: Pick<Endpoints, 'register'>,
  ): Promise<BridgeFrame> {
    const { token, vapid } = frame;
    // [RFC 8292 §3.2] With a key that is none, nobody could ever push.
    if (vapid !== undefined && !isVapidKey(vapid)) {
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
    return fcmProblem(this.#deps.router, chosen, to) ?? fcmEndpoint(chosen, to, token);
  }

  async #unregister({ token }: EndpointFrame, endpoints: Pick<Endpoints, 'revoke'>): Promise<BridgeFrame> {
    await endpoints.revoke({ owner: this.#owner, name: token });
    return { message_type: 'ENDPOINT_UNREGISTERED', token };
  }

  get #owner(): string {
    return endpointOwner(this.#session);
  }
}

function refused({ token }: EndpointFrame, error: ErrorCode, error_string: string): BridgeFrame {
  return { message_type: 'ENDPOINT_UNREGISTERED', token, error, error_string };
}

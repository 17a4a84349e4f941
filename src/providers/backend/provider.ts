import {
  BACKEND,
  type Endpoints,
  type Health,
  type Message,
  type Outcome,
  type Provider,
  type Refusal,
  type Registration,
  type Router,
  type Sessions,
} from '../../core/index.ts';
import type { Timer } from '../../lib/clock.ts';
import { readPushHeaders } from '../../protocols/webpush/index.ts';

/** Pushes on their way to one backend: into its inbox, or waiting for its ACK. */
const IN_FLIGHT_MAX = 1_000;

export interface BackendDeps {
  readonly session: string;
  readonly sessions: Sessions;
  readonly router: Pick<Router, 'forward'>;
  readonly endpoints: Pick<Endpoints, 'find'>;
}

/**
 * The way to a backend that owns endpoints: what is pushed there waits in the outbox, with its TTL and its topic, until a
 * backend is connected; then it is an upstream message. One whose sender wants to hear of it counts as delivered when the
 * backend has acknowledged it.
 */
export class BackendProvider implements Provider {
  readonly name: string;
  readonly #deps: BackendDeps;
  /** Those that wait for an ACK, and what ends their wait. */
  readonly #waiting = new Map<Timer, () => void>();
  #inFlight = 0;
  #running = false;
  #listener: () => void = () => {};

  constructor(deps: BackendDeps) {
    this.name = BACKEND + deps.session;
    this.#deps = deps;
  }

  inspect(): Refusal | undefined {
    return undefined;
  }

  room(): number {
    const { session, sessions } = this.#deps;
    if (!this.#running || sessions.connectionsOf(session) === 0 || sessions.inboxFull(session)) return 0;
    return Math.max(0, IN_FLIGHT_MAX - this.#inFlight);
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#deps.sessions.onAttach(this.#deps.session, () => this.#listener());
  }

  async stop(): Promise<void> {
    this.#running = false;
    for (const [timer, giveUp] of this.#waiting) {
      timer.cancel();
      giveUp();
    }
  }

  health(): Health {
    const connections = this.#deps.sessions.connectionsOf(this.#deps.session);
    return { state: 'ok', facts: { connections, in_flight: this.#inFlight } };
  }

  async deliver(message: Message): Promise<Outcome> {
    this.#inFlight++;
    try {
      return await this.#deliver(message);
    } finally {
      this.#inFlight--;
      this.#listener();
    }
  }

  async #deliver(message: Message): Promise<Outcome> {
    const { session, sessions, router, endpoints } = this.#deps;
    const found = await endpoints.find(message.target);
    if (typeof found !== 'object') return gone;
    const data = upstream(session, message, found);
    if (data === undefined) return { kind: 'refused', code: 'INTERNAL_SERVER_ERROR', because: 'no push', reply: '{}' };
    const incoming = { provider: this.name, from: message.target, id: message.messageId, data };
    const received = await router.forward(session, incoming);
    if (received.kind === 'full') {
      const because = 'the inbox of the backend is full';
      return { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because, reply: '{}' };
    }
    if (message.answer !== 'kept' || received.kind !== 'stored') return accepted;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const timer = sessions.whenAcknowledged(session, received.sequence, () => resolve(accepted));
    // Whoever asks after a restart hears that it was delivered: it lies in the inbox, and nothing takes it from there.
    this.#waiting.set(timer, () => resolve({ kind: 'unanswered', because: 'the bridge stops' }));
    return promise.finally(() => this.#waiting.delete(timer));
  }
}

const accepted: Outcome = { kind: 'accepted', reply: '{}' };
const gone: Outcome = { kind: 'gone', code: 'DEVICE_UNREGISTERED', because: 'no such endpoint any more', reply: '{}' };

/** `fcm_data` of the upstream message. */
function upstream(session: string, message: Message, { data }: Registration): string | undefined {
  if (message.payload.kind !== 'opaque') return undefined;
  const headers = readPushHeaders(message.payload.headers);
  if (!headers) return undefined;
  const { token } = JSON.parse(data) as { token: string };
  const { encoding, ttl, urgency, topic } = headers;
  return JSON.stringify({
    from: 'unifiedpush',
    category: session,
    message_id: message.messageId,
    push: {
      token,
      content: Buffer.from(message.payload.body).toString('base64'),
      ...(encoding !== undefined && { content_encoding: encoding }),
      ttl,
      urgency,
      ...(topic !== undefined && { topic }),
    },
  });
}

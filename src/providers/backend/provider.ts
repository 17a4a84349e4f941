import {
  BACKEND,
  type Endpoints,
  type Health,
  type Message,
  type Outcome,
  type Provider,
  type Received,
  type Refusal,
  type Registration,
  type Router,
  type Sessions,
} from '../../core/index.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { readPushHeaders } from '../../protocols/webpush/index.ts';

/** Pushes on their way to one backend: into its inbox, or waiting for its ACK. */
const IN_FLIGHT_MAX = 1_000;
/** Whatever its TTL was: so long, at least, a backend may take to acknowledge a push whose sender wants to hear of it. */
const ACK_WAIT_MIN_MS = 60_000;

export interface BackendDeps {
  readonly session: string;
  readonly sessions: Sessions;
  readonly router: Pick<Router, 'forward'>;
  readonly endpoints: Pick<Endpoints, 'find'>;
  readonly clock: Clock;
}

/**
 * The way to a backend that owns endpoints: what is pushed there waits in the outbox, with its TTL and its topic, until a
 * backend is connected; then it is an upstream message. One whose sender wants to hear of it counts as delivered when the
 * backend has acknowledged it; one that is not acknowledged while it lives has expired, though the backend may yet read it.
 */
export class BackendProvider implements Provider {
  readonly name: string;
  readonly #deps: BackendDeps;
  /** What ends the wait of those that wait for an ACK. */
  readonly #waiting = new Set<(because: string) => void>();
  #inFlight = 0;
  /** Of these, on their way into the inbox. */
  #forwarding = 0;
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
    if (!this.#running || sessions.connectionsOf(session) === 0) return 0;
    const places = sessions.inboxRoom(session) - this.#forwarding;
    return Math.max(0, Math.min(IN_FLIGHT_MAX - this.#inFlight, places));
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#deps.sessions.onInboxRoom(this.#deps.session, () => this.#listener());
  }

  /** Takes nothing more, and waits for no ACK: that may take longer than whoever stops the bridge would wait. */
  async closeGate(): Promise<void> {
    this.#running = false;
    for (const giveUp of [...this.#waiting]) giveUp('the bridge stops');
  }

  stop(): Promise<void> {
    return this.closeGate();
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
    let received: Received | Outcome;
    this.#forwarding++;
    try {
      received = await this.#forward(message);
    } catch {
      // The store says itself what is the matter; while it refuses, nothing is lent.
      return { kind: 'unanswered', because: 'the store can not be asked' };
    } finally {
      this.#forwarding--;
    }
    switch (received.kind) {
      case 'stored':
        return message.answer === 'kept' ? this.#acknowledged(message, received.sequence) : accepted;
      case 'duplicate':
        // Whoever asks after a restart hears that it was delivered: it lies in the inbox, or was acknowledged.
        return accepted;
      case 'dead':
      case 'full':
        return full;
      default:
        return received;
    }
  }

  /** Into the inbox. */
  async #forward(message: Message): Promise<Received | Outcome> {
    const { session, endpoints, router } = this.#deps;
    const found = await endpoints.find(message.target);
    if (typeof found !== 'object') return gone;
    const data = upstream(session, message, found);
    if (data === undefined) return { kind: 'refused', code: 'INTERNAL_SERVER_ERROR', because: 'no push', reply: '{}' };
    return router.forward(session, { provider: this.name, from: message.target, id: message.messageId, data });
  }

  /** Resolves with the ACK. A backend that never sends one must not keep its place for ever. */
  #acknowledged({ expiresAt }: Message, sequence: number): Promise<Outcome> {
    const { session, sessions, clock } = this.#deps;
    if (!this.#running) return Promise.resolve({ kind: 'unanswered', because: 'the bridge stops' });
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const giveUp = (because: string): void => resolve({ kind: 'unanswered', because });
    const ack: Timer = sessions.whenAcknowledged(session, sequence, () => resolve(accepted));
    const wait = Math.max(expiresAt - clock.now() + 1, ACK_WAIT_MIN_MS);
    const end = clock.after(wait, () => giveUp('the backend has not acknowledged it'));
    this.#waiting.add(giveUp);
    return promise.finally(() => {
      ack.cancel();
      end.cancel();
      this.#waiting.delete(giveUp);
    });
  }
}

const accepted: Outcome = { kind: 'accepted', reply: '{}' };
const gone: Outcome = { kind: 'gone', code: 'DEVICE_UNREGISTERED', because: 'no such endpoint any more', reply: '{}' };
const full: Outcome = {
  kind: 'later',
  scope: 'message',
  code: 'SERVICE_UNAVAILABLE',
  because: 'the inbox of the backend is full',
  reply: '{}',
};

/** `fcm_data` of the upstream message. The endpoint is called what the backend calls it. */
function upstream(session: string, { messageId, payload }: Message, { name }: Registration): string | undefined {
  if (payload.kind !== 'opaque') return undefined;
  const headers = readPushHeaders(payload.headers);
  if (!headers) return undefined;
  const { encoding, type, ttl, urgency, topic, legacy } = headers;
  return JSON.stringify({
    from: 'unifiedpush',
    category: session,
    message_id: messageId,
    push: {
      token: name,
      content: Buffer.from(payload.body).toString('base64'),
      ...(encoding !== undefined && { content_encoding: encoding }),
      ...(type !== undefined && { content_type: type }),
      // Without these nobody decrypts what the encoding `aesgcm` has encrypted.
      ...legacy,
      ttl,
      urgency,
      ...(topic !== undefined && { topic }),
    },
  });
}

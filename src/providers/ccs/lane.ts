import type { Message, Outcome, Receiver } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { ackStanza, pingStanza, readServerMessage, type ServerMessage } from '../../protocols/ccs/index.ts';
import { ClientStream, type ClientStreamEnd as StreamEnd, type StreamHandler } from '../../protocols/xmpp/index.ts';
import { type Flight, Flights } from './flights.ts';
import { outcomeOfAck, outcomeOfError, outcomeOfNack } from './outcomes.ts';
import { stanzaOf } from './stanza.ts';
import { UpstreamDesk } from './upstream.ts';
import { Watch } from './watch.ts';

/**
 * `open` takes work. `draining`: the server asked us to leave, and will close. `retiring`: we leave, as soon as nothing is
 * in flight. In both, answers are still taken and upstream messages acknowledged.
 */
export type LaneState = 'open' | 'draining' | 'retiring' | 'closed';

export interface LaneEvents {
  /** A message got its outcome: its place in the window is free. */
  onFreed(lane: Lane): void;
  /** The server is about to close the connection. */
  onDraining(lane: Lane): void;
  /** Messages got no ack in time; they are resolved already. */
  onOverdue(lane: Lane, count: number): void;
  /** The end. `left` are the messages without an answer: they are the listener's now. */
  onEnded(lane: Lane, end: StreamEnd, left: readonly Flight[]): void;
  /** Something may have come to rest. */
  onQuiet(lane: Lane): void;
  onFault(error: unknown): void;
  /** CCS did not like an ack of ours. */
  onBadAck(lane: Lane, description: string): void;
  /** Counts an event for the metrics. */
  count(event: string): void;
}

export interface LaneSettings {
  readonly clock: Clock;
  readonly ackTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly maxStanzaBytes: number;
  readonly receiver: Receiver;
}

/** How long a closed stream waits for the server's own close. */
const CLOSE_MS = 2_000;

/** A connection and what is in flight on it. */
export class Lane implements StreamHandler {
  /** Counted from 1 in this process. */
  readonly id: number;
  readonly stream: ClientStream;
  readonly #settings: LaneSettings;
  readonly #events: LaneEvents;
  readonly #desk: UpstreamDesk;
  readonly #flights = new Flights();
  readonly #watch: Watch;
  #state: LaneState = 'open';
  #formerly: LaneState = 'open';
  #changedAt = 0;
  #useful = false;
  /** When it last carried a message, on the monotonic clock. */
  usedAt: number;
  readonly openedAt: number;

  constructor(id: number, settings: LaneSettings, events: LaneEvents) {
    this.id = id;
    this.#settings = settings;
    this.#events = events;
    const { clock, maxStanzaBytes, pingIntervalMs, ackTimeoutMs } = settings;
    this.stream = new ClientStream({ clock, maxStanzaBytes, closeMs: CLOSE_MS }, this);
    this.openedAt = this.usedAt = clock.monotonic();
    this.#watch = new Watch(this.stream, { pingIntervalMs, writeTimeoutMs: ackTimeoutMs }, this.openedAt);
    this.#desk = new UpstreamDesk({
      clock,
      receiver: settings.receiver,
      ack: (to, messageId) => {
        if (this.stream.send(ackStanza(to, messageId))) {
          this.#useful = true;
          this.#watch.wrote(clock.monotonic());
        } else events.count('upstream_unacked');
      },
      pause: (paused) => this.#watch.pause(paused, clock.monotonic()),
      done: () => this.#rest(),
      refused: () => events.count('upstream_refused'),
    });
  }

  get state(): LaneState {
    return this.#state;
  }

  /** The state before this one. */
  get formerly(): LaneState {
    return this.#formerly;
  }

  /** When the state last changed, on the monotonic clock. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** Whether it settled anything: a message got its answer, or a device's message its ack. */
  get useful(): boolean {
    return this.#useful;
  }

  /** Messages without an answer. */
  get inFlight(): number {
    return this.#flights.size;
  }

  /** Nothing in flight in either direction. */
  get quiet(): boolean {
    return this.#flights.size === 0 && this.#desk.pending === 0;
  }

  /** Sends a message. False if the connection is already closing: then nothing was sent, and nobody is told. */
  send(flight: Flight, now: number): boolean {
    if (!this.stream.send(stanzaOf(flight.message, now))) return false;
    this.usedAt = this.#settings.clock.monotonic();
    const before = this.#flights.add(flight, this.usedAt);
    if (before) {
      before.resolve({ kind: 'unanswered', because: 'sent again' });
      this.#events.onFreed(this);
    }
    return true;
  }

  /** Takes no more work from now on; the server will close. */
  drain(): void {
    if (this.#state === 'open') this.#become('draining');
  }

  /** Takes no more work from now on, and closes when nothing is in flight. */
  retire(): void {
    if (this.#state !== 'open') return;
    this.#become('retiring');
    this.#rest();
  }

  /** Closes in order, whatever is in flight. Resolves when the socket is gone. */
  close(): Promise<void> {
    this.#desk.end();
    return this.stream.close();
  }

  /** Looks at deadlines. `now` is monotonic. */
  sweep(now: number): void {
    if (this.#state === 'closed') return;
    const verdict = this.#watch.look(now);
    if (verdict === 'ping_timeout') this.#giveUp(verdict, 'no sign of life');
    if (verdict === 'write_timeout') this.#giveUp(verdict, 'it reads nothing');
    // [XEP-0199] Silence is answered with a ping; silence after that is the end.
    if (verdict === 'ping') this.stream.send(pingStanza(`ping-${this.id}-${Math.round(now)}`));
    if (verdict === 'ping' || verdict === 'fine') this.#sweepAcks(now);
    const { ackTimeoutMs } = this.#settings;
    if (this.#state === 'retiring' && now - this.#changedAt >= ackTimeoutMs) void this.close();
  }

  onMessage(element: Parameters<StreamHandler['onMessage']>[0]): void {
    const message = readServerMessage(element);
    switch (message.kind) {
      case 'ack':
        this.#answer(message.wireId, (to) => outcomeOfAck(message, to));
        break;
      case 'nack':
        this.#nack(message);
        break;
      case 'upstream':
      case 'receipt':
        this.#desk.take(message);
        break;
      case 'draining':
        this.#events.onDraining(this);
        break;
      case 'stanza-error':
        this.#error(message);
        break;
      case 'unknown':
        this.#events.count(message.reason);
        break;
    }
  }

  onEnd(end: StreamEnd): void {
    if (this.#state === 'closed') return;
    this.#become('closed');
    this.#desk.end();
    this.#events.onEnded(this, end, this.#flights.takeAll());
  }

  onFault(error: unknown): void {
    this.#events.onFault(error);
  }

  #become(state: LaneState): void {
    this.#formerly = this.#state;
    this.#state = state;
    this.#changedAt = this.#settings.clock.monotonic();
  }

  #answer(wireId: string, outcome: (message: Message) => Outcome): void {
    const flight = this.#flights.take(wireId);
    if (!flight) {
      // A late answer, or one that was never ours: the promise has been resolved, the store knows what to do.
      this.#events.count('unexpected_answer');
      return;
    }
    const given = outcome(flight.message);
    if (given.kind !== 'unsent') this.#useful = true;
    flight.resolve(given);
    this.#events.onFreed(this);
    this.#rest();
  }

  #nack(nack: Extract<ServerMessage, { kind: 'nack' }>): void {
    if (nack.code === 'BAD_ACK') {
      // About an ack of ours, so the id is that of an upstream message.
      this.#events.count('bad_ack');
      this.#events.onBadAck(this, nack.description);
      return;
    }
    if (nack.code === 'CONNECTION_DRAINING') this.#events.onDraining(this);
    this.#answer(nack.wireId, (message) => outcomeOfNack(nack, message));
  }

  #error(error: Extract<ServerMessage, { kind: 'stanza-error' }>): void {
    if (error.code === 406) {
      // "Acks for messages not sent over this connection": nothing to send again, and never to be answered. [fcm.md §1.7]
      this.#events.count('error_406');
      return;
    }
    this.#events.count('stanza_error');
    const id = error.ids.find((candidate) => this.#flights.has(candidate));
    this.#answer(id ?? '', (message) => outcomeOfError(error, message));
  }

  #sweepAcks(now: number): void {
    const { ackTimeoutMs } = this.#settings;
    if (now - this.#watch.readableSince < ackTimeoutMs) return;
    const overdue = this.#flights.takeOverdue(now - ackTimeoutMs);
    if (overdue.length === 0) return;
    for (const { resolve } of overdue) resolve({ kind: 'unanswered', because: `no ack within ${ackTimeoutMs} ms` });
    this.#events.onOverdue(this, overdue.length);
    this.#rest();
  }

  #giveUp(event: string, why: string): void {
    this.#events.count(event);
    this.onEnd({ kind: 'failed', error: new Error(why) });
    this.stream.destroy();
  }

  #rest(): void {
    if (this.#state === 'retiring' && this.quiet) void this.close();
    if (this.quiet) this.#events.onQuiet(this);
  }
}
